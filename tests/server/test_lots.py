"""Lots and what is done to them by hand; balances of then; and where each point went."""

from datetime import timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from fealty.v1 import audit_pb2, explanations_pb2, lots_pb2, operations_pb2, points_pb2
from fealty.v1.values_pb2 import Date
from tests.server.club import ADA, BEN, WHY, Club, account
from tests.server.serving import START, fresh, timestamp, told

State = explanations_pb2.LotState
HAND_LOT = f"{account('hand')}/lots/1"


async def _redate(club: Club, parent: str, **more: Any) -> lots_pb2.RedateLotsResponse:
    request = lots_pb2.RedateLotsRequest(parent=parent, reason=WHY, request_id=fresh(), **more)
    return await club.admin.lots.RedateLots(request)


def _figures(operation: operations_pb2.Operation) -> tuple[int, int, int]:
    done = operation.redate_lots
    return (done.lots, done.points, done.accounts)


async def test_a_lot_says_when_it_comes_and_goes_and_from_where(club: Club) -> None:
    """With the last day on which it can be used, as it is printed on a letter."""
    bought = await club.earn(100, "slow")
    [lot] = await club.lots("slow")
    assert (lot.state, lot.points, lot.remaining, lot.last_usable_date) == (
        State.LOT_STATE_PENDING,
        100,
        100,
        Date(year=2025, month=2, day=12),
    )
    assert (lot.transaction, lot.name) == (bought.transaction.name, bought.transaction.lot)
    assert (lot.activate_time, lot.expire_time) == (bought.transaction.activate_time, bought.transaction.expire_time)
    assert (lot.activity, lot.settings_version) == (bought.receipt.activity, 1)
    read = await club.till.lots.GetLot(lots_pb2.GetLotRequest(name=lot.name))
    assert read.lot == lot
    await club.move(days=60)
    [lot] = await club.lots("slow")
    assert (lot.state, lot.remaining) == (State.LOT_STATE_EXPIRED, 0)


async def test_lots_say_what_they_wait_for_and_whether_they_slide(club: Club) -> None:
    """Nobody knows yet when they end: the field is absent, not a guess."""
    for card in ("event", "hand", "sliding"):
        await club.earn(100, card)
    [[event], [hand], [sliding]] = [await club.lots(card) for card in ("event", "hand", "sliding")]
    assert (event.awaits_event, hand.awaits_event) == ("order.delivered", "")
    for lot in (event, hand):
        assert not lot.HasField("activate_time")
        assert not lot.HasField("expire_time")
        assert not lot.HasField("last_usable_date")
    assert (sliding.slides, sliding.last_usable_date) == (True, Date(year=2025, month=1, day=31))
    await club.move(days=10)
    await club.event("visit")
    [sliding] = await club.lots("sliding")
    assert sliding.last_usable_date == Date(year=2025, month=2, day=10)


async def test_a_pending_lot_is_activated_or_cancelled_by_hand(club: Club) -> None:
    """And the purchase that it is of follows it."""
    for lots, state in (("ActivateLot", State.LOT_STATE_ACTIVE), ("CancelLot", State.LOT_STATE_CANCELLED)):
        bought = await club.earn(100, "hand")
        request = getattr(lots_pb2, f"{lots}Request")(name=bought.transaction.lot, reason=WHY, request_id=fresh())
        changed = await getattr(club.admin.lots, lots)(request)
        assert changed.lot.state == state
        assert changed.lot == (await club.lots("hand"))[0]
        again = getattr(lots_pb2, f"{lots}Request")(name=bought.transaction.lot, reason=WHY, request_id=fresh())
        assert (await told(getattr(club.admin.lots, lots)(again))).reason == "LOT_STATE"
    assert (changed.balance.active, changed.balance.pending) == (100, 0)


async def test_open_lots_get_another_expiry(club: Club) -> None:
    """Of one account; to an instant, to never, or to what today's rules say. It is done when it is answered."""
    await club.earn(100, "slow")
    until = timestamp(START + timedelta(days=300))
    preview = await _redate(club, account("slow"), expire_time=until, validate_only=True)
    [sample] = preview.sample
    assert (sample.name, sample.before.ToJsonString(), sample.after) == (
        f"{account('slow')}/lots/1",
        "2025-02-12T23:00:00Z",
        until,
    )
    [before] = await club.lots("slow")
    assert before.expire_time == sample.before
    redated = (await _redate(club, account("slow"), expire_time=until)).operation
    assert redated.done
    assert _figures(redated) == _figures(preview.operation) == (1, 100, 1)
    assert (await club.lots("slow"))[0].expire_time == until
    await _redate(club, account("slow"), never=True)
    assert not (await club.lots("slow"))[0].HasField("expire_time")
    await _redate(club, account("slow"), by_current_policy=True)
    assert (await club.lots("slow"))[0].expire_time == sample.before
    assert _figures((await _redate(club, account("slow"), by_current_policy=True)).operation) == (0, 0, 0)


async def test_the_lots_of_a_whole_program_are_redated_together(club: Club) -> None:
    """Only those that would end before an instant; each customer's own history says so too."""
    for customer in (ADA, BEN):
        await club.earn(100, "slow", customer)
    await club.earn(7, "sliding")
    soon = timestamp(START + timedelta(days=43))
    none = await club.redate(expire_before_time=timestamp(START))
    assert (none.done, none.accounts_total, _figures(none)) == (True, 0, (0, 0, 0))
    redated = await club.redate(expire_before_time=soon)
    assert (redated.accounts_done, redated.accounts_total, _figures(redated)) == (2, 2, (2, 200, 2))
    for customer in (ADA, BEN):
        [event] = await club.history(customer, event_type="lot.redated")
        assert (event.subject, event.admin) == (account("slow", customer), "u-17")
        made = audit_pb2.GetActivityRequest(name=event.name)
        cause = (await club.admin.audit.GetActivity(made)).activity.cause
        begun = (await club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=cause))).activity
        assert (begun.action, begun.cause) == ("redating.started", "")
        assert event.description == (
            f"Expiry of 100 points (slow) in 1 lot of customer {customer.rpartition('/')[2]} set to never"
            " (for u-17, GOODWILL)."
        )
    assert (await club.balance("sliding")).active == 7


async def test_a_balance_of_then_is_of_all_that_is_known_today(club: Club) -> None:
    """By value date: a late purchase counts from when it was bought, not from when somebody typed it in."""
    await club.earn(100)
    await club.earn(50, "slow")
    instants = [timestamp(START)]
    instants.append(timestamp(await club.move(days=1)))
    await club.spend(30)
    await club.hold(20)
    instants.append(timestamp(await club.move(days=20)))
    await club.earn(7, occur_time=instants[0])
    seen = [await club.balance(at=at) for at in instants]
    assert [(one.active, one.held, one.lifetime_spent) for one in seen] == [(107, 0, 0), (77, 20, 30), (77, 0, 30)]
    assert [one.as_of_time for one in seen] == instants
    assert seen[2] == await club.balance()
    slow = [await club.balance("slow", at=at) for at in instants]
    assert [(one.pending, one.active) for one in slow] == [(50, 0), (50, 0), (0, 50)]
    assert (await club.balance(at=Timestamp(seconds=1))).active == 0


async def test_a_balance_that_nobody_can_know_is_refused(club: Club) -> None:
    """Tomorrow's. That of before anything happened is none that nobody knows: it is zero."""
    answer = await told(club.balance(at=timestamp(START + timedelta(seconds=1))))
    assert (answer.reason, answer.facts["now"]) == ("TIME_UNKNOWABLE", START.isoformat())


async def test_each_point_is_explained_step_by_step(club: Club) -> None:
    """What support reads to a customer: where it came from, where it went, by which entry and rules."""
    await club.earn(100, "slow", transaction_id="t1")
    await club.move(days=12)
    spent = await club.spend(30, "slow", reference="order-7")
    request = points_pb2.ExplainBalanceRequest(account=account("slow"))
    told_of = await club.till.points.ExplainBalance(request)
    assert told_of.balance == await club.balance("slow")
    [explanation] = told_of.explanations
    assert (explanation.lot, explanation.points, explanation.remaining) == (f"{account('slow')}/lots/1", 100, 70)
    assert explanation.state == State.LOT_STATE_ACTIVE
    sentences = [step.sentence for step in explanation.steps]
    assert sentences[0].startswith("100 points were earned by transaction t1 on 1 January 2025")
    assert "30 points were spent on order-7 on 13 January 2025." in sentences
    [step] = [step for step in explanation.steps if step.entry == spent.entry.name]
    assert (step.amount, step.activity) == (-30, spent.receipt.activity)
    assert explanation.steps[0].settings_version == 1
    assert sum(step.amount for step in explanation.steps) == explanation.remaining
