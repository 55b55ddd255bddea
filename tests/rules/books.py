"""A whole account in memory, driven by the rules as the books drive them: lots, holds, shortfalls, spendings."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from rules import holds, ledger, refunds
from rules.accounts import Account, Entry, EntryKind, Hold, HoldState, Lot, LotState, Shortfall
from rules.draft import Draft, Passed
from rules.programs import RefundPolicy, Term
from rules.refunds import Claimed, Restored, RollbackPolicy, Spending

START = datetime(2025, 1, 1, tzinfo=UTC)
# The policy versions of these tests: the points of one have an end of their own, those of the other slide.
FIXED, SLIDING = 1, 2
SLIDES_FOR = timedelta(minutes=30)
TTL_MAX_S = 3600
KEEP = RollbackPolicy.KEEP_ORIGINAL_EXPIRY


def at(minute: int) -> datetime:
    """An instant of the tests' own short time line."""
    return START + timedelta(minutes=minute)


def sliding(version: int, activity_type: str, instant: datetime) -> datetime | None:
    """Points of one version last for half an hour after each spending."""
    return instant + SLIDES_FOR if version == SLIDING and activity_type in ("", "points.spent") else None


class Bought(NamedTuple):
    """A purchase: what it earned, in which lot, and what refunds claimed of it."""

    name: str
    points: int
    lot: int
    claimed: int = 0


@dataclass
class Book:
    """An account with all that ever belonged to it, and all its entries."""

    account: Account = Account()  # noqa: RUF009 - immutable
    lots: dict[int, Lot] = field(default_factory=dict)
    holds: dict[int, Hold] = field(default_factory=dict)
    shortfalls: dict[int, Shortfall] = field(default_factory=dict)
    sliding_expiries: dict[int, datetime] = field(default_factory=dict)
    spendings: dict[int, Spending] = field(default_factory=dict)
    bought: list[Bought] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    cancelled: Counter[int] = field(default_factory=Counter)

    def draft(self, now: datetime) -> Draft:
        """The account, settled, only where it says that something is due: so do the books."""
        known = (self.account, self.lots, self.holds, self.shortfalls, self.sliding_expiries)
        draft = Draft(*known, sliding)
        if self.account.is_due(now):
            ledger.settle(draft, now)
        return draft

    def keep(self, draft: Draft) -> None:
        """Takes over what time did, and what an act did."""
        self.account = draft.account._replace(due_at=draft.due_at)
        self.lots, self.holds, self.shortfalls, self.sliding_expiries = (
            draft.lots,
            draft.holds,
            draft.shortfalls,
            draft.sliding_expiries,
        )
        self.passed += draft.passed
        self.entries += [one.entry for one in draft.passed if one.entry is not None]
        self.entries += draft.entries
        self.cancelled.update(draft.cancellations)

    def settle(self, now: datetime) -> None:
        """Lets time pass."""
        self.keep(self.draft(now))

    def earn(
        self, points: int, minute: int, starts: int = 0, lasts: int | None = None, slides: bool = False
    ) -> Entry | None:
        """A purchase: `starts` is relative to now and may lie in the past, `lasts` None never expires."""
        draft = self.draft(at(minute))
        begins = at(minute + starts)
        ends = None if lasts is None or slides else begins + timedelta(minutes=lasts)
        name = f"t{len(self.bought) + 1}"
        version = SLIDING if slides else FIXED
        entry = ledger.earn(draft, points, Term(begins, ends, slides), version, at(minute), name)
        self.bought.append(Bought(name, points, draft.account.lots))
        self.keep(draft)
        return entry

    def wait(self, points: int, minute: int, awaits: str = "") -> None:
        """A purchase whose points wait for somebody, or for an event."""
        draft = self.draft(at(minute))
        name = f"t{len(self.bought) + 1}"
        ledger.earn(draft, points, Term(None, None, awaits=awaits), FIXED, at(minute), name)
        self.bought.append(Bought(name, points, draft.account.lots))
        self.keep(draft)

    def spend(self, points: int, minute: int) -> Entry:
        """A spending, which counts as activity."""
        draft = self.draft(at(minute))
        entry = ledger.spend(draft, points, at(minute))
        draft.extend_sliding_expiries("points.spent", at(minute))
        self.keep(draft)
        self._spent(entry)
        return entry

    def adjust(self, points: int, minute: int, slides: bool = False) -> Entry:
        """Points added, for ever or with those that slide, or taken away, by hand."""
        draft = self.draft(at(minute))
        if points > 0:
            term, version = Term(at(minute), None, slides), SLIDING if slides else FIXED
            entry = ledger.earn(draft, points, term, version, at(minute), kind=EntryKind.ADJUSTMENT)
            assert entry is not None
            made = entry
        else:
            made = ledger.deduct(draft, -points, at(minute))
        self.keep(draft)
        return made

    def activate(self, number: int, minute: int, lasts: int | None = None) -> Entry:
        """A pending lot activated by hand."""
        draft = self.draft(at(minute))
        entry = ledger.activate(draft, number, at(minute), None if lasts is None else at(minute + lasts))
        self.keep(draft)
        return entry

    def cancel(self, number: int, minute: int) -> int:
        """A pending lot cancelled by hand."""
        draft = self.draft(at(minute))
        points = ledger.cancel(draft, number)
        self.keep(draft)
        return points

    def hold(self, points: int, minute: int, lasts: int = 60) -> Hold:
        """Points set aside for so many minutes."""
        draft = self.draft(at(minute))
        hold = holds.create(draft, points, lasts * 60, TTL_MAX_S, at(minute))
        self.keep(draft)
        return hold

    def capture(self, number: int, minute: int, points: int = 0) -> Entry:
        """A hold captured, or a part of it."""
        draft = self.draft(at(minute))
        entry = holds.capture(draft, number, points, at(minute))
        self.keep(draft)
        self._spent(entry)
        return entry

    def release(self, number: int, minute: int) -> Hold:
        """A hold let go."""
        draft = self.draft(at(minute))
        hold = holds.release(draft, number, at(minute))
        self.keep(draft)
        return hold

    def refund(self, which: int, points: int, minute: int, policy: RefundPolicy) -> Claimed:
        """Takes back points of the purchase of that place in `bought`."""
        draft = self.draft(at(minute))
        one = self.bought[which]
        claimed = refunds.claim(draft, points, one.lot, policy, at(minute), one.name)
        self.bought[which] = one._replace(claimed=one.claimed + points)
        self.keep(draft)
        return claimed

    def roll_back(
        self,
        seq: int,
        minute: int,
        points: int = 0,
        policy: RollbackPolicy = KEEP,
        until: datetime | None = None,
    ) -> Restored:
        """Gives back a spending, or a part of it."""
        draft = self.draft(at(minute))
        restored = refunds.roll_back(draft, self.spendings[seq], points, policy, until, at(minute))
        self.spendings[seq] = restored.spending
        self.keep(draft)
        return restored

    def write_off(self, number: int, minute: int, points: int = 0) -> Shortfall:
        """Gives up a shortfall, or a part of it."""
        draft = self.draft(at(minute))
        written = refunds.write_off(draft, number, points, at(minute))
        self.keep(draft)
        return written

    def transfer(self, target: "Book", points: int, minute: int) -> tuple[Entry, Entry]:
        """Gives points to another book; this one is account 1 to it."""
        source, receiving = self.draft(at(minute)), target.draft(at(minute))
        legs = ledger.transfer(source, receiving, points, at(minute), 1)
        self.keep(source)
        target.keep(receiving)
        return legs

    def figures(self) -> dict[str, Any]:
        """Everything that must be the same however often somebody came by."""
        account = self.account._replace(due_at=None)
        return {**self.__dict__, "account": account}

    def open_holds(self) -> Iterator[Hold]:
        """Those that are neither captured nor let go."""
        return (hold for hold in self.holds.values() if hold.state is HoldState.ACTIVE)

    def pending_lots(self) -> list[int]:
        """The numbers of lots that wait."""
        return [number for number, lot in self.lots.items() if lot.state is LotState.PENDING]

    def _spent(self, entry: Entry) -> None:
        spent_at = entry.occurred_at
        self.spendings[entry.seq] = Spending(entry.seq, -entry.amount, 0, 0, spent_at, entry.allocations)
