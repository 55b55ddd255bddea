"""Calls whose message does not come: they cost those who call nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing
from typing import Any

import grpc.aio
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import REGISTRY

from bench.wire import Connection
from fealty.v1 import points_pb2
from server import limits
from server.interceptors.metrics import METRICS
from tests.server.serving import PLAIN, Served, active, activities, serve, told

METHOD = "/fealty.v1.PointsService/GetBalance"
BALANCE = points_pb2.GetBalanceRequest(account=PLAIN)
# As many as took every permit of a process once, over some connections.
CONNECTIONS = 12
CALLS = 200


def _counted(code: str) -> int:
    return METRICS.methods[METHOD[1:]].codes[code]


def _connect(address: str) -> Connection:
    headers = [(":method", "POST"), (":scheme", "http"), (":path", METHOD), (":authority", address)]
    return Connection(address, [*headers, ("te", "trailers"), ("content-type", "application/grpc")])


def _call(server: Served) -> Any:
    """A call of a balance that is open, and waits for us to send its message."""
    method: Any = server.till.channel.stream_unary(METHOD)
    return method(metadata=[("authorization", f"Bearer {server.till_key}")])


async def _until_awaited(calls: int) -> None:
    while REGISTRY.get_sample_value("fealty_messages_awaited") != calls:
        await asyncio.sleep(0.01)


async def _ended(connection: Connection) -> list[str]:
    """What the server says of the first calls that end."""
    while not (ended := connection.receive()):
        await asyncio.sleep(0.01)
    return [reply.status for _, reply in ended]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that start from here on wait for a tenth of a second."""
    monkeypatch.setattr(limits, "WAITING_LOOK_S", 0.05)
    monkeypatch.setattr(limits, "MESSAGE_WAIT_MAX_S", 0.1)
    monkeypatch.setattr(limits, "PUBLIC_CALL_MAX_S", 0.1)


@asynccontextmanager
async def _served(database_url: str) -> AsyncIterator[Served]:
    served = await serve(database_url)
    try:
        yield served
    finally:
        await served.close()


@pytest.fixture
def idle(server: Served) -> Iterator[list[Connection]]:
    """Connections of somebody without a key, each with calls that never bring a message."""
    with ExitStack() as opened:
        connections = [opened.enter_context(closing(_connect(server.address))) for _ in range(CONNECTIONS)]
        for connection in connections:
            for _ in range(CALLS):
                connection.open()
            assert connection.flush()
        yield connections


async def test_calls_without_a_message_take_no_permit_of_those_who_call(server: Served, idle: list[Connection]) -> None:
    """One connection without a key stopped a server like this: health, readiness and every honest call."""
    await _until_awaited(len(idle) * CALLS)
    async with grpc.aio.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING
    for _ in range(20):
        assert await active(server.till) == 0


async def test_a_connection_carries_so_many_calls_and_no_more(server: Served) -> None:
    """Clients are told, and queue what is beyond; who does not listen is turned away by gRPC itself."""
    with closing(_connect(server.address)) as connection:
        assert connection.streams_max == limits.CONNECTION_CALLS_MAX
        for _ in range(limits.CONNECTION_CALLS_MAX + 1):
            connection.open()
        connection.flush()
        assert await _ended(connection) == ["RST_STREAM REFUSED_STREAM"]


async def test_a_message_is_awaited_for_a_while(database_url: str, runner: asyncio.Runner, hurried: None) -> None:
    """Who does not send it is told so, and counted; the log has nothing of it: nobody asked for anything."""
    async with _served(database_url) as server:
        counted = _counted("DEADLINE_EXCEEDED")
        answer = await told(_call(server))
        assert (answer.code, answer.reason) == (StatusCode.DEADLINE_EXCEEDED, "MESSAGE_LATE")
        assert _counted("DEADLINE_EXCEEDED") == counted + 1
        assert not await activities(server.admin, outcome="ACTIVITY_OUTCOME_FAILED")


async def test_where_too_many_are_awaited_the_one_that_waited_longest_goes(
    database_url: str, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they cost has an end, and it is not the newest that pays: an honest call's message is there at once."""
    monkeypatch.setattr(limits, "MESSAGES_AWAITED_MAX", 3)
    async with _served(database_url) as server:
        calls = []
        for number in range(4):
            calls.append(_call(server))
            await _until_awaited(min(number + 1, 3))
        assert (await told(calls[0])).reason == "MESSAGE_LATE"
        assert await active(server.till) == 0
        for call in calls[2:]:  # the second went when the honest call came
            await call.write(BALANCE.SerializeToString())
            await call.done_writing()
            assert points_pb2.GetBalanceResponse.FromString(await call).balance.account == PLAIN


async def test_what_is_open_to_anybody_is_not_open_for_ever(
    database_url: str, runner: asyncio.Runner, hurried: None
) -> None:
    """Health and reflection ask for no key: a call of theirs that only waits ends too, with or without its message."""
    async with _served(database_url) as server, grpc.aio.insecure_channel(server.address) as channel:
        check: Any = channel.stream_unary("/grpc.health.v1.Health/Check")
        reflection: Any = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        for waits in (check(), reflection().read(), watch.read()):
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await waits
            assert ended.value.code() is StatusCode.UNAVAILABLE


async def test_a_caller_that_goes_before_its_message_came_is_counted_as_gone(server: Served) -> None:
    """It is no failure of ours; and it leaves nothing behind that waits."""
    counted = _counted("CANCELLED")
    call = _call(server)
    await _until_awaited(1)
    call.cancel()
    while _counted("CANCELLED") == counted:
        await asyncio.sleep(0.01)


async def test_a_call_that_ends_without_a_message_is_malformed(server: Served) -> None:
    """On the wire it is a stream without a message: no request, not even an empty one."""
    call = _call(server)
    await call.done_writing()
    assert (await told(call)).reason == "MALFORMED_REQUEST"
    [recorded] = await activities(server.admin, action="balance.read")
    assert recorded.actor.ip_address == "127.0.0.1"


async def test_of_a_method_that_nobody_knows_no_message_is_awaited(server: Served) -> None:
    """There is nothing to be read from it."""
    method: Any = server.admin.channel.stream_unary("/fealty.v1.PointsService/GiveAway")
    call = method()
    assert (await told(call)).reason == "METHOD_UNKNOWN"
