"""The designs of reference §2.3 that lose updates, as others have them: the row that a writer changes carries when it
was changed, and phones are pushed after each commit."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from rules.passes.updates import http_date, is_unmodified, next_modified
from tests.wallet.phones.ours import EPOCH, Change, at
from tests.wallet.phones.world import CARDS, Got


class Row(NamedTuple):
    """A card as it is committed."""

    value: int = 0
    updated_at: float = 0.0
    modified_at: datetime = EPOCH


class NewestOnly:
    """tag = max(updated_at), and of what is newer only the passes that equal it (django-walletpass 5.0.1)."""

    def __init__(self) -> None:
        self.rows = {card: Row() for card in range(CARDS)}
        self.registered: set[int] = set()

    def begin(self, card: int, value: int, now: float) -> Change:
        """What it writes is dated now."""
        return Change(card, value, now)

    def commit(self, change: Change, now: float) -> bool:
        """Whoever reads sees it from now on."""
        self.rows[change.card] = self.row(change)
        return change.card in self.registered

    def row(self, change: Change) -> Row:
        """What a writer writes."""
        return Row(change.value, change.began, at(change.began))

    def look(self, now: float) -> None:
        """Nobody does anything behind the writers."""

    def refresh(self, now: float) -> None:
        """Nobody does anything behind the writers."""

    def end(self, refresh: object, killed: bool, now: float) -> bool:
        """There is none."""
        raise AssertionError

    def register(self, card: int, now: float) -> bool:
        """It asks for all of it."""
        self.registered.add(card)
        return True

    def changed(self, asked: str, now: float) -> tuple[Sequence[int], str]:
        """By dates."""
        dates = {card: self.date(self.rows[card]) for card in self.registered}
        newest = max(dates.values(), default=0.0)
        found = [card for card, date in dates.items() if not asked or date > float(asked)]
        return self.told(found, dates), str(newest) if found else ""

    def told(self, found: list[int], dates: dict[int, float]) -> list[int]:
        """Those of the changed ones that a phone is told of."""
        return [card for card in found if dates[card] == max(dates.values())]

    def date(self, row: Row) -> float:
        """When it was changed, as phones are told."""
        return row.updated_at

    def get(self, card: int, if_modified_since: str, now: float) -> Got:
        """In whole seconds, as HTTP has them."""
        row = self.rows[card]
        modified_at = row.modified_at.replace(microsecond=0)
        if is_unmodified(if_modified_since, modified_at):
            return Got(304)
        return Got(200, row.value, http_date(modified_at))

    def truth(self, card: int) -> int:
        """What is committed."""
        return self.rows[card].value


class WholeSeconds(NewestOnly):
    """tag and `updated_at >` in whole seconds (laravel-mobile-pass, and many)."""

    def date(self, row: Row) -> float:
        """Cut off."""
        return float(int(row.updated_at))

    def told(self, found: list[int], dates: dict[int, float]) -> list[int]:
        """All of them."""
        return found


class Microseconds(WholeSeconds):
    """A tag in microseconds, and Last-Modified in whole seconds (the usual mend)."""

    def date(self, row: Row) -> float:
        """As it is."""
        return row.updated_at


class Drawn(Microseconds):
    """A sequence number that is drawn when the transaction begins, and a Last-Modified that never repeats (use a
    SERIAL)."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn = 0

    def begin(self, card: int, value: int, now: float) -> Change:
        """Before it is known who commits first."""
        self._drawn += 1
        return Change(card, value, float(self._drawn))

    def row(self, change: Change) -> Row:
        """The Last-Modified is right, whenever it is committed."""
        before = self.rows[change.card].modified_at
        return Row(change.value, change.began, next_modified(before, before))
