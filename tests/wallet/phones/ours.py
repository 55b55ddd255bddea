"""Our design in memory: what a database does of it (what is visible when, who waits for whom) is modelled here, and
what is decided is decided by the product (rules/passes/updates.py). test_on_postgresql.py runs the same phone on the
product's own statements."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from rules.passes.updates import http_date, is_newer, is_unmodified, next_modified, parse_tag, tag, whole
from tests.wallet.phones.world import CARDS, Got

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
# Shorter than the product's, so that more happens in a run.
WINDOW_S = 0.5


def at(now: float) -> datetime:
    """An instant of a run."""
    return EPOCH + timedelta(seconds=now)


class Told(NamedTuple):
    """What phones were told of a card."""

    revision: int
    modified_at: datetime
    value: int


class Change(NamedTuple):
    """A writer's open transaction."""

    card: int
    value: int
    began: float


class Mark(NamedTuple):
    """A card may have changed. One that `is_ahead` counts as changed whatever it says."""

    card: int
    due: float
    is_ahead: bool = False


class Refresh(NamedTuple):
    """A refresher's open transaction: the marks that it takes, the revisions that it gives."""

    taken: list[Mark]
    told: dict[int, Told]


class Ours:
    """Marks behind the writers, revisions in the order of commits, Last-Modified never twice the same."""

    def __init__(self) -> None:
        self.values = dict.fromkeys(range(CARDS), 0)
        self.told: dict[int, Told] = {}
        self.registered: set[int] = set()
        self._recorded: list[tuple[int, float]] = []
        self._marks: list[Mark] = [Mark(card, 0) for card in self.values]
        self._revision = 0
        self._refreshing: Refresh | None = None

    def begin(self, card: int, value: int, now: float) -> Change:
        """Its record is dated now, and seen when it is committed."""
        return Change(card, value, now)

    def commit(self, change: Change, now: float) -> bool:
        """Nobody is told by the writer."""
        self.values[change.card] = change.value
        self._recorded.append((change.card, change.began))
        return False

    def look(self, now: float) -> None:
        """Makes marks of what was recorded."""
        self._marks += [Mark(card, began + WINDOW_S) for card, began in self._recorded]
        self._recorded.clear()

    def refresh(self, now: float) -> Refresh | None:
        """Takes marks, and reads behind them. Others that refresh wait for its end, so there is one at a time."""
        due = {mark.card for mark in self._marks if mark.due <= now}
        if not due:
            return None
        taken = [mark for mark in self._marks if mark.card in due]
        changed = [card for card in sorted(due) if self.is_changed(card, taken)]
        told = {}
        for revision, card in enumerate(changed, start=self._revision + 1):
            before = self.told[card].modified_at if card in self.told else EPOCH
            told[card] = Told(revision, next_modified(at(now), before), self.values[card])
        self._refreshing = Refresh(taken, told)
        return self._refreshing

    def is_changed(self, card: int, taken: list[Mark]) -> bool:
        """Whether it gets a revision."""
        ahead = any(mark.card == card and mark.is_ahead for mark in taken)
        return ahead or card not in self.told or self.told[card].value != self.values[card]

    def end(self, refresh: Refresh, killed: bool, now: float) -> bool:
        """Marks go with the revisions that they became."""
        self._refreshing = None
        if killed:
            return False
        for mark in refresh.taken:
            self._marks.remove(mark)
        self.told |= refresh.told
        self._revision += len(refresh.told)
        return bool(self.registered.intersection(refresh.told))

    def register(self, card: int, now: float) -> bool:
        """Nobody knows when the card was made that the phone has."""
        self.registered.add(card)
        return self.note_ahead(card, now)

    def changed(self, asked: str, now: float) -> tuple[Sequence[int], str]:
        """By the product's own rule."""
        revisions = {card: self.told[card].revision if card in self.told else 0 for card in self.registered}
        after = parse_tag(asked)
        found = [card for card, revision in revisions.items() if is_newer(revision, after)]
        return found, tag(max(revisions[card] for card in found)) if found else ""

    def get(self, card: int, if_modified_since: str, now: float) -> Got:
        """By the product's own rule, as wallet/web/passkit.py has it."""
        told, value = self.told.get(card), self.values[card]
        modified_at = told.modified_at if told else whole(EPOCH)
        if is_unmodified(if_modified_since, modified_at):
            return Got(304)
        if (told is None or told.value != value) and not self.note_ahead(card, now):
            return Got(503)
        return Got(200, value, http_date(modified_at))

    def note_ahead(self, card: int, now: float) -> bool:
        """One for each card. Where a refresher has taken it, its end is waited for; here, the phone comes again."""
        if self._refreshing and any(mark.card == card and mark.is_ahead for mark in self._refreshing.taken):
            return False
        if not any(mark.card == card and mark.is_ahead for mark in self._marks):
            self._marks.append(Mark(card, now, is_ahead=True))
        return True

    def truth(self, card: int) -> int:
        """What is committed."""
        return self.values[card]


class Untold(Ours):
    """Ours, but for what was handed out before it was a revision: what is taken back in between is no news."""

    def note_ahead(self, card: int, now: float) -> bool:
        """Nobody remembers."""
        return True


class Unregistered(Ours):
    """Ours, but for what changed between the making of a card and its registration."""

    def register(self, card: int, now: float) -> bool:
        """As if the phone had what is told."""
        self.registered.add(card)
        return True
