"""BatchIngest with postings of every kind: each as by its own call, alone or all together."""

from collections.abc import Sequence
from typing import Any

import grpc.aio
import pytest

from fealty import plain, refusal_of
from fealty.v1 import ingest_pb2
from rules.access import Role
from tests.server.acts import ACTS, call_of, without_operation
from tests.server.club import ADA, BEN, WHY, Club, account
from tests.server.serving import Client, activities, fresh, purchase, spending

# The kind of item for each act that a stream takes.
KINDS = {
    "transactions.RecordTransaction": "record",
    "transactions.UpdateTransaction": "update",
    "transactions.AcceptTransaction": "accept",
    "transactions.RejectTransaction": "reject",
    "transactions.RefundTransaction": "refund",
    "points.SpendPoints": "spend",
    "points.RollBackSpending": "roll_back",
    "points.AdjustPoints": "adjust",
    "points.TransferPoints": "transfer",
    "rewards.ClaimReward": "claim",
    "rewards.CancelClaim": "cancel_claim",
    "holds.CreateHold": "create_hold",
    "holds.CaptureHold": "capture_hold",
    "holds.ReleaseHold": "release_hold",
    "coupons.RedeemCoupons": "redeem_coupons",
    "coupons.ReserveCoupons": "reserve_coupons",
    "coupons.ReleaseCoupons": "release_coupons",
    "coupons.RollBackRedemption": "roll_back_redemption",
    "coupons.AssignCoupon": "assign_coupon",
    "coupons.VoidCoupon": "void_coupon",
    "events.RecordEvent": "event",
    "audit.RecordActivity": "activity",
}


def test_every_kind_of_item_is_among_them() -> None:
    """A kind that is added and forgotten here is one that nobody ever sent."""
    assert set(KINDS.values()) == set(ingest_pb2.Item.DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize("name", KINDS)
async def test_an_item_does_what_its_own_call_does(club: Club, name: str) -> None:
    """The same answer, the same record; and the same request by the call afterwards is answered from the books."""
    act = ACTS[name]
    request = await act.ask(club)
    request.request_id = fresh()
    [[result]] = await send(club.admin, [ingest_pb2.Item(**{KINDS[name]: request})])
    number = ingest_pb2.Item.DESCRIPTOR.fields_by_name[KINDS[name]].number
    answered = result.WhichOneof("result")
    assert ingest_pb2.ItemResult.DESCRIPTOR.fields_by_name[answered].number == number
    answer = getattr(result, answered)
    [recorded] = [found for found in await activities(club.admin) if found.name == answer.receipt.activity]
    assert (recorded.action, without_operation(recorded.subject)) == (act.action, act.about)
    again = await call_of(club.admin, name)(request)
    assert again.receipt.replayed
    again.receipt.replayed = False
    assert again == answer


async def test_what_a_call_has_done_a_stream_does_not_do_again(club: Club) -> None:
    """A till that lost the answer of its call sends the purchase with the night's upload."""
    request = purchase(100, account())
    first = await club.till.transactions.RecordTransaction(request)
    [[result]] = await send(club.till, [record(request)])
    assert result.recorded.receipt.replayed
    assert result.recorded.transaction == first.transaction
    assert (await club.balance()).active == 100


async def test_an_item_needs_the_permission_of_its_own_call(club: Club) -> None:
    """A till may send purchases; that must not be a way to give points by hand."""
    adjust = await ACTS["points.AdjustPoints"].ask(club)
    adjust.request_id = fresh()
    items = [record(purchase(1, account())), ingest_pb2.Item(adjust=adjust), record(purchase(2, account()))]
    [results] = await send(club.till, items)
    assert [_reason(result) for result in results] == ["", "PERMISSION_MISSING", ""]
    assert refusal_of(results[1]).facts == {"permission": "POINTS_ADJUST", "role": "SERVICE"}
    assert (await club.balance()).active == 103
    [denied] = await activities(club.admin, outcome="ACTIVITY_OUTCOME_DENIED")
    assert plain(denied.details) == {"code": "PERMISSION_DENIED", "reason": "PERMISSION_MISSING"}
    assert (denied.action, denied.subject) == ("points.adjusted", adjust.account)


async def test_of_all_or_nothing_all_are_done(club: Club) -> None:
    """An order that is paid with points is one thing: the spending uses what the purchase before it earned."""
    [results] = await send(club.till, [record(purchase(100, account())), _spend(80)], together=True)
    assert [result.WhichOneof("result") for result in results] == ["recorded", "spent"]
    assert (await club.balance()).active == 20


async def test_of_all_or_nothing_one_refusal_is_that_of_all(club: Club) -> None:
    """The one that was refused says why; the others name it. Nothing is in the books, also of the other accounts."""
    await club.earn(5)
    books = club.books()
    items = [record(purchase(10, account())), record(purchase(10, account("plain", BEN))), _spend(80), _spend(1)]
    [results] = await send(club.till, items, together=True)
    assert [_reason(result) for result in results] == ["GROUP_REFUSED"] * 2 + ["INSUFFICIENT_POINTS", "GROUP_REFUSED"]
    told = refusal_of(results[0])
    why = "The account has 15 to spend; 80 were requested."
    assert told.facts == {"item": "2", "reason": "INSUFFICIENT_POINTS", "why": why}
    assert str(told) == (
        f"Item 2, counted from 0, was refused as INSUFFICIENT_POINTS: {why} Nothing of its group was recorded."
    )
    assert club.books() == books
    refused = await activities(club.admin, outcome="ACTIVITY_OUTCOME_REFUSED")
    assert [(one.subject, one.details["reason"].text) for one in reversed(refused)] == [
        (account(), "GROUP_REFUSED"),
        (account("plain", BEN), "GROUP_REFUSED"),
        (account(), "INSUFFICIENT_POINTS"),
        (account(), "GROUP_REFUSED"),
    ]
    assert refused[1].description == (
        "Service till tried to spend points of customer ada: refused, because there were not enough points."
    )
    # What was refused is not kept: corrected and sent again with the same ids, it is done.
    [again] = await send(club.till, items[:2], together=True)
    assert [result.recorded.balance.active for result in again] == [15, 10]


async def test_of_all_or_nothing_one_that_is_no_request_is_that_of_all(club: Club) -> None:
    """Also where it never came as far as the books: for its shape, its permission, or for somebody else's program."""
    books = club.books()
    adjust = await ACTS["points.AdjustPoints"].ask(club)
    adjust.request_id = fresh()
    wrong = {
        "INVALID_REQUEST": record(purchase(-1, account())),
        "PERMISSION_MISSING": ingest_pb2.Item(adjust=adjust),
        "PROGRAM_NOT_FOUND": record(purchase(1, account().replace("club", "cocoa"))),
    }
    books = club.books()
    for reason, item in wrong.items():
        [results] = await send(club.till, [record(purchase(1, account())), item], together=True)
        assert [_reason(result) for result in results] == ["GROUP_REFUSED", reason]
        assert refusal_of(results[0]).facts["item"] == "1"
    [results] = await send(club.till, [ingest_pb2.Item(), record(purchase(1, account()))], together=True)
    assert [_reason(result) for result in results] == ["INVALID_REQUEST", "GROUP_REFUSED"]
    assert club.books() == books


async def test_one_group_that_is_refused_does_not_touch_the_next(club: Club) -> None:
    """Messages of one stream, some together and some not, several in hand."""
    good, bad = [record(purchase(10, account()))], [record(purchase(10, account())), _spend(999)]
    call = club.till.ingest.BatchIngest(
        iter([message(items, together) for items, together in ((good, True), (bad, True), (bad, False), (good, True))])
    )
    answers = [list(answer.results) async for answer in call]
    reasons = [[_reason(result) for result in results] for results in answers]
    assert reasons == [[""], ["GROUP_REFUSED", "INSUFFICIENT_POINTS"], ["", "INSUFFICIENT_POINTS"], [""]]
    # The purchase of the second group is in the third message again, and the last is the first one again.
    assert [answers[0][0].recorded.receipt.replayed, answers[3][0].recorded.receipt.replayed] == [False, True]
    assert (await club.balance()).active == 20


async def test_items_act_in_their_order_and_answer_in_it(club: Club) -> None:
    """A hold that is captured by the next item, a purchase that is refunded by the one after."""
    bought = purchase(100, account(), transaction_id="t1")
    hold = await ACTS["holds.CreateHold"].ask(club)
    hold.request_id = fresh()
    capture = ingest_pb2.Item()
    capture.capture_hold.name = f"{account()}/holds/1"
    capture.capture_hold.request_id = fresh()
    refund = ingest_pb2.Item()
    refund.refund.name = f"{ADA}/transactions/t1"
    refund.refund.reason.CopyFrom(WHY)
    refund.refund.request_id = fresh()
    messages = [[record(bought)], [ingest_pb2.Item(create_hold=hold), capture], [refund]]
    results = await send(club.admin, *messages)
    assert [[result.WhichOneof("result") for result in answer] for answer in results] == [
        ["recorded"],
        ["hold_created", "hold_captured"],
        ["refunded"],
    ]
    assert (await club.balance()).active == 40


async def test_rehearsals_and_deeds_may_stand_in_one_message(club: Club) -> None:
    """Each item says for itself; also in a group, where a rehearsal sees what stands before it."""
    for together in (False, True):
        rehearsal = record(purchase(7, account(), validate_only=True))
        [results] = await send(club.till, [record(purchase(5, account())), rehearsal], together=together)
        assert [result.recorded.receipt.activity != "" for result in results] == [True, False]
    assert (await club.balance()).active == 10


async def test_a_stranger_to_the_program_learns_nothing_from_a_group(club: Club) -> None:
    """The refusal of a group names what the caller sent, never what is there. Who tried it stands in the log of the
    whole house, and in no program's, as by a call."""
    stranger = club.served.client(club.served.key("stranger", Role.SERVICE, "coffee"))
    [results] = await send(stranger, [_spend(1), record(purchase(1, account()))], together=True)
    assert [_reason(result) for result in results] == ["PROGRAM_NOT_FOUND", "GROUP_REFUSED"]
    tried = await activities(club.admin, outcome="ACTIVITY_OUTCOME_REFUSED")
    assert [one.details["reason"].text for one in tried] == ["GROUP_REFUSED", "PROGRAM_NOT_FOUND"]
    assert await activities(club.admin, parent=ADA, outcome="ACTIVITY_OUTCOME_REFUSED") == []
    with pytest.raises(grpc.aio.AioRpcError):
        await activities(stranger, parent="programs/club")


def record(request: Any) -> ingest_pb2.Item:
    """A purchase as an item."""
    return ingest_pb2.Item(record=request)


def message(items: Sequence[ingest_pb2.Item], together: bool = False) -> ingest_pb2.BatchIngestRequest:
    """A message of items."""
    return ingest_pb2.BatchIngestRequest(items=items, all_or_nothing=together)


async def send(
    client: Client, *messages: Sequence[ingest_pb2.Item], together: bool = False
) -> list[list[ingest_pb2.ItemResult]]:
    """The results of each message."""
    call = client.ingest.BatchIngest(iter([message(items, together) for items in messages]))
    return [list(answer.results) async for answer in call]


def _spend(points: int) -> ingest_pb2.Item:
    return ingest_pb2.Item(spend=spending(points, account()))


def _reason(result: ingest_pb2.ItemResult) -> str:
    return refusal_of(result).reason if result.HasField("refused") else ""
