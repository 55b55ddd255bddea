"""Entries one by one: what each says of where its points came from, where they went, why, and for whom."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fealty.v1 import lots_pb2, points_pb2, transactions_pb2
from server.policy import methods
from tests.server.acts import ACTS, call_of
from tests.server.club import ADA, BEN, NAME, WHY, Club, account
from tests.server.serving import fresh, timestamp, told

Kind = points_pb2.EntryKind
Facts = dict[str, Any]

FACTS = ("transaction", "reference", "reason_code", "acting_user", "refund", "counterpart", "event_type", "hold")
HAND = {"reason_code": WHY.code, "acting_user": WHY.acting_user}


async def _entries(club: Club, card: str = "plain", customer: str = ADA, **more: Any) -> list[points_pb2.Entry]:
    request = points_pb2.ListEntriesRequest(account=account(card, customer), **more)
    return list((await club.till.points.ListEntries(request)).entries)


async def _newest(club: Club, card: str = "plain", customer: str = ADA) -> tuple[str, Facts]:
    """The kind of the newest entry, and the facts that it has."""
    entry = (await _entries(club, card, customer))[0]
    found = {name: getattr(entry, name) for name in FACTS}
    return Kind.Name(entry.kind).removeprefix("ENTRY_KIND_"), {name: value for name, value in found.items() if value}


async def _do(club: Club, call: str, **fields: Any) -> Any:
    [method] = [one for one in methods() if one.name == call.rpartition(".")[2]]
    return await call_of(club.admin, call)(method.request(request_id=fresh(), **fields))


ENTRY_OF = {
    "points.SpendPoints": "entry",
    "points.RollBackSpending": "entry",
    "points.AdjustPoints": "entry",
    "points.TransferPoints": "sent",
    "rewards.ClaimReward": "entry",
    "rewards.CancelClaim": "entry",
    "holds.CaptureHold": "entry",
}


@pytest.mark.parametrize("name", ENTRY_OF)
async def test_the_entry_that_a_change_answers_is_the_one_that_is_read_later(club: Club, name: str) -> None:
    """Also what stands in other rows: a till that shows the answer, and then the history, shows the same twice."""
    request = await ACTS[name].ask(club)
    request.request_id = fresh()
    answer = await call_of(club.admin, name)(request)
    answered = [getattr(answer, ENTRY_OF[name])]
    if name == "points.TransferPoints":
        answered.append(answer.received)
    for entry in answered:
        read = await club.till.points.GetEntry(points_pb2.GetEntryRequest(name=entry.name))
        assert read.entry == entry
        customer, _, rest = entry.name.partition("/accounts/")
        assert (await _entries(club, rest.partition("/")[0], customer))[0] == entry


async def test_an_entry_says_for_what_points_were_spent_and_why_they_came_back(club: Club) -> None:
    """An order number that is only in the log helps nobody at the counter."""
    await club.earn(500)
    spent = await club.spend(30, reference="order-7")
    assert await _newest(club) == ("SPEND", {"reference": "order-7"})
    await _do(club, "points.RollBackSpending", name=spent.entry.name, reason=WHY)
    assert await _newest(club) == ("ROLLBACK", HAND)
    hold = await club.hold(60, reference="cart-3")
    await _do(club, "holds.CaptureHold", name=hold.name)
    assert await _newest(club) == ("SPEND", {"reference": "cart-3", "hold": hold.name})
    await _do(club, "points.AdjustPoints", account=account(), points=-40, reason=WHY)
    assert await _newest(club) == ("ADJUSTMENT", HAND)
    await club.earn(25, "stamps")
    two = await club.reward("two", card_id="stamps", price_points=20)
    await club.claim(two.name, "stamps", reference="mug")
    assert await _newest(club, "stamps") == ("SPEND", {"reference": "mug"})


async def test_an_entry_says_which_refund_took_it(club: Club) -> None:
    """Of several, that one."""
    bought = await club.earn(50, "owing")
    await club.refund(bought.transaction.name, amount_minor=10)
    second = (await club.refund(bought.transaction.name)).refund
    told_of = {"transaction": bought.transaction.name, "refund": second.name, **HAND}
    assert await _newest(club, "owing") == ("REFUND", told_of)


async def test_a_spending_that_a_refund_gives_back_names_the_refund(club: Club) -> None:
    """Whoever asks why points came back is told of the return, not of a rollback that nobody made."""
    await club.earn(100)
    bought = await club.earn(50, transaction_id="t1")
    await club.spend(20, transaction=bought.transaction.name)
    refund = (await club.refund(bought.transaction.name)).refund
    found = {Kind.Name(entry.kind): entry.refund for entry in await _entries(club)}
    assert found["ENTRY_KIND_ROLLBACK"] == found["ENTRY_KIND_REFUND"] == refund.name
    read = await club.till.transactions.GetRefund(transactions_pb2.GetRefundRequest(name=refund.name))
    assert read.refund == refund


async def test_an_entry_says_who_is_at_the_other_end(club: Club) -> None:
    """Of a transfer and of a merge, and on the way back."""
    await club.earn(100)
    there = {"counterpart": account(customer=BEN), **HAND}
    back = {"counterpart": account(), **HAND}
    await _do(club, "points.TransferPoints", account=account(), to_account=account(customer=BEN), points=5, reason=WHY)
    assert await _newest(club) == ("TRANSFER_OUT", there)
    assert await _newest(club, customer=BEN) == ("TRANSFER_IN", back)
    await club.merge()
    assert await _newest(club, customer=BEN) == ("MERGE_IN", back)
    await _do(club, "customers.UnmergeCustomers", name=ADA, reason=WHY)
    assert await _newest(club, customer=BEN) == ("MERGE_OUT", back)
    assert await _newest(club) == ("MERGE_IN", there)


async def test_an_entry_says_which_event_gave_it_and_who_made_it_active(club: Club) -> None:
    """By its event, by hand or by time: three ways to one kind of entry."""
    await club.event("review.written")
    assert await _newest(club) == ("EARN", {"event_type": "review.written"})
    bought = (await club.earn(100, "event")).transaction.name
    await club.event("order.delivered", transaction=bought, occur_time=timestamp(club.now))
    await club.move(days=3)
    await club.earn(1, "event", transaction_id="later")
    assert await _newest(club, "event") == ("ACTIVATION", {"transaction": bought})
    late = (await club.earn(50, "event")).transaction.name
    occurred_at = timestamp(club.now)
    await club.move(days=3)
    await club.event("order.delivered", transaction=late, occur_time=occurred_at)
    assert await _newest(club, "event") == ("ACTIVATION", {"transaction": late, "event_type": "order.delivered"})
    first = (await club.earn(100, "hand")).transaction
    await _do(club, "lots.ActivateLot", name=first.lot, reason=WHY)
    assert await _newest(club, "hand") == ("ACTIVATION", {"transaction": first.name, **HAND})


async def test_points_of_several_purchases_that_become_active_in_one_entry_are_told_apart(club: Club) -> None:
    """Which purchase which points came from: of one, the entry says it; of several, each of its parts."""
    names = [(await club.earn(points, "slow")).transaction.name for points in (10, 20, 30)]
    await club.move(days=11)
    await club.spend(1, "slow")
    [_, entry] = await _entries(club, "slow")
    assert (entry.kind, entry.transaction) == (Kind.ENTRY_KIND_ACTIVATION, "")
    parts = {part.transaction: part.amount for part in entry.allocations}
    assert parts == dict(zip(names, (10, 20, 30), strict=True))
    await club.move(days=60)
    await club.earn(1, "slow")
    entry = (await _entries(club, "slow"))[0]
    assert entry.kind == Kind.ENTRY_KIND_EXPIRY
    assert [part.transaction for part in entry.allocations] == names


async def _long_life(club: Club) -> None:
    for _ in range(2):
        await club.earn(100)
        await club.spend(10)
        await club.move(days=1)
        await club.event("review.written")
        await _do(club, "points.AdjustPoints", account=account(), points=5, reason=WHY)


Chosen = Callable[[points_pb2.Entry], bool]


async def test_entries_are_listed_by_kind_and_by_time(club: Club) -> None:
    """Each filter shows exactly what a reader would pick by hand."""
    await _long_life(club)
    everything = await _entries(club)
    times = sorted({entry.occur_time.ToNanoseconds() for entry in everything})
    middle = next(entry.occur_time for entry in everything if entry.occur_time.ToNanoseconds() == times[1])
    filters: list[tuple[Facts, Chosen]] = [
        ({"kind": kind}, lambda entry, kind=kind: entry.kind == kind)  # type: ignore[misc]
        for kind in Kind.values()[1:]
    ]
    filters += [
        ({"start_time": middle}, lambda entry: entry.occur_time.ToNanoseconds() >= times[1]),
        ({"end_time": middle}, lambda entry: entry.occur_time.ToNanoseconds() < times[1]),
        ({"start_time": middle, "end_time": middle}, lambda entry: False),
        (
            {"kind": Kind.ENTRY_KIND_EARN, "start_time": middle},
            lambda entry: entry.kind == Kind.ENTRY_KIND_EARN and entry.occur_time.ToNanoseconds() >= times[1],
        ),
    ]
    for fields, chosen in filters:
        assert await _entries(club, **fields) == [entry for entry in everything if chosen(entry)], fields


async def test_a_filtered_list_refuses_as_the_whole_one_does(club: Club) -> None:
    """It is read on another way, and must not tell more there."""
    calls: list[Callable[..., Awaitable[Any]]] = [
        lambda **more: _entries(club, "gold", **more),
        lambda **more: _entries(club, customer=f"{NAME}/customers/eve", **more),
        lambda **more: _entries(club, **more),
    ]
    await club.earn(10)
    await club.merge()
    for call in calls:
        whole, filtered = await told(call()), await told(call(kind=Kind.ENTRY_KIND_EARN))
        assert (filtered.code, filtered.reason, filtered.facts) == (whole.code, whole.reason, whole.facts)


async def test_the_entry_of_a_lot_that_was_cancelled_by_hand_is_none(club: Club) -> None:
    """Points that were never active are no entry of the history: the lot says what became of it."""
    lot = (await club.earn(100, "hand")).transaction.lot
    cancel = lots_pb2.CancelLotRequest(name=lot, reason=WHY, request_id=fresh())
    await club.admin.lots.CancelLot(cancel)
    assert await _entries(club, "hand") == []
