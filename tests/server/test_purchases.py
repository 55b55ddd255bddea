"""Purchases from their record to their refund, as their caller sees them."""

from typing import Any

from fealty import refusal_of
from fealty.v1 import ingest_pb2, points_pb2, transactions_pb2
from tests.server.club import ADA, WHY, Club, account, money
from tests.server.serving import fresh, timestamp, told

State = transactions_pb2.TransactionState


async def _read(club: Club, name: str) -> transactions_pb2.Transaction:
    request = transactions_pb2.GetTransactionRequest(name=name)
    return (await club.till.transactions.GetTransaction(request)).transaction


async def _update(club: Club, name: str, amount: int, **more: Any) -> transactions_pb2.UpdateTransactionResponse:
    request = transactions_pb2.UpdateTransactionRequest(
        name=name, amount=money(amount), reason=WHY, request_id=fresh(), **more
    )
    return await club.till.transactions.UpdateTransaction(request)


async def _accept(club: Club, name: str) -> transactions_pb2.AcceptTransactionResponse:
    request = transactions_pb2.AcceptTransactionRequest(name=name, request_id=fresh())
    return await club.till.transactions.AcceptTransaction(request)


async def _reject(club: Club, name: str) -> transactions_pb2.RejectTransactionResponse:
    request = transactions_pb2.RejectTransactionRequest(name=name, reason=WHY, request_id=fresh())
    return await club.till.transactions.RejectTransaction(request)


async def test_what_is_recorded_is_what_is_read(club: Club) -> None:
    """With its lines, its source and the rules it was earned under."""
    lines = [
        transactions_pb2.TransactionLine(product_id="tea", category="hot", quantity=2, amount_minor=60),
        transactions_pb2.TransactionLine(product_id="mug", quantity=1, amount_minor=40, points=0),
    ]
    bought = await club.earn(100, "slow", transaction_id="t1", source="till", lines=lines)
    shown = bought.transaction
    assert (shown.name, shown.source, shown.transaction_id) == (f"{ADA}/transactions/till~t1", "till", "t1")
    assert (shown.points, shown.settings_version, shown.lot) == (60, 1, f"{account('slow')}/lots/1")
    assert list(shown.lines) == lines
    assert shown.lines[1].HasField("points")
    assert not shown.lines[0].HasField("points")
    assert await _read(club, shown.name) == shown


async def test_two_senders_may_use_the_same_number(club: Club) -> None:
    """Each till counts from one; the shop does too."""
    names = {
        (await club.earn(1, transaction_id="1", source=source)).transaction.name for source in ("", "till", "shop")
    }
    assert names == {f"{ADA}/transactions/{name}" for name in ("1", "till~1", "shop~1")}


async def test_a_pending_purchase_can_be_corrected(club: Club) -> None:
    """Earned anew, with the term that it had: the till had typed a nought too many."""
    name = (await club.earn(1000, "slow")).transaction.name
    await club.move(days=3)
    before = await _read(club, name)
    corrected = await _update(club, name, 100)
    assert (corrected.transaction.amount, corrected.transaction.points) == (money(100), 100)
    assert (corrected.balance.pending, corrected.balance.active) == (100, 0)
    assert corrected.transaction.activate_time == before.activate_time
    assert await _read(club, name) == corrected.transaction
    assert (await _update(club, name, 0)).transaction.lot == ""
    assert (await _update(club, name, 70)).balance.pending == 70


async def test_pending_points_become_active_when_somebody_accepts(club: Club) -> None:
    """How long they last counts from then."""
    name = (await club.earn(100, "hand")).transaction.name
    assert not (await _read(club, name)).HasField("activate_time")
    now = await club.move(days=3)
    accepted = await _accept(club, name)
    assert accepted.transaction.state == State.TRANSACTION_STATE_ACCEPTED
    assert accepted.transaction.activate_time == timestamp(now)
    assert accepted.transaction.expire_time.ToJsonString() == "2025-02-04T23:00:00Z"
    assert (accepted.balance.pending, accepted.balance.active) == (0, 100)
    assert await _read(club, name) == accepted.transaction
    assert (await told(_reject(club, name))).reason == "TRANSACTION_STATE"


async def test_what_is_rejected_gives_nothing_for_good(club: Club) -> None:
    """Neither time nor a refund brings it back."""
    name = (await club.earn(100, "slow")).transaction.name
    rejected = await _reject(club, name)
    assert rejected.transaction.state == State.TRANSACTION_STATE_REJECTED
    assert (rejected.balance.pending, rejected.balance.lifetime_earned) == (0, 0)
    await club.move(days=20)
    assert (await club.balance("slow")).active == 0
    for call in (_accept(club, name), _update(club, name, 5), club.refund(name)):
        assert (await told(call)).reason == "TRANSACTION_STATE"


async def test_refunds_add_up_to_the_whole(club: Club) -> None:
    """Thirds of 100 points are 33, 33 and 34."""
    name = (await club.earn(100, amount=money(300), lines=_priced(100))).transaction.name
    taken = [(await club.refund(name, amount_minor=100)).refund for _ in range(3)]
    assert [one.points for one in taken] == [33, 33, 34]
    assert [one.name for one in taken] == [f"{name}/refunds/{number}" for number in (1, 2, 3)]
    assert [one.from_own_lot for one in taken] == [33, 33, 34]
    shown = await _read(club, name)
    assert (shown.state, shown.refunded_minor, shown.refunded_points, shown.points) == (
        State.TRANSACTION_STATE_REFUNDED,
        300,
        100,
        100,
    )
    assert (await club.balance()).active == 0


async def test_a_refund_is_of_an_amount_of_lines_or_of_all_that_is_left(club: Club) -> None:
    """A line by its place from 1; without an amount, all of it."""
    lines = [
        transactions_pb2.TransactionLine(product_id="tea", quantity=1, amount_minor=60),
        transactions_pb2.TransactionLine(product_id="mug", quantity=1, amount_minor=40),
    ]
    name = (await club.earn(100, lines=lines)).transaction.name
    line = transactions_pb2.RefundLine(line=2)
    first = await club.refund(name, lines=transactions_pb2.RefundLines(lines=[line]))
    assert (first.refund.amount_minor, first.refund.points, first.balance.active) == (40, 40, 60)
    line = transactions_pb2.RefundLine(line=1, amount_minor=10)
    second = await club.refund(name, lines=transactions_pb2.RefundLines(lines=[line]))
    assert second.transaction.state == State.TRANSACTION_STATE_PARTIALLY_REFUNDED
    rest = await club.refund(name)
    assert (rest.refund.amount_minor, rest.balance.active, rest.balance.lifetime_revoked) == (50, 0, 100)


async def test_a_refund_names_each_line_once(club: Club) -> None:
    """Of two amounts for one line nobody could say which one was meant; in a stream as in a call of its own."""
    lines = [transactions_pb2.TransactionLine(product_id="tea", quantity=1, amount_minor=60)]
    name = (await club.earn(60, lines=lines)).transaction.name
    twice = [transactions_pb2.RefundLine(line=1, amount_minor=amount) for amount in (10, 20)]
    request = transactions_pb2.RefundTransactionRequest(
        name=name, lines=transactions_pb2.RefundLines(lines=twice), reason=WHY, request_id=fresh()
    )
    books = club.books()
    answer = await told(club.till.transactions.RefundTransaction(request))
    assert (answer.reason, answer.fields) == ("INVALID_REQUEST", ["lines.lines"])
    message = ingest_pb2.BatchIngestRequest(items=[ingest_pb2.Item(refund=request)])
    [answered] = [answer async for answer in club.till.ingest.BatchIngest(iter([message]))]
    assert refusal_of(answered.results[0]).reason == "INVALID_REQUEST"
    assert club.books() == books


async def test_a_refund_says_from_where_it_took_and_what_nobody_had(club: Club) -> None:
    """Its own points first, then others; the card says whether the rest is a debt."""
    for card, kind in (("plain", "shortfall"), ("owing", "debt")):
        await club.earn(30, card)
        name = (await club.earn(100, card)).transaction.name
        await club.spend(110, card)
        refund = (await club.refund(name)).refund
        assert (refund.points, refund.from_own_lot, refund.from_other_lots, getattr(refund, kind)) == (100, 20, 0, 80)
    assert (await club.balance("owing")).debt == 80
    repaid = await club.earn(100, "owing")
    assert (repaid.balance.debt, repaid.balance.spendable) == (0, 20)


async def test_points_that_paid_for_a_purchase_come_back_with_its_refund(club: Club) -> None:
    """Half of the money, half of the points; in proportion, to the last unit."""
    await club.earn(100)
    name = (await club.earn(amount=money(300), lines=_priced(0))).transaction.name
    spent = await club.spend(60, transaction=name)
    assert spent.entry.transaction == name
    for amount, restored, active in ((150, 30, 70), (149, 29, 99), (1, 1, 100)):
        refunded = await club.refund(name, amount_minor=amount)
        assert (refunded.refund.restored, refunded.balance.active) == (restored, active)


async def test_a_purchase_of_another_customer_is_not_found(club: Club) -> None:
    """A name is of a customer: guessing ids below another's shows nothing."""
    name = (await club.earn(1, transaction_id="t1")).transaction.name
    stolen = name.replace("ada", "ben")
    for call in (_read(club, stolen), _accept(club, stolen), club.refund(stolen)):
        assert (await told(call)).reason == "TRANSACTION_NOT_FOUND"


async def test_the_same_purchase_by_another_request_answers_what_was_recorded(club: Club) -> None:
    """The second belt: a till that forgot its request id, and remembers its receipt."""
    first = await club.earn(100, transaction_id="t1")
    again = await club.earn(100, transaction_id="t1")
    assert again.receipt.replayed
    assert (again.transaction, again.receipt.activity) == (first.transaction, first.receipt.activity)
    await club.refund(first.transaction.name, amount_minor=40)
    later = (await club.earn(100, transaction_id="t1")).transaction
    assert later.state == State.TRANSACTION_STATE_PARTIALLY_REFUNDED


async def test_points_wait_for_the_event_that_names_their_purchase(club: Club) -> None:
    """Delivered, and then two days in which it can be sent back."""
    name = (await club.earn(100, "event")).transaction.name
    await club.move(days=30)
    assert (await club.balance("event")).pending == 100
    await club.event("order.delivered", transaction=name)
    assert (await _read(club, name)).activate_time.ToJsonString() == "2025-02-02T23:00:00Z"
    await club.move(days=3)
    assert (await club.balance("event")).active == 100
    entries = await club.till.points.ListEntries(points_pb2.ListEntriesRequest(account=account("event")))
    assert not entries.entries


def _priced(points: int) -> list[transactions_pb2.TransactionLine]:
    return [transactions_pb2.TransactionLine(product_id="tea", quantity=1, amount_minor=300, points=points)]
