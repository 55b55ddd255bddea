"""A lane: one connection on the event loop, and what waits for it, gathered into groups.

Each lane has its own connection, its own bounded queue, its own settings and limits of time, so that none waits for
another. Calls that arrive together share a transaction or a round trip; alone, a call waits for no company. No thread
is in it, but for the moment in which a connection is made.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from storage.engine.database import (
    ATTEMPTS_MAX,
    Busy,
    Database,
    StorageUnavailable,
    TooSlow,
    conflict,
    dial,
    in_our_words,
    reason,
)
from storage.engine.session import Session
from storage.engine.slots import LATER, Slot, slots_of
from storage.engine.sockets import LoopSocket

# What a stop waits for what is in hand.
CLOSE_TIMEOUT_S = 2.0
# How soon what was passed over is tried again where nothing else came: a group of somebody else's takes some 5 ms.
LATER_PAUSE_S = 0.005
# How soon a database that is away is tried again; meanwhile calls are told at once.
REDIAL_PAUSE_S = 0.5

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")


class LaneFull(Exception):
    """So much waits already that this would wait too long; try again in a moment."""


class LaneState(NamedTuple):
    """How a lane stands: items not yet answered, and for how long nothing was answered although some wait."""

    name: str
    waiting: int
    stalled_s: float


@dataclass(frozen=True)
class LaneRules:
    """What one lane allows itself.

    `settings` are those of its session; `answer_limit_s` is how long it waits for an answer of the database.
    `weight_max` bounds a group, `waiting_max` what may wait. A group of `paced_from` items or more is followed by the
    next no sooner than `pace_s` after it began, unless `rush` wait: groups so grow to a size at which what a group
    costs, whatever is in it, is shared by many.
    """

    name: str
    settings: Mapping[str, str]
    answer_limit_s: float
    weight_max: int
    waiting_max: int
    paced_from: int = 0
    pace_s: float = 0.0
    rush: int = 0


Work = Callable[[Session, Sequence[Item]], Coroutine[Any, Any, Sequence[Any]]]


@dataclass
class Lane(Generic[Item, Result]):
    """Runs `work` over groups of items, one group at a time.

    `work` takes a session and items, and answers in their order a result, an exception, or LATER for each. Where it
    raises instead, the group is halved until what the database refuses fails alone; an item that met a faster neighbour
    is run again, to see what that one did. All of a group fail where the database is away, silent or too slow; all are
    LATER where somebody else held a key for too long, for each half would wait for it again. `passed_over` is given
    what was answered LATER; without it, they are told that they met somebody.
    """

    database: Database
    rules: LaneRules
    work: Work[Any]
    weigh: Callable[[Any], int] = field(default=lambda item: 1)
    passed_over: "Callable[[Sequence[Slot[Any]]], None] | None" = None

    def __post_init__(self) -> None:
        self._waiting: deque[Slot[Item]] = deque()
        self._in_hand = 0
        self._weight = 0
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake: asyncio.Future[None] | None = None
        self._wake_at = 1
        self._moved_at = time.monotonic()
        self._closing = False
        # Why there is no connection, while one is being made again.
        self._away: StorageUnavailable | None = None
        self._redialling: asyncio.Task[None] | None = None

    @property
    def state(self) -> LaneState:
        """How it stands."""
        waiting = len(self._waiting) + self._in_hand
        return LaneState(self.rules.name, waiting, time.monotonic() - self._moved_at if waiting else 0.0)

    def submit(self, items: Sequence[Item]) -> "asyncio.Future[Sequence[Result | Exception]]":
        """The outcomes of the items, in their order: a result or the exception that it failed with. Raises LaneFull."""
        self.check()
        future, slots = slots_of(items)
        for slot in slots:
            self.put(slot)
        return future

    def check(self) -> None:
        """Raises LaneFull where no more may wait."""
        if self._closing or len(self._waiting) >= self.rules.waiting_max:
            raise LaneFull

    def put(self, slot: Slot[Any]) -> None:
        """Takes over an item that is on its way."""
        if not self._waiting and not self._in_hand:
            self._moved_at = time.monotonic()
        self._waiting.append(slot)
        self._weight += self.weigh(slot.item)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self.rules.name)
        elif self._wake is not None and self._weight >= self._wake_at and not self._wake.done():
            self._wake.set_result(None)

    def put_back(self, slots: Sequence[Slot[Any]]) -> None:
        """Takes back what was passed over, in its order and before all that came later."""
        self._waiting.extendleft(reversed(slots))
        self._weight += sum(self.weigh(slot.item) for slot in slots)

    def withdraw(self, chosen: Callable[[Slot[Any]], bool]) -> list[Slot[Any]]:
        """Gives away what waits and is chosen."""
        gone: list[Slot[Any]] = []
        left: deque[Slot[Item]] = deque()
        for slot in self._waiting:
            (gone if chosen(slot) else left).append(slot)
        self._waiting = left
        self._weight -= sum(self.weigh(slot.item) for slot in gone)
        return gone

    async def close(self) -> None:
        """Finishes what is waiting, within CLOSE_TIMEOUT_S, and hangs up."""
        self._closing = True
        if self._task is not None:
            if self._wake is not None and not self._wake.done():
                self._wake.set_result(None)
            await asyncio.wait([self._task], timeout=CLOSE_TIMEOUT_S)
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._redialling is not None:
            self._redialling.cancel()
        self._hang_up()
        self._give_up(self._waiting, StorageUnavailable("the server stops"))
        self._waiting.clear()

    async def _run(self) -> None:
        while True:
            while not self._waiting:
                if self._closing:
                    return
                await self._woken(at_weight=1)
            began = time.monotonic()
            group = self._take()
            if not group:
                continue
            self._in_hand = len(group)
            try:
                later = await self._answer(group)
            except asyncio.CancelledError:
                self._give_up(group, StorageUnavailable("the server stops"))
                raise
            except Exception as error:
                # A fault of ours must not end the lane: all that comes later would wait for ever.
                log.error("group failed", lane=self.rules.name, exc_info=error)
                self._give_up(group, error)
                later = []
            self._in_hand = 0
            self._moved_at = time.monotonic()
            if len(later) < len(group):
                await self._pace(began, len(group))
            else:
                await self._woken(self._weight + 1, LATER_PAUSE_S)

    def _take(self) -> list[Slot[Item]]:
        """The next group: what waits longest, up to the weight; at least one of those whose callers still wait."""
        waiting, weigh = self._waiting, self.weigh
        group: list[Slot[Item]] = []
        weight = 0
        while waiting:
            if waiting[0].is_given_up:
                waiting.popleft()
                continue
            weight += weigh(waiting[0].item)
            if group and weight > self.rules.weight_max:
                break
            group.append(waiting.popleft())
        self._weight = sum(weigh(slot.item) for slot in waiting) if waiting else 0
        return group

    async def _pace(self, began: float, size: int) -> None:
        """Lets company gather, where the last group says that there is some."""
        rules = self.rules
        left_s = began + rules.pace_s - time.monotonic()
        if rules.paced_from and size >= rules.paced_from and left_s > 0 and self._weight < rules.rush:
            await self._woken(rules.rush, left_s)

    async def _woken(self, at_weight: int, limit_s: float | None = None) -> None:
        """Waits until so much waits; no longer than the limit."""
        loop = asyncio.get_running_loop()
        self._wake_at = at_weight
        self._wake = wake = loop.create_future()
        timer = None if limit_s is None else loop.call_later(limit_s, _set, wake)
        await wake
        self._wake = None
        if timer is not None:
            timer.cancel()

    async def _answer(self, group: Sequence[Slot[Item]]) -> Sequence[Slot[Item]]:
        """Answers a group, but for those whose rows somebody else has in hand."""
        later = []
        for slot, outcome in zip(group, await self._outcomes([slot.item for slot in group]), strict=True):
            if outcome is LATER and self.passed_over is not None:
                slot.passed_over += 1
                later.append(slot)
            else:
                self._deliver(slot, outcome)
        if later and self.passed_over is not None:
            self.passed_over(later)
        return later

    def _deliver(self, slot: Slot[Item], outcome: Any) -> None:
        # A new one for each who is told: whoever raises it leaves traces in it.
        slot.answer(Busy("somebody else holds its rows") if outcome is LATER else outcome)

    def _give_up(self, slots: Iterable[Slot[Item]], why: Exception) -> None:
        for slot in slots:
            if slot.ticket.outcomes[slot.number] is None:
                slot.answer(why)

    async def _outcomes(self, items: Sequence[Item], attempts: int = ATTEMPTS_MAX) -> Sequence[Any]:
        try:
            with in_our_words():
                session = await self._connected()
                return await self.work(session, items)
        except StorageUnavailable as error:
            self._hang_up()
            return [error] * len(items)
        except TooSlow as error:
            return [error] * len(items)
        except Busy:
            return [LATER] * len(items)
        except Exception as error:
            if len(items) > 1:
                # A group takes long to be refused; its callers need not learn it one by one.
                half = len(items) // 2
                first = await self._outcomes(items[:half])
                if LATER in first:
                    # What came behind may not overtake it.
                    return [*first, *[LATER] * (len(items) - half)]
                return [*first, *await self._outcomes(items[half:])]
            if attempts > 1 and conflict(error):
                return await self._outcomes(items, attempts - 1)
            return [error]

    async def _connected(self) -> Session:
        if self._away is not None:
            # Somebody is at it: who waited for that too would hear nothing before its deadline.
            raise StorageUnavailable(str(self._away))
        session = self._session
        if session is None or not session.is_open:
            self._hang_up()
            try:
                session = self._session = await self._dial()
            except StorageUnavailable as error:
                self._away = error
                self._redialling = asyncio.get_running_loop().create_task(self._redial())
                raise
        return session

    async def _redial(self) -> None:
        while self._away is not None:
            await asyncio.sleep(REDIAL_PAUSE_S)
            try:
                self._session = await self._dial()
                self._away = None
            except StorageUnavailable as error:
                self._away = error

    async def _dial(self) -> Session:
        # On a thread: the name of a host is looked up, and a silent one is waited for.
        settings = {"application_name": f"{self.database.session_name} {self.rules.name}", **self.rules.settings}
        try:
            made = await asyncio.get_running_loop().run_in_executor(
                None, dial, self.database, settings, self.rules.answer_limit_s
            )
        except StorageUnavailable:
            raise
        except Exception as error:
            # A password that was changed, a database that was renamed: it may be mended while we run.
            raise StorageUnavailable(reason(error)) from error
        return Session(made, LoopSocket(made.pgconn.socket))

    def _hang_up(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def _set(wake: "asyncio.Future[None]") -> None:
    if not wake.done():
        wake.set_result(None)
