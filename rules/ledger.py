"""The rules of the books: how points settle with time, how they are earned, spent, adjusted and given away.

Each function works on a Draft (rules/draft.py) of a settled account and either changes it or raises a Refusal.
Nobody calls a clock: `now` is passed in.
"""

from datetime import datetime

from rules.accounts import Account, Entry, EntryKind, HoldState, LotState
from rules.draft import Draft, Passed, TimeKind
from rules.programs import Term
from rules.refusals import InsufficientPoints, LotStateWrong, PointsHeldElsewhere


def settle(draft: Draft, now: datetime) -> None:
    """Lets time pass: does what is due at `now`, in the order of its instants, and notes it in `draft.passed`.

    At one instant: pending points become active, and repay debt; holds end; points expire. What falls due together
    shares one entry. Settling twice at one `now` changes nothing the second time.
    """
    while (at := draft.next_due()) is not None and at <= now:
        _note(draft, TimeKind.ACTIVATED, at, draft.activate_due(at))
        _note(draft, TimeKind.REPAID, at, draft.repay(at))
        for hold in sorted(draft.holds.values()):
            if hold.state is HoldState.ACTIVE and hold.expires_at <= at:
                ended = draft.release(hold, HoldState.EXPIRED, at)
                draft.passed.append(Passed(TimeKind.HOLD_EXPIRED, at, *draft.tell(), hold=ended))
        _note(draft, TimeKind.EXPIRED, at, draft.expire(at))
        # Last: what a hold let go is gone where its lot had expired meanwhile, and repays debt where it had not.
        _note(draft, TimeKind.REPAID, at, draft.repay(at))


def earn(
    draft: Draft,
    points: int,
    term: Term,
    settings_version: int,
    now: datetime,
    transaction_id: str | None = None,
    kind: EntryKind = EntryKind.EARN,
) -> Entry | None:
    """Adds a lot of `points` (at least 1) with that term; answers its entry, None while it is pending.

    Points whose activation has come are active at once; those whose expiry has come too expire at once. Points that
    slide move the end of all that slide with them on; by hand they only share it. Raises AmountTooLarge.
    """
    lot = draft.issue(points, term, settings_version, now, transaction_id)
    if term.activates_at is None or term.activates_at > now:
        return None
    # A correction is no visit of the customer's; without an end that is still ahead there is none to share.
    if term.slides and not (kind is EntryKind.ADJUSTMENT and draft.slides_beyond(settings_version, now)):
        draft.extend_sliding_expiry(settings_version, "", term.activates_at)
    entry = draft.post(kind, ((lot.number, points),), term.activates_at, transaction_id)
    draft.entries.append(entry)
    end = draft.expires_at(lot)
    if end is not None and end <= now and (gone := draft.expire(end)) is not None:
        draft.entries.append(gone)
    settle_act(draft, now)
    return entry


def spend(draft: Draft, points: int, now: datetime, transaction_id: str | None = None) -> Entry:
    """Takes `points` (at least 1) in consumption order. Raises InsufficientPoints, PointsHeldElsewhere."""
    check_spendable(draft.account, points)
    entry = draft.post(EntryKind.SPEND, draft.allocate(points), now, transaction_id)
    draft.entries.append(entry)
    return entry


def deduct(draft: Draft, points: int, now: datetime) -> Entry:
    """Takes `points` away by hand. Raises InsufficientPoints, PointsHeldElsewhere."""
    check_spendable(draft.account, points)
    entry = draft.post(EntryKind.ADJUSTMENT, draft.allocate(points), now)
    draft.entries.append(entry)
    return entry


def activate(draft: Draft, number: int, now: datetime, expires_at: datetime | None) -> Entry:
    """Activates one pending lot by hand or by its event; its expiry clock starts now. Raises LotStateWrong."""
    lot = draft.lots[number]
    check_pending(draft, number)
    draft.put(lot._replace(activates_at=now, expires_at=expires_at, awaits=None))
    if lot.slides:
        draft.extend_sliding_expiry(lot.settings_version, "", now)
    entry = draft.post(EntryKind.ACTIVATION, ((number, lot.remaining),), now, lot.transaction_id)
    draft.entries.append(entry)
    settle_act(draft, now)
    return entry


def date(draft: Draft, number: int, term: Term) -> None:
    """Gives a pending lot that waited for its event the instant from which it counts."""
    draft.put(draft.lots[number]._replace(activates_at=term.activates_at, expires_at=term.expires_at, awaits=None))
    draft.account = draft.account._replace(version=draft.account.version + 1)


def cancel(draft: Draft, number: int, points: int | None = None) -> int:
    """Takes back a pending lot, or `points` of it; answers how many. Raises LotStateWrong."""
    check_pending(draft, number)
    lot = draft.lots[number]
    points = lot.remaining if points is None else min(points, lot.remaining)
    remaining = lot.remaining - points
    state = LotState.PENDING if remaining else LotState.CANCELLED
    draft.put(lot._replace(remaining=remaining, cancelled=lot.cancelled + points, state=state))
    draft.cancellations[number] = draft.cancellations.get(number, 0) + points
    account = draft.account
    draft.account = account._replace(pending=account.pending - points, version=account.version + 1)
    return points


def transfer(source: Draft, target: Draft, points: int, now: datetime, source_account: int) -> tuple[Entry, Entry]:
    """Gives points to another account of the same card: lot by lot, each with the expiry it has.

    What slid until then does so no more: whoever comes back after it, a gift that is sent to and fro ends when it would
    have ended, and moves the end of no other points.

    `source_account` names the account they come from, for the lots to remember. Raises InsufficientPoints,
    PointsHeldElsewhere, AmountTooLarge.
    """
    check_spendable(source.account, points)
    taken = source.allocate(points)
    sent = source.post(EntryKind.TRANSFER_OUT, taken, now)
    given = []
    for number, amount in taken:
        lot = source.lots[number]
        term = Term(lot.activates_at, source.expires_at(lot))
        made = target.issue(-amount, term, lot.settings_version, now, origin=number, origin_account=source_account)
        given.append((made.number, -amount))
    received = target.post(EntryKind.TRANSFER_IN, given, now)
    source.entries.append(sent)
    target.entries.append(received)
    settle_act(target, now)
    return sent, received


def adopt_sliding_expiry(source: Draft, target: Draft, version: int) -> None:
    """Of two accounts that become one, or part again, the later expiry of a group holds: none is ever cut short."""
    at = source.sliding_expiries[version]
    if version not in target.sliding_expiries:
        target.account = target.account._replace(sliding_expiries=target.account.sliding_expiries + 1)
    if version not in target.sliding_expiries or target.sliding_expiries[version] < at:
        target.sliding_expiries[version] = at
        target.changed_sliding_expiries.add(version)


def settle_act(draft: Draft, now: datetime) -> None:
    """What follows at once from an act that made points free: debt is repaid, and what is overdue expires."""
    for entry in (draft.expire(now), draft.repay(now)):
        if entry is not None:
            draft.entries.append(entry)


def check_spendable(account: Account, points: int) -> None:
    """Raises InsufficientPoints; PointsHeldElsewhere where holds alone stand in the way."""
    if points <= account.spendable:
        return
    if points <= account.active - account.debt:
        raise PointsHeldElsewhere(requested=points, spendable=account.spendable, held=account.held)
    raise InsufficientPoints(requested=points, spendable=account.spendable)


def check_pending(draft: Draft, number: int) -> None:
    """Raises LotStateWrong where the lot is no longer pending."""
    if (state := draft.lots[number].state) is not LotState.PENDING:
        raise LotStateWrong(lot=number, state=state, wanted=LotState.PENDING)


def _note(draft: Draft, kind: TimeKind, at: datetime, entry: Entry | None) -> None:
    if entry is not None:
        draft.passed.append(Passed(kind, at, *draft.tell(), entry))
