"""Streams of activities as their callers see them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
import pytest
from grpc import StatusCode

from fealty.v1 import audit_pb2
from tests.server.serving import Client, Told, told_by

COFFEE = "programs/coffee"


class Stream:
    """A stream in hand. `cursor` is the last that arrived."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.cursor = ""

    async def message(self) -> list[audit_pb2.Activity]:
        """The activities of the next message; of the end of the stream, EOFError."""
        found = await self.call.read()
        if found is grpc.aio.EOF:
            raise EOFError
        self.cursor = found.cursor
        return list(found.activities)

    async def until(self, *subjects: str) -> list[str]:
        """The subjects of what comes, up to and with the last of `subjects`, which must come in their order."""
        seen: list[str] = []
        wanted = list(subjects)
        while wanted:
            for activity in await self.message():
                seen.append(activity.subject)
                if wanted and activity.subject == wanted[0]:
                    del wanted[0]
        return seen


@asynccontextmanager
async def watching(client: Client, parent: str = COFFEE, **more: Any) -> AsyncIterator[Stream]:
    """A stream, until the caller goes."""
    call = client.audit.WatchActivities(audit_pb2.WatchActivitiesRequest(parent=parent, **more))
    try:
        yield Stream(call)
    finally:
        call.cancel()


async def told(client: Client, parent: str = COFFEE, **more: Any) -> Told:
    """What the caller of a stream that cannot begin, or go on, is told."""
    async with watching(client, parent, **more) as stream:
        return await ends(stream)


async def ends(stream: Stream) -> Told:
    """What the caller of a stream is told when it fails."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await rest(stream)
    return told_by(failed.value)


async def first_code(client: Client) -> StatusCode:
    """OK where a stream begins."""
    async with watching(client) as stream:
        try:
            await stream.message()
        except grpc.aio.AioRpcError as error:
            return error.code()
    return StatusCode.OK


async def rest(stream: Stream) -> list[audit_pb2.Activity]:
    """What comes until the stream ends without an error."""
    found: list[audit_pb2.Activity] = []
    while True:
        try:
            found += await stream.message()
        except EOFError:
            return found
