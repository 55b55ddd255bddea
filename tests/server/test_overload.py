"""More calls than can be served, and calls that nobody waits for any more."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import grpc.aio
import pytest
from grpc import StatusCode

from fealty.v1 import points_pb2
from server import limits
from server.interceptors.metrics import METRICS
from tests.server.serving import PLAIN, Client, Founded, Served, active, activities, purchase, serve, spending, told

SPEND = "fealty.v1.PointsService/SpendPoints"


@pytest.fixture
def server(
    runner: asyncio.Runner, database_url: str, there: Founded | None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """A server that takes one call at a time."""
    monkeypatch.setattr(limits, "CALLS_MAX", 1)
    served = runner.run(serve(database_url, there))
    yield served
    runner.run(served.close())


@asynccontextmanager
async def _busy(served: Served) -> AsyncIterator["asyncio.Task[points_pb2.SpendPointsResponse]"]:
    """While the context is open, the one call that is taken waits for a row that a neighbour holds."""
    with served.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM account FOR UPDATE")
        call = asyncio.ensure_future(_spend(served.till))
        await _until(served, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        yield call


async def test_a_call_too_many_is_turned_away_and_told_when_to_come_again(server: Served) -> None:
    """At once and without a trace: turning away must cost less than serving."""
    await server.till.transactions.RecordTransaction(purchase(100))
    async with grpc.aio.insecure_channel(server.address, [("grpc.enable_retries", 0)]) as channel:
        async with _busy(server) as first:
            answer = await told(Client(channel).points.SpendPoints(spending(1)))
        assert (await first).balance.active == 90
    assert (answer.code, answer.reason) == (StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert answer.retry_ms == [limits.PUSHBACK_MS]
    assert answer.trailers["grpc-retry-pushback-ms"] == str(limits.PUSHBACK_MS)
    assert await activities(server.admin, outcome="ACTIVITY_OUTCOME_FAILED") == []


async def test_our_client_comes_again_and_is_served_once(server: Served) -> None:
    """What a caller notices of a short overload is that one call took a moment longer."""
    await server.till.transactions.RecordTransaction(purchase(100))
    before = METRICS.methods[SPEND].codes["RESOURCE_EXHAUSTED"]
    async with _busy(server) as first:
        second = asyncio.ensure_future(_spend(server.till))
        for _ in range(1000):
            if METRICS.methods[SPEND].codes["RESOURCE_EXHAUSTED"] > before:
                break
            await asyncio.sleep(0.005)
    assert {(await first).balance.active, (await second).balance.active} == {90, 80}
    assert METRICS.methods[SPEND].codes["RESOURCE_EXHAUSTED"] > before


async def test_our_client_gives_up_after_four_attempts(server: Served) -> None:
    """A client that tried for ever would keep a server down that is down."""
    await server.till.transactions.RecordTransaction(purchase(100))
    before = METRICS.methods[SPEND].codes["RESOURCE_EXHAUSTED"]
    async with _busy(server):
        assert (await told(_spend(server.till))).reason == "OVERLOADED"
    assert METRICS.methods[SPEND].codes["RESOURCE_EXHAUSTED"] == before + 4


async def test_our_client_does_not_repeat_what_was_refused(server: Served) -> None:
    """A rule that said no says no again."""
    before = METRICS.methods[SPEND].codes["FAILED_PRECONDITION"]
    assert (await told(_spend(server.till))).reason == "INSUFFICIENT_POINTS"
    assert METRICS.methods[SPEND].codes["FAILED_PRECONDITION"] == before + 1


async def test_a_caller_that_goes_away_makes_room_for_the_next(server: Served) -> None:
    """Permits that were never given back would end in a server that turns everybody away."""
    await server.till.transactions.RecordTransaction(purchase(100))
    async with _busy(server) as first:
        first.cancel()
        await asyncio.wait([first])
        for _ in range(1000):
            if METRICS.methods[SPEND].codes["CANCELLED"]:
                break
            await asyncio.sleep(0.005)
    for _ in range(5):
        await told(server.till.points.SpendPoints(spending(1000)))
    assert await active(server.till) in (90, 100)


async def test_a_caller_whose_deadline_passed_in_the_queue_has_changed_nothing(server: Served) -> None:
    """It was told that it failed; a spending that was made after all would be a lie."""
    await server.till.transactions.RecordTransaction(purchase(100))
    with server.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM account FOR UPDATE")
        late = await told(server.till.points.SpendPoints(spending(10), timeout=1.0))
    assert (late.code, late.reason) == (StatusCode.ABORTED, "ACCOUNT_BUSY")
    request = points_pb2.GetBalanceRequest(account=PLAIN)
    for _ in range(3):
        await server.till.points.GetBalance(request)
    await server.till.points.SpendPoints(spending(1))
    assert await active(server.till) == 99


async def _spend(client: Client) -> points_pb2.SpendPointsResponse:
    return await client.points.SpendPoints(spending(10))


async def _until(served: Served, query: str) -> None:
    for _ in range(1000):
        if served.rows(query) == [(1,)]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")
