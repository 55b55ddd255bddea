"""Waits for a call's message: a call is there from its headers on, its message when whoever calls sends it."""

import asyncio

import grpc.aio
from prometheus_client import Gauge

from server import limits
from server.call import Call
from server.errors import MessageLate, RequestMalformed

AWAITED = Gauge("fealty_messages_awaited", "Calls whose message has not come yet")


class Arrivals:
    """The calls of one server process whose message has not come yet.

    Nobody has asked such a call for a key, so it holds no place that others need, and costs some kilobytes for a while:
    MESSAGE_WAIT_MAX_S, or less where more than MESSAGES_AWAITED_MAX are awaited; then the one that waited longest goes.
    An honest client sends the message with the headers.
    """

    def __init__(self) -> None:
        # In the order in which they came. One timer for all: one for each call would show on the hot path.
        self._awaited: dict[asyncio.Task[object], float] = {}
        self._looking: asyncio.TimerHandle | None = None
        AWAITED.set_function(lambda: len(self._awaited))

    async def message(self, call: Call) -> bytes:
        """The call's one message. Raises MessageLate; RequestMalformed where the caller ends without one."""
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        self._awaited[task] = loop.time()
        if len(self._awaited) > limits.MESSAGES_AWAITED_MAX:
            self._end(next(iter(self._awaited)))
        if self._looking is None:
            self._looking = loop.call_later(limits.MESSAGE_LOOK_S, self._look)
        try:
            raw = await call.context.read()
            if raw is grpc.aio.EOF:
                # Where the caller has gone, gRPC says so in this turn of the loop, after the end of what it sent.
                await asyncio.sleep(0)
                call.made_by(None)
                raise RequestMalformed
            return bytes(raw)
        except asyncio.CancelledError:
            if task in self._awaited:
                raise
            # Not the caller that went away: we no longer wait.
            task.uncancel()
            raise MessageLate from None
        finally:
            self._awaited.pop(task, None)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        came_before = loop.time() - limits.MESSAGE_WAIT_MAX_S
        for task in [task for task, came_at in self._awaited.items() if came_at < came_before]:
            self._end(task)
        self._looking = loop.call_later(limits.MESSAGE_LOOK_S, self._look) if self._awaited else None

    def _end(self, task: "asyncio.Task[object]") -> None:
        del self._awaited[task]
        task.cancel()
