"""What becomes of the points of a customer who is blocked or closed: what was set aside is let go, and in the end
nothing is left."""

from datetime import datetime
from typing import NamedTuple

from rules.accounts import EntryKind, HoldState, LotState
from rules.draft import Draft
from rules.ledger import cancel, settle_act


class Cleared(NamedTuple):
    """What was let go of one account: what `holds` holds had set aside; pending points that were cancelled; active ones
    that expired, in all of `lots` lots; and what repaid debt."""

    released: int = 0
    cancelled: int = 0
    expired: int = 0
    repaid: int = 0
    holds: int = 0
    lots: int = 0


def release_all(draft: Draft, now: datetime) -> Cleared:
    """Lets go of every open hold. As after any release, debt is repaid and what is overdue expires.

    The account is settled, with the lots of its holds at hand.
    """
    held = draft.account.held
    open_holds = sorted(hold for hold in draft.holds.values() if hold.state is HoldState.ACTIVE)
    for hold in open_holds:
        draft.release(hold, HoldState.RELEASED, now)
    settle_act(draft, now)
    return _cleared(draft, held, len(open_holds))


def close(draft: Draft, now: datetime) -> Cleared:
    """The same, and what waits is cancelled, and what is left expires before its time. Debts stay as they are then.

    All open lots are at hand: nothing falls due any more.
    """
    draft.rest_due_at = None
    released = release_all(draft, now)
    for number in sorted(number for number, lot in draft.lots.items() if lot.state is LotState.PENDING):
        cancel(draft, number)
    if (entry := draft.expire_all(now)) is not None:
        draft.entries.append(entry)
    return _cleared(draft, released.released, released.holds)


def _cleared(draft: Draft, released: int, holds: int) -> Cleared:
    expiries = [entry for entry in draft.entries if entry.kind is EntryKind.EXPIRY]
    expired = -sum(entry.amount for entry in expiries)
    repaid = -sum(entry.amount for entry in draft.entries if entry.kind is EntryKind.REPAYMENT)
    lots = {number for entry in expiries for number, _ in entry.allocations} | draft.cancellations.keys()
    return Cleared(released, sum(draft.cancellations.values()), expired, repaid, holds, len(lots))
