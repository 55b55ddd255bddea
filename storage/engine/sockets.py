"""Two ways to wait for PostgreSQL: on the event loop of a server, or by blocking, in workers and commands.

The conversation itself is written once (session.py), as coroutines which say where they wait for the socket. On the
loop they give way there. On a blocking socket they wait on the spot, and never give way: `blocking` runs them through.
"""

import asyncio
import select
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from storage.engine.database import AnswerLate

Result = TypeVar("Result")


class Socket(Protocol):
    """The socket of one connection, to be waited for."""

    async def ready(self, to_write: bool, limit_s: float) -> None:
        """Returns when there is something to read, or, with `to_write`, room to write. Raises AnswerLate."""

    async def breathe(self) -> None:
        """Lets others on this thread go on for a moment."""

    def close(self) -> None:
        """Is told before the connection goes."""


class BlockingSocket:
    """Keeps its thread until the socket is ready."""

    def __init__(self, fileno: int) -> None:
        self._readable, self._either = select.poll(), select.poll()
        self._readable.register(fileno, select.POLLIN)
        self._either.register(fileno, select.POLLIN | select.POLLOUT)

    async def ready(self, to_write: bool, limit_s: float) -> None:
        """As Socket has it."""
        if not (self._either if to_write else self._readable).poll(limit_s * 1000):
            raise AnswerLate(f"no answer within {limit_s:.0f} s")

    async def breathe(self) -> None:
        """Nobody else is on this thread."""

    def close(self) -> None:
        """There is nothing to undo."""


class LoopSocket:
    """Gives way to the event loop until the socket is ready. It is used on that loop only."""

    def __init__(self, fileno: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._fileno = fileno
        self._waiting: asyncio.Future[None] | None = None
        self._reads = False

    async def ready(self, to_write: bool, limit_s: float) -> None:
        """As Socket has it."""
        loop = self._loop
        self._waiting = waiting = loop.create_future()
        late = loop.call_later(limit_s, self._late, limit_s)
        if not self._reads:
            # It stays: the next wait for the same socket costs no call of the kernel.
            self._reads = True
            loop.add_reader(self._fileno, self._readable)
        if to_write:
            loop.add_writer(self._fileno, self._wake)
        try:
            await waiting
        finally:
            self._waiting = None
            late.cancel()
            if to_write:
                loop.remove_writer(self._fileno)

    async def breathe(self) -> None:
        """As Socket has it."""
        await asyncio.sleep(0)

    def close(self) -> None:
        """As Socket has it: the loop must not watch the number of a socket that another may get."""
        if self._reads:
            self._reads = False
            self._loop.remove_reader(self._fileno)

    def _readable(self) -> None:
        if self._waiting is None:
            # Nobody asked: the server says good-bye. Whoever asks next will hear it.
            self.close()
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _late(self, limit_s: float) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(AnswerLate(f"no answer within {limit_s:.0f} s"))


def blocking(conversation: Coroutine[Any, Any, Result]) -> Result:
    """Runs a conversation over a blocking socket to its end, on this thread."""
    try:
        conversation.send(None)
    except StopIteration as ended:
        result: Result = ended.value
        return result
    conversation.close()
    raise AssertionError("a conversation over a blocking socket never gives way")
