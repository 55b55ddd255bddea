"""What happens to points when a purchase is refunded, or a spending rolled back."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from rules.accounts import UNITS_MAX, Entry, EntryKind, LotState, Shortfall, ShortfallKind
from rules.draft import Draft
from rules.ledger import cancel, settle_act
from rules.programs import RefundPolicy, Term
from rules.refusals import AlreadyRolledBack, AmountTooLarge, RollbackWindowClosed


class Claimed(NamedTuple):
    """Where the points that a refund claimed came from; their sum is what was claimed."""

    pending: int = 0
    own_lot: int = 0
    other_lots: int = 0
    debt: int = 0
    shortfall: int = 0


class RollbackPolicy(StrEnum):
    """When points that come back expire."""

    KEEP_ORIGINAL_EXPIRY = "KEEP_ORIGINAL_EXPIRY"
    EXTEND_TO = "EXTEND_TO"
    GRACE = "GRACE"
    NO_RESTORE = "NO_RESTORE"


class Spending(NamedTuple):
    """A spending in the books: entry `seq` took `allocations` (negative) in their order."""

    seq: int
    points: int
    rolled_back: int
    restored: int
    spent_at: datetime
    allocations: tuple[tuple[int, int], ...]
    transaction_id: str | None = None


class Restored(NamedTuple):
    """What a rollback gave back: `points` of the spending, of them `restored` to the account, of which `expired` is
    gone at once. The spending as it stands after it; the entry that gave, where there is one."""

    points: int
    restored: int
    expired: int
    spending: Spending
    entry: Entry | None


def claim(
    draft: Draft, points: int, lot: int | None, policy: RefundPolicy, now: datetime, transaction_id: str
) -> Claimed:
    """Takes back `points` of a purchase: from its pending lot, then what is left of its lot, then (as the policy
    allows) from other lots, then as debt; for what remains it notes a shortfall.

    Points that holds have set aside are not touched. ONLY_PENDING takes no active points at all.
    """
    pending = own = other = 0
    allocations = []
    if lot is not None and draft.lots[lot].state is LotState.PENDING:
        pending = cancel(draft, lot, points)
    wanted = points - pending
    if policy is not RefundPolicy.ONLY_PENDING and wanted:
        if lot is not None and draft.lots[lot].state is LotState.ACTIVE:
            own = min(wanted, draft.lots[lot].free)
        if own and lot is not None:
            allocations.append((lot, -own))
        other = min(wanted - own, draft.account.free - own)
        if other:
            allocations += _from_others(draft, other, lot)
    missing = wanted - own - other
    debt = missing if policy is RefundPolicy.UNLIMITED else 0
    if missing:
        # Before the entry, which says what is owed after it.
        _owe(draft, missing, ShortfallKind.DEBT if debt else ShortfallKind.SHORTFALL, now, transaction_id)
    if allocations:
        draft.entries.append(draft.post(EntryKind.REFUND, allocations, now, transaction_id))
    return Claimed(pending, own, other, debt, missing - debt)


def _from_others(draft: Draft, points: int, lot: int | None) -> list[tuple[int, int]]:
    if lot is None or draft.lots[lot].state is not LotState.ACTIVE:
        return draft.allocate(points)
    # Its own lot gives what it has beforehand; hidden for a moment, so that it does not give twice.
    hidden = draft.lots.pop(lot)
    try:
        return draft.allocate(points)
    finally:
        draft.lots[lot] = hidden


def _owe(draft: Draft, points: int, kind: ShortfallKind, now: datetime, transaction_id: str) -> None:
    account = draft.account
    number = account.shortfalls + 1
    draft.put_shortfall(Shortfall(number, kind, points, points, now, transaction_id))
    debt = account.debt + (points if kind is ShortfallKind.DEBT else 0)
    draft.account = account._replace(shortfalls=number, debt=debt, version=account.version + 1)


def write_off(draft: Draft, number: int, points: int, now: datetime) -> Shortfall:
    """Gives up `points` of a shortfall, at most what remains of it (0: all of that)."""
    shortfall = draft.shortfalls[number]
    points = min(points or shortfall.remaining, shortfall.remaining)
    remaining = shortfall.remaining - points
    written = shortfall._replace(
        remaining=remaining,
        written_off=shortfall.written_off + points,
        ended_at=None if remaining else now,
    )
    draft.put_shortfall(written)
    debt = draft.account.debt - (points if shortfall.kind is ShortfallKind.DEBT else 0)
    draft.account = draft.account._replace(debt=debt, version=draft.account.version + 1)
    return written


def check_window(spending: Spending, days: int, now: datetime) -> None:
    """Raises RollbackWindowClosed where the spending is older than `days` (0: no limit)."""
    if days and now > spending.spent_at + timedelta(days=days):
        raise RollbackWindowClosed(days=days, spent_at=spending.spent_at.isoformat())


def roll_back(
    draft: Draft, spending: Spending, points: int, policy: RollbackPolicy, until: datetime | None, now: datetime
) -> Restored:
    """Gives back `points` of a spending (0: all that is left of it), what was taken last first; cumulative.

    KEEP_ORIGINAL_EXPIRY gives them back to their lots, and what has expired meanwhile expires again at once.
    EXTEND_TO and GRACE give points that would end before `until` a lot of their own that ends then. NO_RESTORE
    gives nothing, and the spending is settled all the same. Raises AlreadyRolledBack, AmountTooLarge.
    """
    left = spending.points - spending.rolled_back
    points = points or left
    if points > left or not left:
        raise AlreadyRolledBack(entry=spending.seq, remaining=left, requested=points)
    after = spending._replace(rolled_back=spending.rolled_back + points)
    if policy is RollbackPolicy.NO_RESTORE:
        return Restored(points, 0, 0, after, None)
    if draft.account.active + draft.account.pending + points > UNITS_MAX:
        raise AmountTooLarge(limit=UNITS_MAX)
    given = []
    for number, amount in _slices(spending, points):
        lot = draft.lots[number]
        end = draft.expires_at(lot)
        if until is not None and end is not None and end < until:
            term = Term(lot.activates_at, until)
            lot = draft.issue(amount, term, lot.settings_version, now, lot.transaction_id, origin=number)
        given.append((lot.number, amount))
    entry = draft.post(EntryKind.ROLLBACK, given, now, spending.transaction_id, reverses=spending.seq)
    draft.entries.append(entry)
    gone = draft.expire(now)
    if gone is not None:
        draft.entries.append(gone)
    settle_act(draft, now)
    expired = -gone.amount if gone is not None else 0
    return Restored(points, points, expired, after._replace(restored=after.restored + points), entry)


def _slices(spending: Spending, points: int) -> list[tuple[int, int]]:
    """(lot, points) of the next `points` to come back: in reverse of the order in which they were taken."""
    skip, wanted = spending.rolled_back, points
    found = []
    for number, taken in reversed(spending.allocations):
        here = -taken
        passed = min(skip, here)
        skip -= passed
        if amount := min(wanted, here - passed):
            found.append((number, amount))
            wanted -= amount
    return found
