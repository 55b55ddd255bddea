"""Exports as their callers see them."""

import csv
import hashlib
import json
from io import StringIO
from typing import Any

import grpc.aio
import pytest

from fealty.v1 import audit_pb2
from rules.spreadsheets import restored
from tests.server.club import NAME
from tests.server.serving import Client, Told, told_by

CSV, NDJSON = audit_pb2.EXPORT_FORMAT_CSV, audit_pb2.EXPORT_FORMAT_NDJSON
Response = audit_pb2.ExportActivitiesResponse


def asked(parent: str = NAME, kind: Any = CSV, **more: Any) -> audit_pb2.ExportActivitiesRequest:
    """The request of an export."""
    return audit_pb2.ExportActivitiesRequest(parent=parent, format=kind, **more)


async def exported(client: Client, parent: str = NAME, kind: Any = CSV, **more: Any) -> list[Response]:
    """All messages of an export."""
    call: Any = client.audit.ExportActivities(asked(parent, kind, **more))
    return [response async for response in call]


async def broken_after(client: Client, messages: int, kind: Any = CSV, **more: Any) -> list[Response]:
    """So many messages of one, whose caller then goes."""
    call: Any = client.audit.ExportActivities(asked(kind=kind, **more))
    found = [await call.read() for _ in range(messages)]
    call.cancel()
    return found


async def export_told(client: Client, parent: str = NAME, kind: Any = CSV, **more: Any) -> Told:
    """What the caller of one is told that fails."""
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await exported(client, parent, kind, **more)
    return told_by(failed.value)


def whole(responses: list[Response]) -> bytes:
    """The file, which must be whole, and be what its last message says it is."""
    data = b"".join(response.data for response in responses)
    assert [response.HasField("end") for response in responses[:-1]] == [False] * (len(responses) - 1)
    end = responses[-1].end
    assert responses[-1].HasField("end")
    assert (end.bytes, end.rows) == (len(data), responses[-1].rows)
    start = 0
    for part in end.parts:
        assert hashlib.sha256(data[start : start + part.bytes]).hexdigest() == part.sha256
        start += part.bytes
    assert start == len(data)
    return data


def cells(data: bytes) -> list[dict[str, str]]:
    """The lines of a CSV by their columns, with the texts as they were."""
    lines = csv.DictReader(StringIO(data.decode(), newline=""), strict=True)
    return [{name: restored(cell) for name, cell in line.items()} for line in lines]


def objects(data: bytes) -> list[dict[str, Any]]:
    """The lines of an NDJSON. A number that is not whole is an error."""

    def refuse(number: str) -> Any:
        raise AssertionError(f"{number} is no whole number")

    return [json.loads(line, parse_float=refuse) for line in data.splitlines()]
