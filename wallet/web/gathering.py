"""What many ask for one by one, read for all of them together by blocking code on a few threads."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from storage.engine.database import Connection
from storage.engine.lanes import LaneFull
from storage.engine.threads import ThreadLane

Key = TypeVar("Key")
Value = TypeVar("Value")

Read = Callable[[Connection, Sequence[Key]], dict[Key, Value]]


class Gathering(Generic[Key, Value]):
    """Reads up to `together` keys at a time, `readings` times at once; each key once, however many ask for it while it
    waits. Who asks while it is being read gets a later reading, which sees all that was true when it asked."""

    def __init__(
        self, lane: ThreadLane, read: "Read[Key, Value]", together: int, readings: int, waiting_max: int
    ) -> None:
        self._lane = lane
        self._read = read
        self._together = together
        self._readings = readings
        self._waiting_max = waiting_max
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._reading: set[asyncio.Task[None]] = set()

    async def ask(self, key: Key) -> Value | None:
        """What there is of a key; None where there is nothing. Raises LaneFull, and what `read` raises."""
        waiting = self._waiting.get(key)
        if waiting is None:
            if len(self._waiting) >= self._waiting_max:
                raise LaneFull
            waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
            self._start()
        # Others may wait for it as well: whoever goes away leaves it to them.
        return await asyncio.shield(waiting)

    def _start(self) -> None:
        if self._waiting and len(self._reading) < self._readings:
            keys = list(self._waiting)[: self._together]
            reading = asyncio.get_running_loop().create_task(
                self._answer({key: self._waiting.pop(key) for key in keys})
            )
            self._reading.add(reading)
            reading.add_done_callback(self._read_on)

    def _read_on(self, reading: "asyncio.Task[None]") -> None:
        self._reading.discard(reading)
        self._start()

    async def _answer(self, asked: "dict[Key, asyncio.Future[Value | None]]") -> None:
        try:
            found = await self._lane.run("", lambda books: self._read(books, list(asked)))
        except Exception as error:
            if len(asked) > 1:
                # What cannot be read must not keep the others from being read.
                for key, waiting in asked.items():
                    await self._answer({key: waiting})
                return
            for waiting in asked.values():
                if not waiting.done():
                    waiting.set_exception(error)
                    waiting.exception()  # whoever asked may have gone: then nobody takes it
            return
        for key, waiting in asked.items():
            if not waiting.done():
                waiting.set_result(found.get(key))
