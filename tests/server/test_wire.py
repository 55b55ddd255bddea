"""What comes in from those who do not use our client: wrong bytes, wrong paths, and too much of it."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc

from fealty.v1 import transactions_pb2
from server import limits
from server.app import build
from server.listening import PortTaken
from server.settings import ServerSettings
from tests.server.serving import Client, Served, activities, purchase, settings_of, told

METHOD = "/fealty.v1.PointsService/GetBalance"
NONSENSE = b"\xff\xff\xff\xff"


async def test_bytes_that_are_no_message_are_refused_and_recorded_as_what_they_are(server: Served) -> None:
    """A client of another version gets a reason, not a broken connection; and the log shows the attempt."""
    answer = await told(server.admin.send(METHOD, NONSENSE))
    assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST")
    recorded = (await activities(server.admin))[0]
    assert (recorded.action, recorded.details["reason"].text) == ("balance.read", "MALFORMED_REQUEST")


async def test_a_method_that_is_not_in_the_contract_is_named_and_recorded(server: Served) -> None:
    """Somebody who tries paths is somebody an operator wants to see, with the address he came from."""
    for path in ("/fealty.v1.PointsService/GiveAway", "/fealty.v2.PointsService/GetBalance", "/x"):
        async with grpc.aio.insecure_channel(server.address) as channel:
            answer = await told(Client(channel).send(path, NONSENSE))
        assert (answer.code, answer.reason) == (StatusCode.UNIMPLEMENTED, "METHOD_UNKNOWN")
        recorded = (await activities(server.admin, action="method.unknown"))[0]
        assert recorded.actor.ip_address == "127.0.0.1"
        assert path in str(server.rows("SELECT body FROM activity WHERE action = 'method.unknown'"))


async def test_a_field_that_we_do_not_know_yet_is_no_error(server: Served) -> None:
    """A client that is newer than the server must still be served."""
    unknown = b"\xf8\x3f\x01"
    request = purchase(5).SerializeToString() + unknown
    answer = await server.till.send("/fealty.v1.TransactionService/RecordTransaction", request)
    assert transactions_pb2.RecordTransactionResponse.FromString(answer).balance.active == 5


async def test_a_request_that_weighs_too_much_is_turned_away(server: Served) -> None:
    """Nobody can make the process run out of memory with one message."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await server.admin.send(METHOD, b"\0" * (limits.REQUEST_BYTES_MAX + 1))
    assert failed.value.code() is StatusCode.RESOURCE_EXHAUSTED


async def test_a_balancer_is_told_of_each_service_that_it_serves(server: Served) -> None:
    """Health and reflection are answered to anybody, as balancers and grpcurl expect it."""
    async with grpc.aio.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "fealty.v1.PointsService", "fealty.v1.AuditService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection: Any = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        call = reflection(iter([b":\x01*"]))
        listed = await call.read()
    assert b"fealty.v1.PointsService" in listed


async def test_a_second_server_on_the_same_port_is_refused_in_one_sentence(
    server: Served, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Silently sharing a port, each would get half of the other's calls; gRPC's own lines would bury the reason."""
    port = int(server.address.rpartition(":")[2])
    settings = settings_of(database_url).model_copy(update={"port": port})
    capfd.readouterr()
    with pytest.raises(PortTaken, match=f"{server.address} is taken"):
        await build(settings)
    assert capfd.readouterr() == ("", "")


async def test_an_address_that_this_host_does_not_have_is_not_said_to_be_taken(
    runner: asyncio.Runner, database_url: str
) -> None:
    """Who reads it would look for a program that does not exist."""
    settings = settings_of(database_url).model_copy(update={"host": "192.0.2.1", "listen_without_tls": True})
    with pytest.raises(
        PortTaken, match=r"192\.0\.2\.1:\d+ cannot be listened on \(.+\); set FEALTY_HOST or FEALTY_PORT"
    ):
        await build(settings)


def test_an_address_of_version_6_is_written_in_brackets() -> None:
    """`::1:8470` is another address, not a port."""
    settings = ServerSettings.model_validate({"database_url": "postgresql://", "personal_key_file": "", "host": "::1"})
    assert settings.address == "[::1]:8470"
