"""The way back of a merge: what moved returns to where it came from, as long as nobody used it.

`in_the_way` says what was used, `give_back` gives back the rest of what moved, which is all of it.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from rules.accounts import EntryKind, HoldState, Lot, LotState, Shortfall
from rules.draft import Draft, earlier
from rules.ledger import adopt_sliding_expiry, settle_act
from rules.merging import Moved, MovedHold, MovedLot, MovedShortfall, end_shortfall, leave_pending, owe, post_both


class InTheWay(NamedTuple):
    """Numbers of what moved and was used since, so that it cannot be given back."""

    lots: tuple[int, ...]
    holds: tuple[int, ...]
    shortfalls: tuple[int, ...]


def in_the_way(target: Draft, moved: Moved, gone: Mapping[int, int]) -> InTheWay:
    """What was used of that which moved; nothing, where it can be given back to the last point.

    A lot is as it moved where all that is missing was `gone` already: taken by its expiry, or by a refund of the
    purchase that it is of, points by lot. What was cancelled of it is cancelled wherever it is. Holds may have ended
    otherwise than by a capture, and shortfalls may have been written off: that concerned nothing else.
    """
    left = {lot.target: lot.points - gone.get(lot.target, 0) for lot in moved.lots}
    for passed in target.passed:
        if passed.entry is not None and passed.entry.kind is EntryKind.EXPIRY:
            for number, amount in passed.entry.allocations:
                left[number] = left.get(number, 0) + amount
    pinned: defaultdict[int, int] = defaultdict(int)
    for hold in moved.holds:
        if target.holds[hold.target].state is HoldState.ACTIVE:
            for number, points in target.holds[hold.target].pins:
                pinned[number] += points
    used = []
    for one in moved.lots:
        lot = target.lots[one.target]
        if lot.remaining != left[lot.number] - lot.cancelled or lot.held != pinned[lot.number]:
            used.append(lot.number)
    captured = [hold.target for hold in moved.holds if target.holds[hold.target].state is HoldState.CAPTURED]
    repaid = [one.target for one in moved.shortfalls if _is_repaid(target.shortfalls[one.target])]
    return InTheWay(tuple(used), tuple(captured), tuple(repaid))


def give_back(source: Draft, target: Draft, moved: Moved, now: datetime) -> Moved:
    """Gives back what moved, to the numbers it had, as it stands now; answers what of it was still open.

    Nothing is in the way, and both have at hand what moved. The source holds nothing else.
    """
    lots = []
    for one in moved.lots:
        lot = target.lots[one.target]
        lots.append(MovedLot(lot.number, one.source, lot.remaining, lot.state))
    _part_slides(source, target, moved, now)
    holds = [
        MovedHold(one.target, one.source, one.points)
        for one in moved.holds
        if target.holds[one.target].state is HoldState.ACTIVE
    ]
    for one in moved.lots:
        _return_lot(target.lots[one.target], source, one.source)
    for hold in moved.holds:
        _return_hold(hold, source, target, now)
    shortfalls = [_return_shortfall(one, source, target, now) for one in moved.shortfalls]
    for back in lots:
        if back.state is LotState.PENDING:
            leave_pending(target, back.source)
            source.account = source.account._replace(pending=source.account.pending + back.points)
    active = [(lot.source, lot.target, lot.points) for lot in lots if lot.state is LotState.ACTIVE]
    post_both(target, source, active, now)
    settle_act(source, now)
    still_open = tuple(lot for lot in lots if lot.points)
    owed = tuple(one for one in shortfalls if one.points)
    return Moved(still_open, tuple(holds), owed, version=source.account.version)


def _part_slides(source: Draft, target: Draft, moved: Moved, now: datetime) -> None:
    # Where nothing happened since, each group expires when it did. Else nobody knows which of the two it was that was
    # active since, so both keep the later instant: nobody's points are cut short.
    untouched = target.account.version == moved.version
    # A pending lot needs neither: it lasts from when it becomes active.
    active = [target.lots[lot.target] for lot in moved.lots if target.lots[lot.target].state is LotState.ACTIVE]
    for version in sorted({lot.settings_version for lot in active if lot.slides}):
        if not untouched or source.sliding_expiries.get(version, now) <= now:
            adopt_sliding_expiry(target, source, version)
    for slide in moved.sliding_expiries:
        if untouched and slide.before is not None and slide.before > now:
            target.sliding_expiries[slide.version] = slide.before
            target.changed_sliding_expiries.add(slide.version)
            # Its other lots are not at hand, and expire earlier now.
            target.rest_due_at = earlier(target.rest_due_at, slide.before)


def _return_lot(lot: Lot, source: Draft, number: int) -> None:
    old = source.lots[number]
    pending = lot.state is LotState.PENDING
    # What is active comes with its entry; of what ended elsewhere nothing comes, and it stays a lot that left.
    source.put(
        old._replace(
            state=lot.state if pending or lot.state is LotState.CANCELLED else old.state,
            remaining=lot.remaining if pending else 0,
            cancelled=old.cancelled + lot.cancelled,
            activates_at=lot.activates_at,
            expires_at=lot.expires_at,
            awaits=lot.awaits,
        )
    )


def _return_hold(moved: MovedHold, source: Draft, target: Draft, now: datetime) -> None:
    hold, old = target.holds[moved.target], source.holds[moved.source]
    source.put_hold(old._replace(state=hold.state, ended_at=hold.ended_at))
    if hold.state is HoldState.ACTIVE:
        target.release(hold, HoldState.RELEASED, now)
        for number, points in old.pins:
            source.put(source.lots[number]._replace(held=source.lots[number].held + points))
        account = source.account
        source.account = account._replace(held=account.held + hold.points, version=account.version + 1)


def _return_shortfall(moved: MovedShortfall, source: Draft, target: Draft, now: datetime) -> MovedShortfall:
    owed, old = target.shortfalls[moved.target], source.shortfalls[moved.source]
    points = owed.remaining
    if points:
        # What was written off meanwhile stays written off there, so that it counts once.
        source.put_shortfall(old._replace(remaining=points, ended_at=None))
        end_shortfall(target, owed, now)
        owe(source, owed.kind, points)
    return MovedShortfall(moved.target, moved.source, points, moved.kind)


def _is_repaid(owed: Shortfall) -> bool:
    return owed.remaining + owed.written_off != owed.points
