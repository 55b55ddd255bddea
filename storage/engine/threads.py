"""A lane of threads: for what is not hot, and written with Peewee's models or psycopg's own queries.

Each thread has a connection of its own, with the settings of the lane. What waits is started in its order, but nobody
has more than a share of the threads at a time, and nobody fills the queue for the others.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

from storage.engine.database import Connection, Database, StorageUnavailable, apply, connection, cut
from storage.engine.lanes import CLOSE_TIMEOUT_S, LaneFull, LaneState
from storage.engine.scope import behind_the_wall

Result = TypeVar("Result")


@dataclass(frozen=True)
class ThreadRules:
    """What one lane of threads allows itself: so many threads, of which one caller has `share` at most; `waiting_max`
    in the queue, of which one caller has `waiting_share` at most."""

    name: str
    threads: int
    share: int
    waiting_max: int
    waiting_share: int
    settings: Mapping[str, str]
    answer_limit_s: float


class _Waiting(NamedTuple):
    caller: str
    programs: frozenset[str] | None
    work: Callable[[Connection], Any]
    future: "asyncio.Future[Any]"


class ThreadLane:
    """Runs functions of a connection on the lane's threads. Used on one event loop."""

    def __init__(self, database: Database, rules: ThreadRules) -> None:
        self._database = database
        self._rules = rules
        self._threads = ThreadPoolExecutor(rules.threads, thread_name_prefix=rules.name)
        self._prepared: WeakSet[Connection] = WeakSet()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_of: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        self._moved_at = time.monotonic()

    @property
    def state(self) -> LaneState:
        """How it stands."""
        running = self._running.total()
        # A thread that works is no sign of anything: reports take long. Only where all do, and others wait for it.
        is_full = self._waiting and running >= self._rules.threads
        stalled_s = time.monotonic() - self._moved_at if is_full else 0.0
        return LaneState(self._rules.name, len(self._waiting) + running, stalled_s)

    def run(
        self, caller: str, work: Callable[[Connection], Result], programs: frozenset[str] | None = None
    ) -> "asyncio.Future[Result]":
        """What `work` answers; `caller` is whose share it counts for, and `programs` are those (public ids) whose rows
        it is shown, None for all. Raises LaneFull."""
        rules = self._rules
        if len(self._waiting) >= rules.waiting_max or self._waiting_of[caller] >= rules.waiting_share:
            raise LaneFull
        if not self._waiting and not self._running.total():
            self._moved_at = time.monotonic()
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(caller, programs, work, future))
        self._waiting_of[caller] += 1
        self._start()
        return future

    async def close(self) -> None:
        """Lets what is in hand finish, within CLOSE_TIMEOUT_S; what takes longer is undone, and what waits fails."""
        while self._waiting:
            waiting = self._waiting.popleft().future
            if not waiting.done():
                waiting.set_exception(StorageUnavailable("the server stops"))
        until = time.monotonic() + CLOSE_TIMEOUT_S
        while self._running.total() and time.monotonic() < until:
            await asyncio.sleep(0.01)
        for books in self._prepared:
            # A thread that waits for an answer would keep the process from ending.
            cut(books)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        for one in list(self._waiting):
            if self._running.total() >= self._rules.threads:
                return
            if self._running[one.caller] < self._rules.share:
                self._waiting.remove(one)
                self._waiting_of[one.caller] -= 1
                if one.future.cancelled():
                    continue
                self._running[one.caller] += 1
                asyncio.get_running_loop().create_task(self._finish(one))

    async def _finish(self, one: _Waiting) -> None:
        try:
            outcome = await asyncio.get_running_loop().run_in_executor(self._threads, self._work, one)
            if not one.future.done():
                one.future.set_result(outcome)
        except Exception as error:
            if not one.future.done():
                one.future.set_exception(error)
        finally:
            self._running[one.caller] -= 1
            self._moved_at = time.monotonic()
            self._start()

    def _work(self, one: _Waiting) -> Any:
        with connection(self._database) as books:
            if books not in self._prepared:
                apply(
                    books,
                    {"application_name": f"{self._database.session_name} {self._rules.name}", **self._rules.settings},
                )
                books.answer_limit_s = self._rules.answer_limit_s
                self._prepared.add(books)
            with behind_the_wall(books, one.programs):
                return one.work(books)
