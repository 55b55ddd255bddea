"""The messages that are sent, made before anything is measured."""

from collections.abc import Iterable
from dataclasses import dataclass

from bench.payload import PLACEHOLDER, Payload
from fealty.v1 import holds_pb2, ingest_pb2, points_pb2, transactions_pb2, values_pb2

PROGRAM = "bench"
# Enough that spread calls seldom meet in one account, as customers in shops do.
CUSTOMERS = 10_000
# What each purchase costs, in cents, and what it earns: a point a dollar.
AMOUNT_MINOR, POINTS = 12_34, 12
SPENT_ON = "order-1"


@dataclass(frozen=True)
class Requests:
    """Requests that need nothing fresh, in turns."""

    variants: list[bytes]

    def __call__(self, i: int) -> bytes:
        """The request of call number `i`."""
        return self.variants[i % len(self.variants)]


def customer(number: int) -> str:
    """The resource name of a customer."""
    return f"programs/{PROGRAM}/customers/c{number}"


def account(number: int, card: str = "points") -> str:
    """The resource name of a customer's account."""
    return f"{customer(number)}/accounts/{card}"


def purchase(account: str, amount_minor: int = AMOUNT_MINOR) -> transactions_pb2.RecordTransactionRequest:
    """A purchase whose ids are still to come."""
    return transactions_pb2.RecordTransactionRequest(
        account=account,
        transaction_id=PLACEHOLDER,
        amount=values_pb2.Money(currency_code="USD", amount_minor=amount_minor),
        request_id=PLACEHOLDER,
    )


def purchases(customers: Iterable[int] = range(CUSTOMERS)) -> Payload:
    """Requests of purchases, spread over customers; each with a fresh request id and transaction id."""
    return Payload(*(purchase(account(number)).SerializeToString() for number in customers))


def messages(items: int, customers: int = CUSTOMERS) -> Payload:
    """Ingest messages of that many purchases, spread over customers."""
    return Payload(
        *(
            ingest_pb2.BatchIngestRequest(
                items=[ingest_pb2.Item(record=purchase(account(message * items + item))) for item in range(items)]
            ).SerializeToString()
            for message in range(customers // items)
        )
    )


def spend(account: str, points: int = 1) -> points_pb2.SpendPointsRequest:
    """A spending."""
    return points_pb2.SpendPointsRequest(account=account, points=points, reference=SPENT_ON, request_id=PLACEHOLDER)


def spends(accounts: Iterable[str], points: int = 1) -> Payload:
    """Requests of spendings, in turns over accounts."""
    return Payload(*(spend(account, points).SerializeToString() for account in accounts))


def hold(account: str) -> holds_pb2.CreateHoldRequest:
    """A point set aside."""
    return holds_pb2.CreateHoldRequest(account=account, points=1, reference=SPENT_ON, request_id=PLACEHOLDER)


def holds(accounts: Iterable[str]) -> Payload:
    """Requests of holds, in turns over accounts."""
    return Payload(*(hold(account).SerializeToString() for account in accounts))


def refused(answer: bytes) -> list[str]:
    """What was refused of an ingest message."""
    results = ingest_pb2.BatchIngestResponse.FromString(answer).results
    return [result.refused.message for result in results if result.HasField("refused")]
