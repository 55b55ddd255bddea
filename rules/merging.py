"""Two customers that are one: what moves from an account to another of the same card.

Lots stay single lots with the dates and the policy they had, and holds keep their lots. The way back is
rules/unmerging.py.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from rules.accounts import EntryKind, Hold, HoldState, Lot, LotState, Shortfall, ShortfallKind
from rules.draft import Draft
from rules.ledger import adopt_sliding_expiry, settle_act
from rules.programs import Term


class MovedLot(NamedTuple):
    """Lot `source`, of which `points` became lot `target` of the other account, in the state it was in."""

    source: int
    target: int
    points: int
    state: LotState


class MovedHold(NamedTuple):
    """Hold `source` that goes on as hold `target`."""

    source: int
    target: int
    points: int


class MovedShortfall(NamedTuple):
    """Shortfall `source`, of which the open `points` became shortfall `target`."""

    source: int
    target: int
    points: int
    kind: ShortfallKind


class MovedSlidingExpiry(NamedTuple):
    """A group of sliding lots that moved, and when the other account's own expired `before`, where it had one."""

    version: int
    before: datetime | None


class Moved(NamedTuple):
    """All that moved between two accounts. `version` is that of the one it moved to, once all had."""

    lots: tuple[MovedLot, ...] = ()
    holds: tuple[MovedHold, ...] = ()
    shortfalls: tuple[MovedShortfall, ...] = ()
    sliding_expiries: tuple[MovedSlidingExpiry, ...] = ()
    version: int = 0

    @property
    def active(self) -> int:
        """How many active points moved."""
        return sum(lot.points for lot in self.lots if lot.state is LotState.ACTIVE)

    @property
    def pending(self) -> int:
        """How many pending points moved."""
        return sum(lot.points for lot in self.lots if lot.state is LotState.PENDING)

    @property
    def held(self) -> int:
        """How many of the active points holds have set aside."""
        return sum(hold.points for hold in self.holds)

    @property
    def debt(self) -> int:
        """How much debt moved."""
        return sum(one.points for one in self.shortfalls if one.kind is ShortfallKind.DEBT)


def move(source: Draft, target: Draft, source_account: int, now: datetime) -> Moved:
    """Moves all that is open, and what both then owe is repaid at once from what both then have.

    Both are settled, with all that is open at hand; `source_account` names the first for lots to remember. Raises
    AmountTooLarge.
    """
    moving = sorted(lot for lot in source.lots.values() if lot.is_open)
    slides = []
    for version in sorted({lot.settings_version for lot in moving if lot.slides} & source.sliding_expiries.keys()):
        slides.append(MovedSlidingExpiry(version, target.sliding_expiries.get(version)))
        adopt_sliding_expiry(source, target, version)
    lots = tuple(
        MovedLot(lot.number, _copy(lot, target, source_account, now), lot.remaining, lot.state) for lot in moving
    )
    numbers = {lot.source: lot.target for lot in lots}
    open_holds = sorted(hold for hold in source.holds.values() if hold.state is HoldState.ACTIVE)
    holds = tuple(_move_hold(hold, source, target, numbers, now) for hold in open_holds)
    owed = sorted(shortfall for shortfall in source.shortfalls.values() if shortfall.remaining)
    shortfalls = tuple(_move_shortfall(shortfall, source, target, now) for shortfall in owed)
    for lot in lots:
        if lot.state is LotState.PENDING:
            leave_pending(source, lot.source)
    active = [lot for lot in lots if lot.state is LotState.ACTIVE]
    post_both(source, target, [(lot.source, lot.target, lot.points) for lot in active], now)
    settle_act(target, now)
    return Moved(lots, holds, shortfalls, tuple(slides), target.account.version)


def _copy(lot: Lot, target: Draft, source_account: int, now: datetime) -> int:
    # Issued, made and owed here from now on: what the account had at an instant before stays what it was.
    term = Term(lot.activates_at, lot.expires_at, lot.slides, lot.awaits or "")
    made = target.issue(lot.remaining, term, lot.settings_version, now, lot.transaction_id, lot.number, source_account)
    target.put(made._replace(held=lot.held))
    return made.number


def _move_hold(hold: Hold, source: Draft, target: Draft, numbers: Mapping[int, int], now: datetime) -> MovedHold:
    source.release(hold, HoldState.RELEASED, now)
    account = target.account
    number = account.holds + 1
    pins = tuple((numbers[lot], points) for lot, points in hold.pins)
    target.put_hold(hold._replace(number=number, pins=pins, created_at=now))
    target.account = account._replace(held=account.held + hold.points, holds=number, version=account.version + 1)
    return MovedHold(hold.number, number, hold.points)


def _move_shortfall(owed: Shortfall, source: Draft, target: Draft, now: datetime) -> MovedShortfall:
    number = target.account.shortfalls + 1
    points = owed.remaining
    target.put_shortfall(owed._replace(number=number, points=points, written_off=0, created_at=now))
    target.account = target.account._replace(shortfalls=number)
    end_shortfall(source, owed, now)
    owe(target, owed.kind, points)
    return MovedShortfall(owed.number, number, points, owed.kind)


def leave_pending(draft: Draft, number: int) -> None:
    """A pending lot leaves its account. No entry: entries are of active points."""
    lot = draft.lots[number]
    draft.put(lot._replace(state=LotState.MOVED, remaining=0))
    account = draft.account
    draft.account = account._replace(pending=account.pending - lot.remaining, version=account.version + 1)


def post_both(giving: Draft, getting: Draft, active: list[tuple[int, int, int]], now: datetime) -> None:
    """The entries of active lots that move: the number each had, the number it gets, its points."""
    if not active:
        return
    giving.entries.append(giving.post(EntryKind.MERGE_OUT, [(number, -points) for number, _, points in active], now))
    getting.entries.append(getting.post(EntryKind.MERGE_IN, [(number, points) for _, number, points in active], now))


def end_shortfall(draft: Draft, owed: Shortfall, now: datetime) -> None:
    """What is still open of a shortfall leaves its account."""
    draft.put_shortfall(owed._replace(remaining=0, ended_at=now))
    owe(draft, owed.kind, -owed.remaining)


def owe(draft: Draft, kind: ShortfallKind, points: int) -> None:
    """The account owes so much more, or less; a shortfall that is no debt counts nowhere."""
    account = draft.account
    debt = points if kind is ShortfallKind.DEBT else 0
    draft.account = account._replace(debt=account.debt + debt, version=account.version + 1)
