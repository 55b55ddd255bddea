"""An account in the middle of an act: what is known of it, and everything the act has changed so far.

The rules work on a draft; nothing is true until the books take it over. Whoever drops it has changed nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from rules.accounts import (
    UNITS_MAX,
    Account,
    Entry,
    EntryKind,
    Figures,
    Hold,
    HoldState,
    Lot,
    LotState,
    Shortfall,
    ShortfallKind,
)
from rules.programs import Term
from rules.refusals import AmountTooLarge

# The instant to which an activity of a type slides the expiry of lots of a settings version; None: it does not count.
Sliding = Callable[[int, str, datetime], datetime | None]

Allocations = Iterable[tuple[int, int]]


class LotsNotAtHand(Exception):
    """The books brought fewer lots than the act needs; they must be asked again."""


class TimeKind(StrEnum):
    """What time does to an account."""

    ACTIVATED = "ACTIVATED"
    EXPIRED = "EXPIRED"
    REPAID = "REPAID"
    HOLD_EXPIRED = "HOLD_EXPIRED"


class Passed(NamedTuple):
    """One thing that time did: an entry, or a hold that ended; and the balance before and after it."""

    kind: TimeKind
    at: datetime
    before: Figures
    after: Figures
    entry: Entry | None = None
    hold: Hold | None = None


def _never_slides(version: int, activity_type: str, at: datetime) -> datetime | None:
    return None


class Draft:
    """One account, with those of its lots, holds and debts that are at hand.

    `rest_due_at` is the next instant at which time changes what is not at hand. `sliding_expiries` has the shared
    expiry of each group of sliding lots, by settings version. `passed` and `entries` are what time and the act did;
    `cancellations` what the act took back of pending lots, of which no entry tells: points by lot.
    """

    __slots__ = (
        "account",
        "cancellations",
        "changed_holds",
        "changed_lots",
        "changed_shortfalls",
        "changed_sliding_expiries",
        "entries",
        "holds",
        "is_cut",
        "lots",
        "passed",
        "rest_due_at",
        "shortfalls",
        "sliding",
        "sliding_expiries",
        "told",
    )

    def __init__(
        self,
        account: Account,
        lots: Mapping[int, Lot] | None = None,
        holds: Mapping[int, Hold] | None = None,
        shortfalls: Mapping[int, Shortfall] | None = None,
        sliding_expiries: Mapping[int, datetime] | None = None,
        sliding: Sliding = _never_slides,
        rest_due_at: datetime | None = None,
    ) -> None:
        self.account = account
        # As the records of what happened to it have it so far.
        self.told = account.figures
        self.lots = dict(lots) if lots else {}
        self.holds = dict(holds) if holds else {}
        self.shortfalls = dict(shortfalls) if shortfalls else {}
        self.sliding_expiries = dict(sliding_expiries) if sliding_expiries else {}
        self.sliding = sliding
        self.rest_due_at = rest_due_at
        # Whether lots that an act may take from were left out, because it asks for more than the account had.
        self.is_cut = False
        self.passed: list[Passed] = []
        self.entries: list[Entry] = []
        self.cancellations: dict[int, int] = {}
        self.changed_lots: set[int] = set()
        self.changed_holds: set[int] = set()
        self.changed_shortfalls: set[int] = set()
        self.changed_sliding_expiries: set[int] = set()

    def tell(self) -> tuple[Figures, Figures]:
        """The balance when this was asked last, and now: what the record of an act tells of it."""
        before, self.told = self.told, self.account.figures
        return before, self.told

    def post(
        self,
        kind: EntryKind,
        allocations: Allocations,
        at: datetime,
        transaction_id: str | None = None,
        hold: int | None = None,
        reverses: int | None = None,
    ) -> Entry:
        """Makes an entry: changes the lots, the active points, and the lifetime figure that the kind belongs to.

        A pending lot gives what is left of it and becomes active; any other gains or loses what is allocated.
        """
        kept = tuple(allocations)
        amount = activated = 0
        for number, points in kept:
            amount += points
            lot = self.lots[number]
            if lot.state is LotState.PENDING:
                activated += points
                lot = lot._replace(state=LotState.ACTIVE)
            else:
                remaining = lot.remaining + points
                state = LotState.ACTIVE if remaining else _ENDS.get(kind, LotState.DEPLETED)
                lot = lot._replace(remaining=remaining, state=state)
            self.put(lot)
        account = self.account
        figure, sign = _figure(kind, amount)
        active = account.active + amount
        seq = account.entries + 1
        self.account = account._replace(
            pending=account.pending - activated,
            active=active,
            version=account.version + 1,
            entries=seq,
            **{figure: getattr(account, figure) + sign * amount},
        )
        return Entry(seq, kind, amount, active, account.held, account.debt, at, kept, transaction_id, hold, reverses)

    def issue(
        self,
        points: int,
        term: Term,
        settings_version: int,
        issued_at: datetime,
        transaction_id: str | None = None,
        origin: int | None = None,
        origin_account: int | None = None,
    ) -> Lot:
        """Adds a pending lot. Raises AmountTooLarge."""
        account = self.account
        if account.active + account.pending + points > UNITS_MAX:
            raise AmountTooLarge(limit=UNITS_MAX)
        lot = Lot(
            account.lots + 1,
            LotState.PENDING,
            points,
            points,
            term.activates_at,
            term.expires_at,
            settings_version,
            issued_at,
            transaction_id,
            slides=term.slides,
            awaits=term.awaits or None,
            origin=origin,
            origin_account=origin_account,
        )
        self.account = account._replace(lots=lot.number, pending=account.pending + points, version=account.version + 1)
        self.put(lot)
        return lot

    def put(self, lot: Lot) -> None:
        """Takes over a lot as it stands now."""
        self.lots[lot.number] = lot
        self.changed_lots.add(lot.number)

    def put_hold(self, hold: Hold) -> None:
        """Takes over a hold as it stands now."""
        self.holds[hold.number] = hold
        self.changed_holds.add(hold.number)

    def put_shortfall(self, shortfall: Shortfall) -> None:
        """Takes over a shortfall as it stands now."""
        self.shortfalls[shortfall.number] = shortfall
        self.changed_shortfalls.add(shortfall.number)

    def expires_at(self, lot: Lot) -> datetime | None:
        """The first instant at which a lot is no longer usable."""
        return self.sliding_expiries.get(lot.settings_version) if lot.slides else lot.expires_at

    def slides_beyond(self, version: int, at: datetime) -> bool:
        """Whether the sliding lots of a settings version have an end that lies after an instant."""
        return (end := self.sliding_expiries.get(version)) is not None and end > at

    def extend_sliding_expiries(self, activity_type: str, at: datetime) -> None:
        """Moves the expiry of each group of sliding lots on, where that type of activity counts for it."""
        for version in list(self.sliding_expiries):
            self.extend_sliding_expiry(version, activity_type, at)

    def extend_sliding_expiry(self, version: int, activity_type: str, at: datetime) -> None:
        """The same for one group, which begins with it; an expiry never moves back."""
        to = self.sliding(version, activity_type, at)
        if to is None or (version in self.sliding_expiries and self.sliding_expiries[version] >= to):
            return
        if version not in self.sliding_expiries:
            self.account = self.account._replace(sliding_expiries=self.account.sliding_expiries + 1)
        self.sliding_expiries[version] = to
        self.changed_sliding_expiries.add(version)

    def allocate(self, points: int, kind: EntryKind = EntryKind.SPEND) -> list[tuple[int, int]]:
        """Which lots give that many free points, in consumption order, as allocations."""
        if self.is_cut:
            raise LotsNotAtHand
        allocations = []
        wanted = points
        for lot in self.in_consumption_order():
            if not wanted:
                break
            taken = min(wanted, lot.free)
            allocations.append((lot.number, -taken))
            wanted -= taken
        if wanted:
            raise LotsNotAtHand
        return allocations

    def in_consumption_order(self) -> list[Lot]:
        """Active lots with free points: those that expire first first, never-expiring last, then by activation."""
        free = [lot for lot in self.lots.values() if lot.state is LotState.ACTIVE and lot.free]
        return sorted(free, key=self._rank)

    def _rank(self, lot: Lot) -> tuple[bool, datetime | None, datetime | None, int]:
        expires_at = self.expires_at(lot)
        return (expires_at is None, expires_at, lot.activates_at, lot.number)

    def repay(self, at: datetime) -> Entry | None:
        """Debt takes the points that have become free, the oldest debt first."""
        points = min(self.account.debt, self.account.free)
        if not points:
            return None
        self.account = self.account._replace(debt=self.account.debt - points)
        left = points
        for number in sorted(self.shortfalls):
            shortfall = self.shortfalls[number]
            if shortfall.kind is ShortfallKind.DEBT and (paid := min(left, shortfall.remaining)):
                left -= paid
                remaining = shortfall.remaining - paid
                self.put_shortfall(shortfall._replace(remaining=remaining, ended_at=None if remaining else at))
        if left:
            raise LotsNotAtHand
        return self.post(EntryKind.REPAYMENT, self.allocate(points), at)

    def expire(self, at: datetime) -> Entry | None:
        """Ends the free points of lots whose expiry has come; what is pinned stays with its hold."""
        overdue = [
            lot
            for lot in self.lots.values()
            if lot.state is LotState.ACTIVE and lot.free and (end := self.expires_at(lot)) is not None and end <= at
        ]
        return self._end(overdue, at)

    def expire_all(self, at: datetime) -> Entry | None:
        """Ends the free points of all lots at hand, whenever they would have expired."""
        return self._end([lot for lot in self.lots.values() if lot.state is LotState.ACTIVE and lot.free], at)

    def release(self, hold: Hold, state: HoldState, at: datetime) -> Hold:
        """Ends a hold: its pins let go of their lots."""
        for number, points in hold.pins:
            self.put(self.lots[number]._replace(held=self.lots[number].held - points))
        self.account = self.account._replace(held=self.account.held - hold.points, version=self.account.version + 1)
        ended = hold._replace(state=state, ended_at=at)
        self.put_hold(ended)
        return ended

    def activate_due(self, at: datetime) -> Entry | None:
        """Activates the pending lots whose instant has come."""
        due = [
            lot
            for lot in self.lots.values()
            if lot.state is LotState.PENDING and lot.activates_at is not None and lot.activates_at <= at
        ]
        if not due:
            return None
        due.sort(key=lambda lot: lot.number)
        given = [(lot.number, lot.remaining) for lot in due]
        entry = self.post(EntryKind.ACTIVATION, given, at, self._source(given))
        for lot in due:
            if lot.slides:
                self.extend_sliding_expiry(lot.settings_version, "", at)
        return entry

    @property
    def due_at(self) -> datetime | None:
        """Never later than the next instant at which time alone changes the account."""
        return earlier(self.rest_due_at, self.next_due())

    def next_due(self) -> datetime | None:
        """The next instant at which time changes what is at hand."""
        due = None
        for lot in self.lots.values():
            if lot.state is LotState.PENDING:
                due = earlier(due, lot.activates_at)
            elif lot.state is LotState.ACTIVE and lot.remaining > lot.held:
                due = earlier(due, self.expires_at(lot))
        for hold in self.holds.values():
            if hold.state is HoldState.ACTIVE:
                due = earlier(due, hold.expires_at)
        return due

    def _end(self, lots: list[Lot], at: datetime) -> Entry | None:
        ended = sorted((lot.number, -lot.free) for lot in lots)
        return self.post(EntryKind.EXPIRY, ended, at, self._source(ended)) if ended else None

    def _source(self, allocations: list[tuple[int, int]]) -> str | None:
        return self.lots[allocations[0][0]].transaction_id if len(allocations) == 1 else None


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The first of two instants; None where there is none."""
    if one is None or other is None:
        return one or other
    return min(one, other)


# How a lot ends that has nothing left.
_ENDS = {EntryKind.EXPIRY: LotState.EXPIRED, EntryKind.MERGE_OUT: LotState.MOVED}

# The lifetime figure that an entry belongs to, and the sign of its amount in it.
_FIGURES = {
    EntryKind.EARN: ("earned", 1),
    EntryKind.ACTIVATION: ("earned", 1),
    EntryKind.SPEND: ("spent", -1),
    EntryKind.ROLLBACK: ("spent", -1),
    EntryKind.EXPIRY: ("expired", -1),
    EntryKind.REFUND: ("revoked", -1),
    EntryKind.REPAYMENT: ("revoked", -1),
    EntryKind.TRANSFER_IN: ("moved", 1),
    EntryKind.TRANSFER_OUT: ("moved", 1),
    EntryKind.MERGE_IN: ("moved", 1),
    EntryKind.MERGE_OUT: ("moved", 1),
}


def _figure(kind: EntryKind, amount: int) -> tuple[str, int]:
    if kind is EntryKind.ADJUSTMENT:
        return ("earned", 1) if amount > 0 else ("revoked", -1)
    return _FIGURES[kind]
