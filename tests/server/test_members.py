"""Customers who are suspended, blocked, closed, merged, and parted again, as their caller sees them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fealty.v1 import customers_pb2, transactions_pb2
from storage.ledger import nouns
from tests.server.club import ADA, BEN, NAME, WHY, Club, account
from tests.server.listing import pages
from tests.server.serving import fresh, spending, timestamp, told

State = customers_pb2.CustomerState


async def _read(club: Club, name: str) -> customers_pb2.Customer:
    return (await club.till.customers.GetCustomer(customers_pb2.GetCustomerRequest(name=name))).customer


async def _unmerge(club: Club) -> customers_pb2.UnmergeCustomersResponse:
    request = customers_pb2.UnmergeCustomersRequest(name=ADA, reason=WHY, request_id=fresh())
    return await club.admin.customers.UnmergeCustomers(request)


async def _merge(club: Club, name: str, into: str) -> customers_pb2.MergeCustomersResponse:
    request = customers_pb2.MergeCustomersRequest(name=name, into=into, reason=WHY, request_id=fresh())
    return await club.admin.customers.MergeCustomers(request)


async def test_a_customer_is_suspended_and_reactivated(club: Club) -> None:
    """Each with a new etag; time goes on meanwhile."""
    await club.earn(100, "slow")
    before = await _read(club, ADA)
    assert before.state == State.CUSTOMER_STATE_ACTIVE
    suspended = await club.suspend()
    assert (suspended.state, suspended.merged_into) == (State.CUSTOMER_STATE_SUSPENDED, "")
    assert suspended.etag != before.etag
    assert await _read(club, ADA) == suspended
    await club.move(days=12)
    assert (await club.balance("slow")).active == 100
    request = customers_pb2.ReactivateCustomerRequest(name=ADA, reason=WHY, request_id=fresh())
    reactivated = (await club.admin.customers.ReactivateCustomer(request)).customer
    assert reactivated.state == State.CUSTOMER_STATE_ACTIVE
    assert (await club.spend(10, "slow")).balance.active == 90
    request.request_id = fresh()
    answer = await told(club.admin.customers.ReactivateCustomer(request))
    assert (answer.reason, answer.facts["wanted"]) == ("CUSTOMER_STATE", "SUSPENDED or BLOCKED")


async def test_a_blocked_customer_has_its_holds_released_and_is_reactivated(club: Club) -> None:
    """Says what was let go, card by card; the points are there when the suspicion is gone."""
    await club.earn(100)
    await club.hold(30)
    blocked = await club.block()
    assert blocked.customer.state == State.CUSTOMER_STATE_BLOCKED
    assert [(one.card_id, one.released, one.holds) for one in blocked.accounts] == [("plain", 30, 1)]
    answer = await told(club.spend(1))
    assert (answer.reason, answer.facts) == ("CUSTOMER_BLOCKED", {"customer": ADA})
    request = customers_pb2.ReactivateCustomerRequest(name=ADA, reason=WHY, request_id=fresh())
    await club.admin.customers.ReactivateCustomer(request)
    assert (await club.spend(100)).balance.spendable == 0


async def test_a_closed_customer_can_be_read_and_not_be_changed(club: Club) -> None:
    """Asked about first: the clerk reads out what will be lost. Then it is, and nothing names it any more."""
    await club.earn(100)
    await club.earn(50, "slow")
    preview = await club.close(validate_only=True)
    assert (await _read(club, ADA)).state == State.CUSTOMER_STATE_ACTIVE
    closed = await club.close()
    assert list(closed.accounts) == list(preview.accounts)
    assert [(one.card_id, one.expired, one.cancelled) for one in closed.accounts] == [
        ("plain", 100, 0),
        ("slow", 0, 50),
    ]
    assert await _read(club, ADA) == closed.customer
    assert closed.customer.state == State.CUSTOMER_STATE_CLOSED
    balance = await club.balance()
    assert (balance.active, balance.spendable, balance.lifetime_expired) == (0, 0, 100)
    assert (await club.history())[0].event_type == "customer.closed"
    for call in (club.earn(1), club.event("visit"), club.suspend(), _merge(club, BEN, ADA), club.close()):
        answer = await told(call)
        assert (answer.reason, answer.facts) == ("CUSTOMER_CLOSED", {"customer": ADA})


async def test_a_merge_moves_all_that_a_customer_holds(club: Club) -> None:
    """Lots with their expiry, holds with their lots, debts; and says so card by card."""
    await club.earn(100, transaction_id="t1")
    await club.hold(30)
    await club.earn(50, "slow")
    [slow] = await club.lots("slow")
    await club.earn(7, customer=BEN)
    merged = await club.merge()
    figures = [(one.card_id, one.active, one.pending, one.held, one.lots, one.holds) for one in merged.merge.accounts]
    assert figures == [("plain", 100, 0, 30, 1, 1), ("slow", 0, 50, 0, 1, 0)]
    assert (merged.customer.name, merged.customer.state) == (BEN, State.CUSTOMER_STATE_ACTIVE)
    source = await _read(club, ADA)
    assert (source.state, source.merged_into) == (State.CUSTOMER_STATE_MERGED, BEN)
    balance = await club.balance("plain", BEN)
    assert (balance.active, balance.held, balance.spendable, balance.lifetime_moved) == (107, 30, 77, 100)
    [moved] = await club.lots("slow", BEN)
    assert (moved.expire_time, moved.points, moved.origin) == (slow.expire_time, 50, slow.name)
    request = transactions_pb2.GetTransactionRequest(name=f"{BEN}/transactions/t1")
    assert (await club.till.transactions.GetTransaction(request)).transaction.points == 100


ASKED: list[Callable[[Club], Awaitable[Any]]] = [
    lambda club: club.earn(1),
    lambda club: club.spend(1),
    lambda club: club.hold(1),
    lambda club: club.event("visit"),
    lambda club: club.balance(),
    lambda club: club.history(),
    lambda club: club.lots(),
    lambda club: club.refund(f"{ADA}/transactions/t1"),
    lambda club: club.suspend(),
    lambda club: _merge(club, ADA, BEN),
]


async def test_whoever_names_a_merged_customer_is_told_whom_to_name(club: Club) -> None:
    """A till that has the old card in its hand finds the new account by the answer."""
    await club.earn(100, transaction_id="t1")
    await club.merge()
    for number, call in enumerate(ASKED):
        answer = await told(call(club))
        assert (answer.reason, answer.facts) == ("CUSTOMER_MERGED", {"customer": ADA, "target": BEN}), number


async def test_a_merge_is_undone_exactly(club: Club) -> None:
    """Both are as they were, as far as figures go; the history tells both ways."""
    await club.earn(100, transaction_id="t1")
    hold = await club.hold(30)
    await club.earn(7, customer=BEN)
    before = [await club.balance("plain", customer) for customer in (ADA, BEN)]
    merged = await club.merge()
    parted = await _unmerge(club)
    assert list(parted.merge.accounts) == list(merged.merge.accounts)
    assert (parted.customer.name, parted.customer.state) == (ADA, State.CUSTOMER_STATE_ACTIVE)
    after = [await club.balance("plain", customer) for customer in (ADA, BEN)]
    assert [(one.active, one.held, one.spendable) for one in after] == [
        (one.active, one.held, one.spendable) for one in before
    ]
    assert (await club.spend(70)).balance.spendable == 0
    assert hold.points == after[0].held
    types = [event.event_type for event in await club.history(BEN)]
    assert types == ["customer.unmerged", "customer.merged", "transaction.recorded"]


@pytest.mark.parametrize("fields", [{}, {"order_by": "EVENT_ORDER_POINTS", "ascending": True}, {"event_type": "visit"}])
async def test_the_history_of_whom_it_was_merged_into_tells_of_both(club: Club, fields: dict[str, Any]) -> None:
    """Page by page, until they part: whoever asks what happened must not be sent through the audit log."""
    for customer in (ADA, BEN, ADA, BEN, ADA):
        await club.earn(10, customer=customer)
        await club.event("visit", parent=customer)
    before = [await club.history(customer, **fields) for customer in (ADA, BEN)]
    await club.merge()
    [whole] = await pages(club, "ListEvents", 0, parent=BEN, **fields)
    merged = [event for event in whole if event.event_type == "customer.merged"]
    assert {event.subject for event in merged} == (set() if "event_type" in fields else {ADA, BEN})
    by_name = {event.name: event for event in whole}
    assert by_name == {event.name: event for event in [*before[0], *before[1], *merged]}
    for size in (1, 2, 3):
        found = await pages(club, "ListEvents", size, parent=BEN, **fields)
        assert [event for page in found for event in page] == whole
    await _unmerge(club)
    after = [await club.history(customer, **fields) for customer in (ADA, BEN)]
    told = ("customer.merged", "customer.unmerged")
    assert [[event for event in history if event.event_type not in told] for history in after] == before


async def test_a_merge_shows_purchases_that_may_be_one(club: Club) -> None:
    """The same receipt of the same instant, recorded for both: people decide."""
    for customer in (ADA, BEN):
        await club.earn(100, customer=customer, transaction_id="r7", source="till" if customer == ADA else "shop")
    [found] = (await club.merge()).merge.duplicates
    assert (found.one, found.other) == (f"{ADA}/transactions/till~r7", f"{BEN}/transactions/shop~r7")


async def test_two_that_cannot_be_one_are_not_merged(club: Club) -> None:
    """Of another program, one that is suspended, one that is not there."""
    other = "programs/coffee/customers/ada"
    assert (await told(_merge(club, ADA, other))).facts == {"why": "they belong to different programs"}
    assert (await told(_merge(club, ADA, f"{NAME}/customers/eve"))).reason == "CUSTOMER_NOT_FOUND"
    await club.suspend(BEN)
    answer = await told(club.merge())
    assert (answer.reason, answer.facts["customer"]) == ("CUSTOMER_STATE", BEN)
    assert (await told(_unmerge(club))).facts["wanted"] == "MERGED"


async def test_what_was_used_since_cannot_be_parted(club: Club) -> None:
    """Whose points were they? Nobody can say exactly, and nothing is done by halves."""
    await club.earn(100)
    await club.merge()
    await club.till.points.SpendPoints(spending(1, account("plain", BEN)))
    answer = await told(_unmerge(club))
    assert answer.reason == "UNMERGE_IMPOSSIBLE"
    assert f"{account('plain', BEN)}/lots/1" in answer.message
    assert (await club.balance("plain", BEN)).active == 99


@pytest.mark.parametrize("days", [0, 60])
async def test_time_goes_on_for_what_has_moved(club: Club, days: int) -> None:
    """A merge is no way to make points last longer."""
    await club.earn(50, "slow")
    await club.merge()
    now = await club.move(days=days)
    balance = await club.balance("slow", BEN)
    assert (balance.pending, balance.lifetime_expired) == ((0, 50) if days else (50, 0))
    assert balance.as_of_time == timestamp(now)


async def test_a_balance_that_is_read_while_a_merge_is_undone_is_read_again(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merged when its figures were read, and itself again when somebody asked into whom: neither is a fault."""
    await club.earn(10)
    await club.merge()
    load, undone = nouns.load_accounts, False

    async def undone_in_between(*asked: Any) -> Any:
        nonlocal undone
        found = await load(*asked)
        if not undone:
            undone = True
            await _unmerge(club)
        return found

    monkeypatch.setattr("storage.ledger.queries.load_accounts", undone_in_between)
    assert (await club.balance()).active == 10
