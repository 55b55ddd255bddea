"""Reflection: clients that know nothing of the contract ask the server for it, in either version of the protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from server.policy import methods
from tests.server.serving import Served

VERSIONS = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


@asynccontextmanager
async def _asking(server: Served, version: str) -> AsyncIterator[Any]:
    """What answers single questions, in one stream as clients ask them."""
    async with grpc.aio.insecure_channel(server.address) as channel:
        call: Any = channel.stream_stream(f"/{version}/ServerReflectionInfo")()

        async def ask(**question: str) -> ServerReflectionResponse:
            await call.write(ServerReflectionRequest(**question).SerializeToString())
            return ServerReflectionResponse.FromString(await call.read())

        yield ask
        call.cancel()


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_stranger_lists_the_services_and_fetches_what_describes_each(server: Served, version: str) -> None:
    """grpcurl and Postman do just this, v1 first; one service that is listed and not described stops them."""
    async with _asking(server, version) as ask:
        listed = {service.name for service in (await ask(list_services="")).list_services_response.service}
        assert listed >= {*VERSIONS, "grpc.health.v1.Health", *(method.service for method in methods())}
        for name in listed:
            answer = await ask(file_containing_symbol=name)
            files = [
                FileDescriptorProto.FromString(raw) for raw in answer.file_descriptor_response.file_descriptor_proto
            ]
            assert name in {f"{file.package}.{service.name}" for file in files for service in file.service}
            assert {needed for file in files for needed in file.dependency} <= {file.name for file in files}


async def test_the_description_of_v1_speaks_of_v1_alone(server: Served) -> None:
    """A client compiles its next call from it: a name of v1alpha in it would be a type that it does not have."""
    async with _asking(server, VERSIONS[0]) as ask:
        answer = await ask(file_containing_symbol="grpc.reflection.v1.ServerReflectionRequest")
    [raw] = answer.file_descriptor_response.file_descriptor_proto
    assert FileDescriptorProto.FromString(raw).package == "grpc.reflection.v1"
    assert b"v1alpha" not in raw


@pytest.mark.parametrize("version", VERSIONS)
async def test_what_nobody_knows_is_answered_and_ends_nothing(server: Served, version: str) -> None:
    """One typing error must not cost the stream."""
    async with _asking(server, version) as ask:
        assert (await ask(file_containing_symbol="fealty.v1.Nothing")).error_response.error_code == 5
        assert (await ask(list_services="")).list_services_response.service
