"""Spendings, rollbacks, holds, adjustments, transfers and rewards, as their caller sees them."""

from typing import Any

from fealty.v1 import holds_pb2, points_pb2, transactions_pb2
from tests.server.club import ADA, BEN, WHY, Club, account, money
from tests.server.serving import fresh, timestamp, told

Kind = points_pb2.EntryKind
Hold = holds_pb2.HoldState


async def _roll_back(club: Club, name: str, **more: Any) -> points_pb2.RollBackSpendingResponse:
    request = points_pb2.RollBackSpendingRequest(name=name, reason=WHY, request_id=fresh(), **more)
    return await club.till.points.RollBackSpending(request)


async def _capture(club: Club, name: str, points: int = 0) -> holds_pb2.CaptureHoldResponse:
    return await club.till.holds.CaptureHold(holds_pb2.CaptureHoldRequest(name=name, points=points, request_id=fresh()))


async def _release(club: Club, name: str) -> holds_pb2.ReleaseHoldResponse:
    return await club.till.holds.ReleaseHold(holds_pb2.ReleaseHoldRequest(name=name, request_id=fresh()))


async def test_a_spending_is_rolled_back_in_parts(club: Club) -> None:
    """What was taken last comes back first, with the entry that it reverses."""
    await club.earn(50)
    await club.earn(50)
    spent = await club.spend(80)
    first = await _roll_back(club, spent.entry.name, points=40)
    assert (first.rollback.points, first.rollback.restored, first.rollback.expired) == (40, 40, 0)
    assert (first.entry.kind, first.entry.reverses) == (Kind.ENTRY_KIND_ROLLBACK, spent.entry.name)
    assert [(part.lot, part.amount) for part in first.entry.allocations] == [(2, 30), (1, 10)]
    rest = await _roll_back(club, spent.entry.name)
    assert (rest.rollback.points, rest.balance.active, rest.balance.lifetime_spent) == (40, 100, 0)
    assert (await told(_roll_back(club, spent.entry.name))).reason == "ALREADY_ROLLED_BACK"


async def test_a_rollback_says_when_points_that_come_back_expire(club: Club) -> None:
    """As they would have, or later; or they do not come back, and the spending counts as rolled back."""
    await club.earn(100, "slow")
    await club.move(days=20)
    spent = [(await club.spend(20, "slow")).entry.name for _ in range(4)]
    await club.move(days=40)
    kept = await _roll_back(club, spent[0])
    assert (kept.rollback.restored, kept.rollback.expired, kept.balance.active) == (20, 20, 0)
    grace = await _roll_back(club, spent[1], policy=points_pb2.ROLLBACK_POLICY_GRACE, grace_days=5)
    assert (grace.rollback.expired, grace.balance.active) == (0, 20)
    until = timestamp(await club.move(days=1))
    until.seconds += 86_400
    extended = await _roll_back(club, spent[2], policy=points_pb2.ROLLBACK_POLICY_EXTEND_TO, extend_to_time=until)
    assert extended.balance.active == 40
    newest = (await club.lots("slow"))[0]
    assert (newest.expire_time, newest.origin) == (until, f"{account('slow')}/lots/1")
    gone = await _roll_back(club, spent[3], policy=points_pb2.ROLLBACK_POLICY_NO_RESTORE)
    assert (gone.rollback.points, gone.rollback.restored) == (20, 0)
    assert not gone.HasField("entry")


async def test_a_hold_sets_points_aside_until_it_is_captured(club: Club) -> None:
    """What is not captured goes back; the hold says what became of it."""
    await club.earn(100)
    hold = await club.hold(60, reference="cart-3")
    assert (hold.name, hold.state, hold.reference) == (f"{account()}/holds/1", Hold.HOLD_STATE_ACTIVE, "cart-3")
    assert [(pin.lot, pin.amount) for pin in hold.pins] == [(1, 60)]
    assert hold.expire_time.seconds - hold.create_time.seconds == 86_400
    balance = await club.balance()
    assert (balance.active, balance.held, balance.spendable) == (100, 60, 40)
    captured = await _capture(club, hold.name, 45)
    assert (captured.hold.state, captured.hold.captured) == (Hold.HOLD_STATE_CAPTURED, 45)
    assert (captured.hold.entry, captured.entry.hold) == (captured.entry.name, hold.name)
    assert (captured.entry.kind, captured.entry.amount) == (Kind.ENTRY_KIND_SPEND, -45)
    assert (captured.balance.active, captured.balance.held) == (55, 0)
    read = await club.till.holds.GetHold(holds_pb2.GetHoldRequest(name=hold.name))
    assert read.hold == captured.hold


async def test_a_hold_that_is_released_or_forgotten_gives_its_points_back(club: Club) -> None:
    """By a call, or by time, also where no worker is there."""
    await club.earn(100)
    released = await _release(club, (await club.hold(60)).name)
    assert (released.hold.state, released.balance.spendable) == (Hold.HOLD_STATE_RELEASED, 100)
    assert released.hold.end_time == timestamp(club.now)
    forgotten = await club.hold(60, ttl_s=90)
    ended = timestamp(club.now)
    ended.seconds += 90
    await club.move(minutes=2)
    read = (await club.till.holds.GetHold(holds_pb2.GetHoldRequest(name=forgotten.name))).hold
    assert (read.state, read.end_time) == (Hold.HOLD_STATE_EXPIRED, ended)
    assert (await club.balance()).spendable == 100
    assert (await told(_release(club, forgotten.name))).reason == "HOLD_EXPIRED"


async def test_a_captured_hold_that_paid_for_a_purchase_comes_back_with_its_refund(club: Club) -> None:
    """By whichever call it was paid."""
    await club.earn(100)
    name = (await club.earn(amount=money(200), lines=_worthless())).transaction.name
    hold = await club.hold(60, transaction=name)
    captured = await _capture(club, hold.name)
    assert (hold.transaction, captured.entry.transaction) == (name, name)
    refund = await club.refund(name, amount_minor=100)
    assert (refund.refund.restored, refund.balance.active) == (30, 70)


async def test_points_are_added_and_taken_away_by_hand(club: Club) -> None:
    """An adjustment is a kind of its own in the history."""
    for points, active in ((50, 50), (-20, 30)):
        request = points_pb2.AdjustPointsRequest(account=account(), points=points, reason=WHY, request_id=fresh())
        adjusted = await club.admin.points.AdjustPoints(request)
        assert (adjusted.entry.kind, adjusted.entry.amount) == (Kind.ENTRY_KIND_ADJUSTMENT, points)
        assert adjusted.balance.active == active
    assert (adjusted.balance.lifetime_earned, adjusted.balance.lifetime_revoked) == (50, 20)


async def test_points_that_are_given_keep_their_expiry(club: Club) -> None:
    """Two entries, one each; a gift makes nothing last longer."""
    await club.earn(100, "slow")
    await club.move(days=12)
    [before] = await club.lots("slow")
    request = points_pb2.TransferPointsRequest(
        account=account("slow"), to_account=account("slow", BEN), points=40, request_id=fresh()
    )
    given = await club.till.points.TransferPoints(request)
    assert (given.sent.kind, given.sent.amount) == (Kind.ENTRY_KIND_TRANSFER_OUT, -40)
    assert (given.received.kind, given.received.amount) == (Kind.ENTRY_KIND_TRANSFER_IN, 40)
    assert given.received.name == f"{account('slow', BEN)}/entries/1"
    assert (given.balance.account, given.balance.active, given.balance.lifetime_moved) == (account("slow"), 60, -40)
    [lot] = await club.lots("slow", BEN)
    assert (lot.origin, lot.expire_time, lot.points) == (before.name, before.expire_time, 40)
    [event] = await club.history(BEN, event_type="points.transferred")
    assert (event.name, event.points) == (given.received.activity, 40)
    assert (
        await club.till.points.ListEntries(points_pb2.ListEntriesRequest(account=account("slow", BEN)))
    ).entries == [given.received]


async def test_a_suspended_customer_neither_earns_nor_spends(club: Club) -> None:
    """But what was given can be taken back, and what is set aside let go."""
    await club.earn(100, transaction_id="t1")
    hold = await club.hold(10)
    await club.suspend()
    for call in (club.earn(1), club.spend(1), club.hold(1), _capture(club, hold.name)):
        answer = await told(call)
        assert (answer.reason, answer.facts["customer"]) == ("CUSTOMER_SUSPENDED", ADA)
    assert (await _release(club, hold.name)).balance.spendable == 100
    assert (await club.refund(f"{ADA}/transactions/t1")).balance.active == 0


def _worthless() -> list[transactions_pb2.TransactionLine]:
    return [transactions_pb2.TransactionLine(product_id="tea", quantity=1, amount_minor=200, points=0)]
