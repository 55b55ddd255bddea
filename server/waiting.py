"""Bounds what calls cost that only wait: so many at once, each for so long, and the longest wait ends first."""

import asyncio
from types import TracebackType

from server import limits


class Waiting:
    """Around a wait for somebody who may never come: `with waiting: await …`.

    Where the wait has lasted `wait_max_s`, or more than `waits_max` wait and this one has longest, it ends by `late`.
    One timer for all: one for each would show on the hot path.
    """

    def __init__(self, waits_max: int, wait_max_s: float, late: type[Exception]) -> None:
        self._waits_max = waits_max
        self._wait_max_s = wait_max_s
        self._late = late
        # In the order in which they began.
        self._began_at: dict[asyncio.Task[object], float] = {}
        self._looking: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._began_at)

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._began_at[_current()] = loop.time()
        if len(self._began_at) > self._waits_max:
            self._end(next(iter(self._began_at)))
        if self._looking is None:
            self._looking = loop.call_later(limits.WAITING_LOOK_S, self._look)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        task = _current()
        if self._began_at.pop(task, None) is None and kind is asyncio.CancelledError:
            # It is not the caller that went away.
            task.uncancel()
            raise self._late from None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        began_before = loop.time() - self._wait_max_s
        for task in [task for task, began_at in self._began_at.items() if began_at < began_before]:
            self._end(task)
        self._looking = loop.call_later(limits.WAITING_LOOK_S, self._look) if self._began_at else None

    def _end(self, task: "asyncio.Task[object]") -> None:
        del self._began_at[task]
        task.cancel()


def _current() -> "asyncio.Task[object]":
    task = asyncio.current_task()
    assert task is not None, "only a task can be made to stop waiting"
    return task
