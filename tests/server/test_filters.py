"""What each list of the deep ledger shows: sorted, filtered, and kept apart from the others."""

from collections.abc import Callable
from typing import Any

import pytest

from fealty.v1 import activity_pb2, events_pb2, explanations_pb2, holds_pb2, points_pb2, transactions_pb2
from tests.server.club import BEN, Club, account
from tests.server.listing import live, overdraw, overdraw_and_repay, pages
from tests.server.serving import fresh, told

ORDERS: dict[str, Callable[[events_pb2.Event], Any]] = {
    "OCCUR_TIME": lambda event: event.occur_time.ToMicroseconds(),
    "EVENT_TYPE": lambda event: event.event_type,
    "POINTS": lambda event: event.points,
    "SOURCE": lambda event: activity_pb2.ActivitySource.Name(event.source),
}


@pytest.mark.parametrize("ascending", [False, True], ids=["descending", "ascending"])
@pytest.mark.parametrize("order", ORDERS)
async def test_events_are_sorted_by_each_column_both_ways(club: Club, order: str, ascending: bool) -> None:
    """As a table in a browser is, page by page; of what is equal, what was recorded last comes first."""
    await live(club)
    value = ORDERS[order]
    fields: dict[str, Any] = {"order_by": f"EVENT_ORDER_{order}", "ascending": ascending}
    [whole] = await pages(club, "ListEvents", 0, **fields)
    # Names of activities are in the order in which they were recorded.
    by_record = sorted(whole, key=lambda event: event.name, reverse=not (ascending and order == "OCCUR_TIME"))
    assert whole == sorted(by_record, key=value, reverse=not ascending)
    assert len({value(event) for event in whole}) > 1
    assert [event for page in await pages(club, "ListEvents", 2, **fields) for event in page] == whole
    found = await pages(club, "ListEvents", 3, meanwhile=True, **fields)
    names = [event.name for page in found for event in page]
    assert len(set(names)) == len(names)
    there = [event.name for event in whole]
    assert [name for name in names if name in there] == there


async def test_events_of_one_type_are_listed_alone(club: Club) -> None:
    """One that the program declares, and one of Fealty's own."""
    await live(club)
    everything = await club.history()
    for event_type in ("visit", "review.written", "points.spent", "hold.expired", "nothing.such"):
        wanted = [event for event in everything if event.event_type == event_type]
        assert await club.history(event_type=event_type) == wanted
        assert bool(wanted) == (event_type != "nothing.such")


async def test_purchases_are_listed_by_state_and_by_card(club: Club) -> None:
    """Each filter shows exactly what a reader would pick by hand."""
    await club.earn(100, "slow", transaction_id="pending")
    await club.earn(100, transaction_id="accepted")
    for name, amount in (("part", 10), ("whole", 100)):
        bought = await club.earn(100, transaction_id=name)
        await club.refund(bought.transaction.name, amount_minor=amount)
    rejected = (await club.earn(100, "hand", transaction_id="rejected")).transaction.name
    reject = transactions_pb2.RejectTransactionRequest(name=rejected, request_id=fresh())
    reject.reason.code = "FRAUD"
    await club.till.transactions.RejectTransaction(reject)
    await club.earn(100, customer=BEN)
    for state, names in (
        ("UNSPECIFIED", ["rejected", "whole", "part", "accepted", "pending"]),
        ("PENDING", ["pending"]),
        ("ACCEPTED", ["accepted"]),
        ("REJECTED", ["rejected"]),
        ("PARTIALLY_REFUNDED", ["part"]),
        ("REFUNDED", ["whole"]),
    ):
        [found] = await pages(club, "ListTransactions", 0, state=f"TRANSACTION_STATE_{state}")
        assert [one.transaction_id for one in found] == names
    for card, names in (("slow", ["pending"]), ("hand", ["rejected"]), ("fine", [])):
        [found] = await pages(club, "ListTransactions", 0, card_id=card)
        assert [one.transaction_id for one in found] == names
    answer = await told(pages(club, "ListTransactions", 0, card_id="gold"))
    assert answer.reason == "CARD_NOT_FOUND"
    # Time accepts what waited, whether or not anybody came by.
    await club.move(days=11)
    [found] = await pages(club, "ListTransactions", 0, state="TRANSACTION_STATE_PENDING")
    assert found == []


async def test_lots_holds_and_shortfalls_are_listed_by_state(club: Club) -> None:
    """As time has made them: a hold whose time is over has expired, also where no worker has been by."""
    await overdraw_and_repay(club)
    await overdraw(club)
    await live(club)
    for name, enum in (("ListLots", explanations_pb2.LotState), ("ListHolds", holds_pb2.HoldState)):
        [everything] = await pages(club, name, 0)
        assert len({row.state for row in everything}) > 1
        for state in enum.values():
            [found] = await pages(club, name, 0, state=state)
            assert found == [row for row in everything if state in (0, row.state)]
    [everything] = await pages(club, "ListShortfalls", 0)
    [still_open] = await pages(club, "ListShortfalls", 0, open_only=True)
    assert still_open == [one for one in everything if one.remaining]
    assert 0 < len(still_open) < len(everything)
    [of_ben] = await pages(club, "ListShortfalls", 0, parent=BEN)
    assert of_ben == []


async def test_the_three_lists_keep_apart(club: Club) -> None:
    """Points that may never come are no line of the points history; what is no purchase is none of the purchases."""
    await club.earn(100, "slow", transaction_id="t1")
    await club.earn(100, transaction_id="t2")
    await club.hold(60)
    await club.event("visit")
    for card, kinds in (("slow", []), ("plain", [points_pb2.ENTRY_KIND_EARN])):
        entries = await club.till.points.ListEntries(points_pb2.ListEntriesRequest(account=account(card)))
        assert [entry.kind for entry in entries.entries] == kinds
    [purchases] = await pages(club, "ListTransactions", 0)
    assert [one.transaction_id for one in purchases] == ["t2", "t1"]
    assert [event.event_type for event in await club.history()] == [
        "visit",
        "hold.created",
        "transaction.recorded",
        "transaction.recorded",
    ]
