"""Two programs in the books: the club, whose tills must not notice anything, and the crowd, where attacks come from.

All of it is made by calls, so nothing here knows how Fealty keeps its books.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

import grpc.aio

from attack import limits
from bench.payload import PLACEHOLDER, Payload
from fealty import connect_async
from fealty.v1 import (
    customers_pb2,
    customers_pb2_grpc,
    ingest_pb2,
    ingest_pb2_grpc,
    programs_pb2,
    programs_pb2_grpc,
    transactions_pb2,
    values_pb2,
)

CLUB, CROWD = "club", "crowd"
CARD = "points"
# Nobody has an account with it until an attack asks for one.
SPARE_CARD = "spare"
# Customers of the club whose tills are watched, and one more whose rows somebody locks.
PROBE_CUSTOMERS = 50
LOCKED = "locked"
# Customers of the club of whom only the tills of the kills know.
TILL_CUSTOMERS = tuple(f"t{number}" for number in range(limits.TILL_CUSTOMERS))
# Customers of the crowd that have no account yet.
NEWCOMERS = 50
# Each purchase earns a point for every cent.
CURRENCY, EARNED_MINOR = "USD", 12
# The account whose page is the largest that there is.
DEEP = "c0"
ITEMS_PER_MESSAGE = 500
CREATED_AT_ONCE = 32


def account(program: str, customer: str, card: str = CARD) -> str:
    """The resource name of an account."""
    return f"programs/{program}/customers/{customer}/accounts/{card}"


def fresh() -> str:
    """A request id."""
    return str(uuid.uuid4())


def purchase(account: str, minor: int = EARNED_MINOR, ids: str = "") -> transactions_pb2.RecordTransactionRequest:
    """A purchase that earns `minor` points; its ids are fresh unless they are given."""
    return transactions_pb2.RecordTransactionRequest(
        account=account,
        transaction_id=ids or fresh(),
        amount=values_pb2.Money(currency_code=CURRENCY, amount_minor=minor),
        request_id=ids or fresh(),
    )


def purchases(accounts: Iterable[str]) -> Payload:
    """Messages of purchases for a load, in turns over the accounts."""
    return Payload(*(purchase(account, ids=PLACEHOLDER).SerializeToString() for account in accounts))


def open_programs(target: str, administrator: str, lots: int) -> None:
    """Makes both programs and their customers, and that many lots in the crowd's."""
    asyncio.run(_open(target, administrator, lots))


async def create_program(channel: grpc.aio.Channel, program_id: str) -> None:
    """A program with two cards that give a point a cent, at once and for ever."""
    rate = programs_pb2.EarnRate(points=1, per_amount_minor=1, currency_code=CURRENCY)
    cards = [programs_pb2.Card(card_id=card, display_name="Points", earn_rate=rate) for card in (CARD, SPARE_CARD)]
    program = programs_pb2.Program(display_name="Attacked", time_zone="Europe/Prague", cards=cards)
    request = programs_pb2.CreateProgramRequest(program_id=program_id, program=program, request_id=fresh())
    await programs_pb2_grpc.ProgramServiceStub(channel).CreateProgram(request)


async def create_customers(channel: grpc.aio.Channel, program_id: str, names: Iterable[str]) -> None:
    """Customers of a program."""
    stub: Any = customers_pb2_grpc.CustomerServiceStub(channel)

    def creation(name: str) -> customers_pb2.CreateCustomerRequest:
        return customers_pb2.CreateCustomerRequest(
            parent=f"programs/{program_id}", customer_id=name, request_id=fresh()
        )

    await _some_at_once(stub.CreateCustomer, map(creation, names))


async def _open(target: str, administrator: str, lots: int) -> None:
    async with connect_async(target, administrator) as fealty:
        channel = fealty.channel
        for program_id in (CLUB, CROWD):
            await create_program(channel, program_id)
        tills = [f"c{number}" for number in range(PROBE_CUSTOMERS)]
        crowd = [f"c{number}" for number in range(limits.CROWD_CUSTOMERS)]
        await create_customers(channel, CLUB, [*tills, LOCKED, *TILL_CUSTOMERS])
        await create_customers(channel, CROWD, [*crowd, *(f"new{number}" for number in range(NEWCOMERS))])
        # Every account that is called has been there before: the first purchase of all is another kind of call.
        await _ingest(channel, [purchase(account(CLUB, name)) for name in (*tills, LOCKED)])
        await _ingest(channel, [purchase(account(CROWD, name)) for name in crowd])
        await _ingest(channel, [purchase(account(CROWD, DEEP)) for _ in range(limits.PAGE_ENTRIES)])
        await _ingest(channel, (purchase(account(CROWD, crowd[number % len(crowd)])) for number in range(lots)))


async def _ingest(channel: grpc.aio.Channel, items: Iterable[transactions_pb2.RecordTransactionRequest]) -> None:
    stub: Any = ingest_pb2_grpc.IngestServiceStub(channel)
    async for answer in stub.BatchIngest(_messages(items)):
        for result in answer.results:
            if result.HasField("refused"):
                raise RuntimeError(f"a purchase was refused: {result.refused.message}")


def _messages(items: Iterable[transactions_pb2.RecordTransactionRequest]) -> Iterator[ingest_pb2.BatchIngestRequest]:
    batch = []
    for item in items:
        batch.append(ingest_pb2.Item(record=item))
        if len(batch) == ITEMS_PER_MESSAGE:
            yield ingest_pb2.BatchIngestRequest(items=batch)
            batch = []
    if batch:
        yield ingest_pb2.BatchIngestRequest(items=batch)


async def _some_at_once(call: Callable[[Any], Awaitable[Any]], requests: Iterable[Any]) -> None:
    places = asyncio.Semaphore(CREATED_AT_ONCE)

    async def one(request: Any) -> None:
        async with places:
            await call(request)

    await asyncio.gather(*map(one, requests))
