"""Answers that any of the endpoints gives, and how the body of a request is read: no more of it than it may have."""

import asyncio
from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from wallet.web import limits

NO_STORE = {"cache-control": "no-store"}


class BodyTooLarge(Exception):
    """More came than a request of this kind may have."""


class BodyLate(Exception):
    """It did not come in time, or whoever sent it went away."""


class Busy(Exception):
    """There is too much to do now, or this sender asks for too much: it shall come again."""


def empty(status: int, headers: Mapping[str, str] = NO_STORE) -> Response:
    """An answer without a body."""
    return Response(status_code=status, headers=dict(headers))


def text(status: int, said: str, headers: Mapping[str, str] = NO_STORE) -> Response:
    """A line for whoever looks."""
    return Response(f"{said}\n", status, dict(headers), "text/plain; charset=utf-8")


def again() -> Response:
    """There is too much to do: come again. Phones do, after growing pauses (W21)."""
    return text(503, "busy, come again", {**NO_STORE, "retry-after": str(limits.RETRY_AFTER_S)})


async def body(request: Request, bytes_max: int) -> bytes:
    """The body of a request. Raises BodyTooLarge before more than that is kept, BodyLate, and Busy where too many are
    being read."""
    bodies, sender = request.scope["bodies"], request.scope["from"]
    if not bodies.take(sender, limits.BODIES_MAX, limits.ADDRESS_BODIES_MAX):
        raise Busy
    try:
        return await _read(request, bytes_max)
    finally:
        bodies.give_back(sender)


async def _read(request: Request, bytes_max: int) -> bytes:
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > bytes_max:
        raise BodyTooLarge
    read = bytearray()
    try:
        async with asyncio.timeout(limits.BODY_MAX_S):
            async for piece in request.stream():
                read += piece
                if len(read) > bytes_max:
                    raise BodyTooLarge
    except (TimeoutError, ClientDisconnect):
        raise BodyLate from None
    return bytes(read)
