"""Holds: points set aside for a while, then captured, released, or let go by time."""

from datetime import datetime, timedelta

from rules.accounts import Entry, EntryKind, Hold, HoldState
from rules.draft import Draft
from rules.ledger import check_spendable, settle_act
from rules.refusals import HoldAlreadyCaptured, HoldExceeded, HoldExpired, HoldReleased, HoldTooLong


def create(
    draft: Draft,
    points: int,
    ttl_s: int,
    ttl_max_s: int,
    now: datetime,
    reference: str = "",
    transaction_id: str | None = None,
) -> Hold:
    """Pins `points` (at least 1) to lots in consumption order, for `ttl_s` seconds (0: as long as may be).

    What is pinned stays usable for the hold, also when its lot expires meanwhile. Raises HoldTooLong,
    InsufficientPoints, PointsHeldElsewhere.
    """
    if ttl_s > ttl_max_s:
        raise HoldTooLong(ttl_max_s=ttl_max_s, requested_s=ttl_s)
    account = draft.account
    check_spendable(account, points)
    pins = tuple((number, -taken) for number, taken in draft.allocate(points))
    for number, pinned in pins:
        draft.put(draft.lots[number]._replace(held=draft.lots[number].held + pinned))
    draft.account = account._replace(held=account.held + points, holds=account.holds + 1, version=account.version + 1)
    expires_at = now + timedelta(seconds=ttl_s or ttl_max_s)
    hold = Hold(
        account.holds + 1,
        HoldState.ACTIVE,
        points,
        expires_at,
        now,
        pins,
        reference=reference,
        transaction_id=transaction_id,
    )
    draft.put_hold(hold)
    return hold


def capture(draft: Draft, number: int, points: int, now: datetime) -> Entry:
    """Spends `points` of a hold (0: all of it), from its lots in their order, and lets go of the rest.

    Raises HoldAlreadyCaptured, HoldExpired, HoldReleased, HoldExceeded.
    """
    hold = check_open(draft, number)
    if points > hold.points:
        raise HoldExceeded(hold=number, points=hold.points, requested=points)
    wanted = captured = points or hold.points
    allocations = []
    for lot, pinned in hold.pins:
        if taken := min(wanted, pinned):
            allocations.append((lot, -taken))
            wanted -= taken
    ended = draft.release(hold, HoldState.CAPTURED, now)
    entry = draft.post(EntryKind.SPEND, allocations, now, hold.transaction_id, hold=number)
    draft.put_hold(ended._replace(captured=captured, entry=entry.seq))
    draft.entries.append(entry)
    settle_act(draft, now)
    return entry


def release(draft: Draft, number: int, now: datetime) -> Hold:
    """Lets go of a hold; what of it lay on lots that have expired meanwhile expires at once.

    Raises HoldAlreadyCaptured, HoldExpired, HoldReleased.
    """
    ended = draft.release(check_open(draft, number), HoldState.RELEASED, now)
    settle_act(draft, now)
    return ended


def check_open(draft: Draft, number: int) -> Hold:
    """The hold, which is open. Raises what says how it ended."""
    hold = draft.holds[number]
    if hold.state is HoldState.CAPTURED:
        raise HoldAlreadyCaptured(hold=number, entry=hold.entry)
    if hold.state is HoldState.EXPIRED:
        raise HoldExpired(hold=number, expired_at=hold.expires_at.isoformat())
    if hold.state is HoldState.RELEASED:
        raise HoldReleased(hold=number)
    return hold
