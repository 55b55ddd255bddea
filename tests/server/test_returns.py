"""What a till needs that takes something back: the purchase by what stands on the receipt, and what was refunded."""

from grpc import StatusCode

from fealty.v1 import transactions_pb2
from tests.server.club import ADA, BEN, NAME, WHY, Club
from tests.server.serving import timestamp, told


async def _read(club: Club, name: str) -> transactions_pb2.Transaction:
    request = transactions_pb2.GetTransactionRequest(name=name)
    return (await club.till.transactions.GetTransaction(request)).transaction


async def _looked_up(
    club: Club, transaction_id: str, source: str = "", parent: str = NAME
) -> transactions_pb2.Transaction:
    request = transactions_pb2.LookupTransactionRequest(parent=parent, transaction_id=transaction_id, source=source)
    return (await club.till.transactions.LookupTransaction(request)).transaction


async def test_a_purchase_is_found_by_its_senders_id_alone(club: Club) -> None:
    """A till that takes something back holds a receipt, and knows no customer; two senders may use one id."""
    bought = [
        (await club.earn(points, customer=customer, transaction_id="t1", source=source)).transaction
        for points, customer, source in ((10, ADA, ""), (20, BEN, "shop"), (30, ADA, "tills"))
    ]
    for purchase, source in zip(bought, ("", "shop", "tills"), strict=True):
        assert await _looked_up(club, "t1", source) == purchase == await _read(club, purchase.name)
    await club.refund(bought[0].name, amount_minor=4)
    assert (await _looked_up(club, "t1")).refunded_minor == 4
    await club.merge()
    found = await _looked_up(club, "t1")
    assert (found.name, found.refunded_minor) == (f"{BEN}/transactions/t1", 4)
    for unknown in (_looked_up(club, "t2"), _looked_up(club, "t1", "web")):
        answer = await told(unknown)
        assert (answer.code, answer.reason) == (StatusCode.NOT_FOUND, "TRANSACTION_NOT_FOUND")
    answer = await told(_looked_up(club, "t1", parent="programs/coffee"))
    assert answer.reason == "TRANSACTION_NOT_FOUND"
    assert (await told(_looked_up(club, "t1", parent="programs/cocoa"))).reason == "PROGRAM_NOT_FOUND"
    for wrong in (_looked_up(club, "shop~t1"), _looked_up(club, "t1", "Shop"), _looked_up(club, "")):
        assert (await told(wrong)).reason == "INVALID_REQUEST"


async def test_refunds_are_read_by_name_and_listed_of_their_purchase(club: Club) -> None:
    """What was given back, when, of which lines, why and for whom: what a customer asks for at the counter."""
    lines = [transactions_pb2.TransactionLine(product_id="tea", quantity=1, amount_minor=60)]
    bought = (await club.earn(100, lines=lines)).transaction
    line = transactions_pb2.RefundLines(lines=[transactions_pb2.RefundLine(line=1, amount_minor=25)])
    first = (await club.refund(bought.name, lines=line)).refund
    await club.move(days=1)
    second = (await club.refund(bought.name)).refund
    assert first.name == f"{bought.name}/refunds/1"
    assert (first.reason_code, first.acting_user) == (WHY.code, WHY.acting_user)
    assert first.lines == line.lines
    assert (second.occur_time, list(second.lines)) == (timestamp(club.now), [])
    transactions = club.till.transactions
    for refund in (first, second):
        assert (await transactions.GetRefund(transactions_pb2.GetRefundRequest(name=refund.name))).refund == refund
    listed = await transactions.ListRefunds(transactions_pb2.ListRefundsRequest(parent=bought.name))
    assert list(listed.refunds) == [second, first]
