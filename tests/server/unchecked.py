"""Text that nobody has checked, written into each field of a request."""

from collections.abc import Iterator
from typing import Any

import grpc.aio
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from server.policy import Method
from tests.server.calling import send
from tests.server.club import Club
from tests.server.serving import Served

ADDRESS = "somebody@example.org"


async def keeps_no_wrong_text(club: Club, method: Method, request: Any) -> None:
    """In whichever field somebody writes an address: of a wrong request, only names that are names are noted."""
    for path in _texts(method.request.DESCRIPTOR):
        wrong = method.request()
        wrong.CopyFrom(request)
        _write(wrong, path.split("."))
        before = kept(club.served).count(ADDRESS)
        try:
            await send(club.admin, method, wrong)
        except grpc.aio.AioRpcError:
            assert kept(club.served).count(ADDRESS) == before, path
        # Else it was no wrong request: a reference, say, is whatever the caller likes, and kept with what was done.


def kept(served: Served) -> str:
    """All that the activity log holds."""
    return str(served.rows("SELECT * FROM activity"))


def _texts(descriptor: Descriptor, depth: int = 2) -> Iterator[str]:
    """The paths of the texts of a message, and of the messages in it."""
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
            yield field.name
        elif (
            field.message_type and depth and not field.is_repeated and field.message_type.full_name.startswith("fealty")
        ):
            yield from (f"{field.name}.{path}" for path in _texts(field.message_type, depth - 1))


def _write(message: Any, path: list[str]) -> None:
    for name in path[:-1]:
        message = getattr(message, name)
    setattr(message, path[-1], ADDRESS)
