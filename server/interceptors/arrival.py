"""Waits for a call's message: a call is there from its headers on, its message when whoever calls sends it."""

import asyncio

import grpc.aio
from prometheus_client import Gauge

from server import limits
from server.call import Call
from server.errors import MessageLate, RequestMalformed
from server.waiting import Waiting

AWAITED = Gauge("fealty_messages_awaited", "Calls whose message has not come yet")


class Arrivals:
    """The calls of one server process whose message has not come yet.

    Nobody has asked such a call for a key, so it holds no permit that others need, and costs some kilobytes for a
    while. An honest client sends the message with the headers.
    """

    def __init__(self) -> None:
        self._awaited = Waiting(limits.MESSAGES_AWAITED_MAX, limits.MESSAGE_WAIT_MAX_S, MessageLate)
        AWAITED.set_function(lambda: len(self._awaited))

    async def message(self, call: Call) -> bytes:
        """The call's one message. Raises MessageLate; RequestMalformed where the caller ends without one."""
        with self._awaited:
            raw = await call.context.read()
            if raw is grpc.aio.EOF:
                # Where the caller has gone, gRPC says so in this turn of the loop, after the end of what it sent.
                await asyncio.sleep(0)
                call.made_by(None)
                raise RequestMalformed
        return bytes(raw)
