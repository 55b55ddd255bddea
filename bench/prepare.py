"""What calls use up, made beforehand by Fealty's own commands: points, holds to capture, purchases to refund."""

from collections.abc import Iterable, Iterator
from itertools import islice
from math import ceil
from typing import Any

from bench.payload import PLACEHOLDER, Once, Payload
from bench.requests import AMOUNT_MINOR, PROGRAM, account, hold, purchase, refused
from bench.stage import Stage
from fealty import connect
from fealty.v1 import holds_pb2, ingest_pb2, receipt_pb2, transactions_pb2
from storage.engine.database import connection

# Items of one ingest message: as many as the contract allows.
MESSAGE_ITEMS = 500
# Enough for a minute at more calls a second than any machine does today; a load that outruns it says so.
PREPARED_MAX = 500_000
# How much faster than the earn calls beside it a call may be before it runs dry.
MARGIN = 3
# Of one purchase, in cents: more points than a run can spend of an account.
LARGE_MINOR = 100_000_00


def ingest(here: Stage, items: Iterable[ingest_pb2.Item]) -> None:
    """Records items through the stream, in their order; their ids are filled in. Raises RuntimeError for a refusal."""
    with connect(here.target, here.token) as fealty:
        record: Any = fealty.channel.stream_stream("/fealty.v1.IngestService/BatchIngest")
        for answer in record(_messages(items)):
            if sentences := refused(answer):
                raise RuntimeError(f"{len(sentences)} of {MESSAGE_ITEMS} items were refused: {sentences[0]}")


def points(here: Stage, customers: int) -> None:
    """Gives every customer points for as many spendings as a run can do."""
    ingest(here, (ingest_pb2.Item(record=purchase(account(n), LARGE_MINOR)) for n in range(customers)))


def enough(here: Stage, per_s: float) -> int:
    """How many calls to prepare for one measurement, beside which `per_s` earn calls a second were done."""
    return min(PREPARED_MAX, ceil(MARGIN * per_s * here.seconds_in_all))


def captures(here: Stage, count: int, customers: int) -> Once:
    """Captures of `count` open holds or more; those that lack are made now, spread over customers."""
    missing = count - len(_open_holds(here))
    ingest(here, (ingest_pb2.Item(create_hold=hold(account(n % customers))) for n in range(missing)))
    return Once(*(_capture(name).SerializeToString() for name in _open_holds(here)))


def release(here: Stage) -> None:
    """Ends all open holds: an account with many is slower, and the next round is to find what this one found."""
    ingest(
        here,
        (
            ingest_pb2.Item(release_hold=holds_pb2.ReleaseHoldRequest(name=name, request_id=PLACEHOLDER))
            for name in _open_holds(here)
        ),
    )


def refunds(here: Stage, count: int, customers: int) -> Once:
    """Refunds of `count` whole purchases whose points are all there; those that lack are recorded now, spread over
    customers."""
    missing = count - len(_refundable(here, count))
    ingest(here, (ingest_pb2.Item(record=purchase(account(n % customers))) for n in range(missing)))
    return Once(*(_refund(name).SerializeToString() for name in _refundable(here, count)))


def _messages(items: Iterable[ingest_pb2.Item]) -> Iterator[bytes]:
    left = iter(items)
    while batch := list(islice(left, MESSAGE_ITEMS)):
        yield Payload(ingest_pb2.BatchIngestRequest(items=batch).SerializeToString())(0)


def _capture(name: str) -> holds_pb2.CaptureHoldRequest:
    return holds_pb2.CaptureHoldRequest(name=name, request_id=PLACEHOLDER)


def _refund(name: str) -> transactions_pb2.RefundTransactionRequest:
    reason = receipt_pb2.Reason(code="RETURNED")
    return transactions_pb2.RefundTransactionRequest(name=name, reason=reason, request_id=PLACEHOLDER)


def _open_holds(here: Stage) -> list[str]:
    with connection(here.database) as books:
        return [name for (name,) in books.execute(_OPEN_HOLDS, (PROGRAM,))]


def _refundable(here: Stage, count: int) -> list[str]:
    with connection(here.database) as books:
        return [name for (name,) in books.execute(_REFUNDABLE, (PROGRAM, AMOUNT_MINOR, count))]


# One of each account before the next of any: as spread as the earn calls are.
_OPEN_HOLDS = """
SELECT format('programs/%%s/customers/%%s/accounts/%%s/holds/%%s', p.program_id, c.customer_id, a.card_id, h.number)
FROM hold h JOIN account a ON a.id = h.account JOIN customer c ON c.id = a.customer JOIN program p ON p.id = a.program
WHERE h.state = 'ACTIVE' AND p.program_id = %s ORDER BY h.number, h.account
"""

_REFUNDABLE = """
SELECT format('programs/%%s/customers/%%s/transactions/%%s', p.program_id, c.customer_id, t.transaction_id)
FROM transaction t JOIN lot l ON l.account = t.account AND l.number = t.lot
JOIN account a ON a.id = t.account JOIN customer c ON c.id = a.customer JOIN program p ON p.id = t.program
WHERE p.program_id = %s AND t.amount_minor = %s AND t.refunds = 0 AND l.remaining = l.points AND l.held = 0
ORDER BY t.lot DESC, t.account LIMIT %s
"""
