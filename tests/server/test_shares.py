"""Permits for calls in hand and for open streams: nobody takes all of them, and who only waits takes none."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from fealty.v1 import ingest_pb2
from rules.access import Role
from server import limits
from server.admission import Permit, Permits
from server.errors import Overloaded, ShareUsedUp
from server.interceptors.metrics import METRICS
from tests.server.serving import (
    Client,
    Founded,
    Served,
    Told,
    active,
    activities,
    customer,
    purchase,
    serve,
    spending,
    told,
    told_by,
)
from tests.server.watching import first_code, watching

INGEST = "fealty.v1.IngestService/BatchIngest"


@pytest.fixture
def server(
    runner: asyncio.Runner, database_url: str, there: Founded | None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """A server with four permits for calls, four for streams of postings and two for watchers."""
    monkeypatch.setattr(limits, "CALLS_MAX", 4)
    monkeypatch.setattr(limits, "INGEST_STREAMS_MAX", 4)
    monkeypatch.setattr(limits, "WATCHERS_MAX", 2)
    served = runner.run(serve(database_url, there))
    yield served
    runner.run(served.close())


@given(st.integers(1, 60), st.lists(st.integers(0, 4), max_size=200))
def test_whoever_comes_next_finds_a_permit(permits_max: int, callers: Sequence[int]) -> None:
    """However many callers take all they can get, one that has none yet gets some; and nobody more than half."""
    permits = Permits(permits_max, Overloaded, ShareUsedUp)
    held: dict[int, int] = {}
    for caller in callers:
        try:
            permit = permits.acquire()
        except Overloaded:
            assert sum(held.values()) == permits_max
            continue
        try:
            permit.charge(str(caller))
        except ShareUsedUp:
            permit.release()
            assert held[caller] >= permits_max - sum(held.values())
        else:
            held[caller] = held.get(caller, 0) + 1
            assert held[caller] <= (permits_max + 1) // 2
    assert permits.taken == sum(held.values())


def test_a_place_is_given_back_once() -> None:
    """Counted twice, a server would take more than it can; never, it would end in turning everybody away."""
    permits = Permits(2, Overloaded, ShareUsedUp)
    first = permits.acquire()
    first.charge("till")
    with pytest.raises(ShareUsedUp):
        permits.acquire().charge("till")
    first.release()
    first.release()
    assert (permits.taken, permits.by_caller) == (1, {})
    Permit(permits, "till").release()
    assert (permits.taken, permits.by_caller) == (1, {})


async def test_a_caller_with_its_share_is_turned_away_and_others_are_served(server: Served) -> None:
    """One service that loops must not take the tills down."""
    await server.till.transactions.RecordTransaction(purchase(100))
    async with _held(server, "account"):
        first = [asyncio.ensure_future(server.till.points.SpendPoints(spending(1))) for _ in range(2)]
        await _until_in_hand(2)
        answer = await _refused_spending(server)
        assert (answer.code, answer.reason) == (StatusCode.RESOURCE_EXHAUSTED, "SHARE_USED_UP")
        assert answer.retry_ms == [limits.PUSHBACK_MS]
        assert answer.trailers["grpc-retry-pushback-ms"] == str(limits.PUSHBACK_MS)
        await server.admin.customers.CreateCustomer(customer("ben"))
    await asyncio.gather(*first)
    assert await active(server.till) == 98
    assert not await activities(server.admin, outcome="ACTIVITY_OUTCOME_FAILED")


async def test_an_idle_stream_takes_no_place_of_a_call(server: Served) -> None:
    """A thousand streams of one key, each waiting for its next message, once left no permit for anybody's calls."""
    async with _streams(server.till, 2), _streams(server.admin, 1):
        assert REGISTRY.get_sample_value("fealty_calls_in_hand") == 0
        assert await active(server.till) == 3


async def test_a_message_takes_the_place_of_a_call_while_it_is_in_hand(server: Served) -> None:
    """So a caller cannot have by streams what it may not have by calls; and its messages are not turned away."""
    await server.till.transactions.RecordTransaction(purchase(100))
    async with _streams(server.till, 1) as [stream]:
        async with _held(server, "account"):
            for _ in range(2):
                await stream.write(_message())
            await _until_in_hand(2)
            refused = await _refused_spending(server)
            assert refused.reason == "SHARE_USED_UP"
            for _ in range(2):
                await stream.write(_message())
            await _until_in_hand(4)
        for _ in range(4):
            assert (await stream.read()).results[0].HasField("recorded")
    await _until_in_hand(0)


async def test_a_stream_that_breaks_off_gives_its_permits_back(server: Served) -> None:
    """Whatever became of its messages."""
    await server.till.transactions.RecordTransaction(purchase(100))
    async with _streams(server.admin, 1) as [stream], _held(server, "account"):
        for _ in range(6):
            await stream.write(_message())
        await _until_in_hand(4)
        stream.cancel()
        await _until_in_hand(0)


async def test_one_stream_too_many_of_a_caller_is_turned_away_and_counted(server: Served) -> None:
    """And those of others are not; a stream that ends makes room."""
    counted = METRICS.methods[INGEST].codes["RESOURCE_EXHAUSTED"]
    other = server.client(server.key("other", Role.SERVICE))
    async with _streams(server.till, 2):
        answer = await _told_of_a_stream(server.till)
        assert answer is not None
        assert (answer.code, answer.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_STREAMS")
        assert answer.retry_ms == [limits.STREAM_PUSHBACK_MS]
        async with _streams(other, 1):
            refused = await _told_of_a_stream(other)
            assert refused is not None
            assert refused.reason == "TOO_MANY_STREAMS"
        assert METRICS.methods[INGEST].codes["RESOURCE_EXHAUSTED"] == counted + 2
        assert not await activities(server.admin, outcome="ACTIVITY_OUTCOME_FAILED")
    # The server hears a moment later that they have gone.
    while await _told_of_a_stream(server.till) is not None:
        await asyncio.sleep(0.02)


async def test_one_watcher_too_many_of_a_caller_is_turned_away_and_makes_room_when_it_goes(server: Served) -> None:
    """Each costs the database a look now and then; calls come first."""
    other = server.client(server.key("other", Role.AUDITOR))
    async with watching(server.admin) as stream:
        await stream.message()
        assert await first_code(server.admin) is StatusCode.RESOURCE_EXHAUSTED
        async with watching(other) as of_other:
            await of_other.message()
            assert REGISTRY.get_sample_value("fealty_calls_in_hand") == 0
    # The server hears a moment later that the first has gone.
    while (turned_away := await first_code(server.admin)) is not StatusCode.OK:
        assert turned_away is StatusCode.RESOURCE_EXHAUSTED
        await asyncio.sleep(0.02)


async def test_a_stream_that_brings_nothing_for_long_is_ended(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller is gone, or learns that what was answered stands and opens another; no failure is recorded."""
    async with _streams(server.till, 1) as [stream]:
        monkeypatch.setattr(limits, "STREAM_IDLE_MAX_S", 0.1)
        await stream.write(_message())
        assert (await stream.read()).results[0].HasField("recorded")
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stream.read()
    answer = told_by(ended.value)
    assert (answer.code, answer.reason) == (StatusCode.DEADLINE_EXCEEDED, "STREAM_IDLE")
    assert await active(server.till) == 2
    assert not await activities(server.admin, outcome="ACTIVITY_OUTCOME_FAILED")


async def test_a_stream_whose_answers_are_not_taken_is_ended(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is answered lies with us until it is taken, and so does the stream's permit."""
    monkeypatch.setattr(limits, "STREAM_IDLE_MAX_S", 0.5)
    counted = METRICS.methods[INGEST].codes["DEADLINE_EXCEEDED"]
    wrong = ingest_pb2.BatchIngestRequest(items=[ingest_pb2.Item(record=purchase(-1))] * 500)

    async def send() -> None:
        while True:
            await call.write(wrong)

    call = server.till.ingest.BatchIngest()
    sending = asyncio.ensure_future(send())
    while METRICS.methods[INGEST].codes["DEADLINE_EXCEEDED"] == counted:
        await asyncio.sleep(0.01)
    call.cancel()
    await asyncio.wait([sending])
    await _until_in_hand(0)


def _message() -> ingest_pb2.BatchIngestRequest:
    return ingest_pb2.BatchIngestRequest(items=[ingest_pb2.Item(record=purchase(1))])


async def _refused_spending(server: Served) -> Told:
    """What the till is told that does not try again by itself."""
    async with grpc.aio.insecure_channel(server.address, [("grpc.enable_retries", 0)]) as channel:
        key = (("authorization", f"Bearer {server.till_key}"),)
        return await told(Client(channel).points.SpendPoints(spending(1), metadata=key))


async def _told_of_a_stream(client: Client) -> Told | None:
    """What the caller of a stream that cannot begin is told; None where it can."""
    try:
        await client.ingest.BatchIngest(iter([_message()])).read()
    except grpc.aio.AioRpcError as failed:
        return told_by(failed)
    return None


@asynccontextmanager
async def _streams(client: Client, count: int) -> AsyncIterator[list[Any]]:
    """Open streams, each of which has had a message answered, until they are broken off."""
    streams: list[Any] = [client.ingest.BatchIngest() for _ in range(count)]
    for stream in streams:
        await stream.write(_message())
        assert (await stream.read()).results[0].HasField("recorded")
    yield streams
    for stream in streams:
        stream.cancel()


@asynccontextmanager
async def _held(server: Served, table: str) -> AsyncIterator[None]:
    """While the context is open, a neighbour holds every row of a table."""
    with server.another_connection() as holder, holder.transaction():
        holder.execute(f"SELECT FROM {table} FOR UPDATE".encode())
        yield


async def _until_in_hand(calls: int) -> None:
    while REGISTRY.get_sample_value("fealty_calls_in_hand") != calls:
        await asyncio.sleep(0.01)
