"""Gathers what is waiting: calls that arrive together share one round trip to the database.

One thread, one connection. It never waits for company: it takes what is there. Under load the groups grow by
themselves while the previous one commits; alone, a call pays nothing.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

from storage.engine.database import ATTEMPTS_MAX, Busy, StorageUnavailable, TooSlow, conflict

# Enough that the cost of a round trip vanishes in the group; few enough that the first to come does not wait long.
GATHER_MAX = 512
# What a stop waits for the group in hand.
CLOSE_TIMEOUT_S = 30

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Waiting(NamedTuple):
    items: Sequence[Any]
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


class Gatherer(Generic[Item, Result]):
    """Runs `work` over groups of items on a thread of its own.

    `work` takes items and answers, in their order, a result or an exception for each. Where it raises instead, the
    items are run again one at a time, so that one poisoned item fails alone; an item that met a faster neighbour is
    run once more, to see what that one did; a database that is away fails them all.
    """

    def __init__(self, name: str, work: Callable[[Sequence[Item]], Sequence[Result | Exception]]) -> None:
        self._work = work
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, items: Sequence[Item]) -> "asyncio.Future[Sequence[Result | Exception]]":
        """The outcomes of the items, in their order: a result or the exception that it failed with."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._queue.put(_Waiting(items, future, loop))
        return future

    def close(self) -> None:
        """Finishes what is waiting and ends the thread."""
        self._queue.put(None)
        self._thread.join(CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        open_ = True
        while open_:
            first = self._queue.get()
            if first is None:
                return
            group = [first]
            size = len(first.items)
            while size < GATHER_MAX:
                try:
                    more = self._queue.get_nowait()
                except Empty:
                    break
                if more is None:
                    open_ = False
                    break
                group.append(more)
                size += len(more.items)
            self._answer(group)

    def _answer(self, group: Sequence[_Waiting]) -> None:
        items = [item for waiting in group for item in waiting.items]
        outcomes = self._outcomes(items)
        deliveries: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        start = 0
        for waiting in group:
            end = start + len(waiting.items)
            deliveries.setdefault(waiting.loop, []).append((waiting.future, outcomes[start:end]))
            start = end
        for loop, answers in deliveries.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver, answers)

    def _outcomes(self, items: Sequence[Item], attempts: int = ATTEMPTS_MAX) -> Sequence[Result | Exception]:
        try:
            return self._work(items)
        except (StorageUnavailable, Busy, TooSlow) as error:
            # Each of them alone would wait as long.
            return [error] * len(items)
        except Exception as error:
            if len(items) > 1:
                return [outcome for item in items for outcome in self._outcomes([item])]
            if attempts > 1 and conflict(error):
                return self._outcomes(items, attempts - 1)
            return [error]


def _deliver(answers: Sequence[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, outcome in answers:
        if not future.done():
            future.set_result(outcome)
