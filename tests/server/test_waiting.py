"""Calls that the database could not serve in time are told why: that it is away is said only where it is."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import grpc.aio
import psycopg
import pytest
from grpc import StatusCode
from prometheus_client import REGISTRY

from fealty.v1 import customers_pb2, programs_pb2
from fealty.v1.customers_pb2_grpc import CustomerServiceStub
from rules.access import Role
from server import limits
from server.errors import failure
from storage.engine import database
from storage.engine.database import AnswerLate, OutOfRoom, StorageUnavailable, known
from tests.server.serving import Served, activities, fresh, purchase, serve, spending, told

pytestmark = pytest.mark.long

ADA = "programs/coffee/customers/ada"


@pytest.fixture
def hurried(
    runner: asyncio.Runner, database_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Served]:
    """A server that waits so long for a row, and for a statement."""
    lock_ms, statement_ms = request.param
    monkeypatch.setattr(database, "LOCK_TIMEOUT_MS", lock_ms)
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT_MS", statement_ms)
    served = runner.run(serve(database_url))
    yield served
    runner.run(served.close())


def _spend(served: Served) -> Awaitable[Any]:
    return served.till.points.SpendPoints(spending(1))


def _rename(served: Served) -> Awaitable[Any]:
    changed = customers_pb2.Customer(name=ADA, display_name="Ada")
    return served.till.customers.UpdateCustomer(
        customers_pb2.UpdateCustomerRequest(customer=changed, request_id=fresh())
    )


@pytest.mark.parametrize("hurried", [(250, 30_000)], indirect=True)
@pytest.mark.parametrize("ask", [_spend, _rename])
async def test_a_call_whose_row_is_held_is_told_that(hurried: Served, ask: Callable[[Served], Awaitable[Any]]) -> None:
    """Who hears that the database is away calls the wrong people; and the same request made later is made once."""
    await hurried.till.transactions.RecordTransaction(purchase(100))
    with hurried.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM account FOR UPDATE")
        holder.execute("SELECT FROM customer FOR UPDATE")
        answer = await told(ask(hurried))
    assert (answer.code, answer.reason) == (StatusCode.ABORTED, "ACCOUNT_BUSY")
    assert answer.retry_ms == [limits.PUSHBACK_MS]
    assert "cannot be reached" not in answer.message
    assert REGISTRY.get_sample_value("fealty_database_up") == 1
    [recorded] = await activities(hurried.admin, outcome="ACTIVITY_OUTCOME_FAILED")
    assert recorded.details["reason"].text == "ACCOUNT_BUSY"
    await ask(hurried)


@pytest.mark.parametrize("hurried", [(30_000, 500)], indirect=True)
async def test_a_call_that_is_too_much_for_the_database_is_told_to_ask_for_less(hurried: Served) -> None:
    """To try the same again would be as slow."""
    with hurried.another_connection() as holder, holder.transaction():
        # Stands for work: both keep a statement busy until it is cut off.
        holder.execute("LOCK TABLE program IN ACCESS EXCLUSIVE MODE")
        answer = await told(hurried.admin.programs.ListPrograms(programs_pb2.ListProgramsRequest()))
    assert (answer.code, answer.reason) == (StatusCode.DEADLINE_EXCEEDED, "TOO_SLOW")
    assert answer.retry_ms == []
    assert "cannot be reached" not in answer.message


@pytest.mark.parametrize("hurried", [(30_000, 30_000)], indirect=True)
async def test_a_call_without_a_deadline_gets_ours(hurried: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's client may wait for ever, and would hold its permit as long."""
    monkeypatch.setattr(limits, "DEADLINE_MAX_S", 0.5)
    key = hurried.key("stranger", Role.ADMINISTRATOR, None)
    async with grpc.aio.insecure_channel(hurried.address) as channel:
        with hurried.another_connection() as holder, holder.transaction():
            holder.execute("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
            call = CustomerServiceStub(channel).GetCustomer(
                customers_pb2.GetCustomerRequest(name=ADA), metadata=(("authorization", f"Bearer {key}"),)
            )
            answer = await told(call)
    assert (answer.code, answer.reason) == (StatusCode.DEADLINE_EXCEEDED, "DEADLINE_PASSED")


@pytest.mark.parametrize(
    ("said", "kind", "sentence"),
    [
        (psycopg.OperationalError("connection refused"), StorageUnavailable, "cannot be reached"),
        (psycopg.errors.TooManyConnections("too many"), StorageUnavailable, "cannot be reached"),
        (psycopg.errors.AdminShutdown("stopping"), StorageUnavailable, "cannot be reached"),
        (psycopg.errors.DiskFull("no space left"), OutOfRoom, "no disk or memory left"),
        (psycopg.errors.OutOfMemory("out of memory"), OutOfRoom, "no disk or memory left"),
    ],
)
def test_what_the_driver_says_is_told_as_what_it_is(said: psycopg.Error, kind: type[Exception], sentence: str) -> None:
    """Each has somebody else who can mend it."""
    translated = known(said)
    assert type(translated) is kind
    answer = failure(translated)
    assert (answer.code, answer.reason) == (StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert sentence in answer.message


def test_an_answer_that_did_not_come_is_not_said_to_be_none() -> None:
    """The change may have been made: only the same request_id tells."""
    answer = failure(AnswerLate("silent for 10 s"))
    assert (answer.code, answer.reason) == (StatusCode.UNAVAILABLE, "UNAVAILABLE")
    assert "is not known" in answer.message
    assert "same request_id" in answer.message
