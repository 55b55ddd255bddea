"""The change stream, resumed by itself: activity after activity, and the cursor after which to go on."""

import asyncio
import logging
import random
import threading
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from types import TracebackType
from typing import Protocol, Self
from weakref import WeakSet

import grpc

from fealty import async_calls, calls, v1
from fealty.errors import FealtyError, Refused

# Before it is asked again: at first, and at most while nobody answers. A server that restarts is not to be met by all
# its followers at one instant, so each waits for a random part of it.
PAUSE_MIN_S = 0.2
PAUSE_MAX_S = 10.0
# What passes by itself: a server that restarts or is full, a stream that stood still, a connection that a proxy cut.
# All else would only be met again.
PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)
# What proxies and broken connections look like; said by Fealty itself it is a fault.
CUT = PASSING | {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}

log = logging.getLogger("fealty")


class _Place:
    """Where a follower stands: what it asks for next, and what its caller has had."""

    def __init__(self, request: v1.WatchActivitiesRequest) -> None:
        self.asked = deepcopy(calls.checked(v1.WatchActivitiesRequest, request))
        self.cursor = request.cursor
        self._pause_s = PAUSE_MIN_S
        self._lost = False

    def arrived(self, response: v1.WatchActivitiesResponse) -> Iterator[v1.Activity]:
        """The activities of a message; the cursor passes it with the last of them."""
        self._pause_s = PAUSE_MIN_S
        if self._lost:
            log.warning("The stream of %s is resumed", self.asked.parent)
            self._lost = False
        self.asked.cursor = response.cursor
        self.asked.only_new = False
        yield from response.activities[:-1]
        self.cursor = response.cursor
        yield from response.activities[-1:]

    def pause_s(self, failed: FealtyError | None) -> float:
        """How long to wait before it is asked again. Raises what would only be met again."""
        least = 0.0
        if failed is not None:
            if failed.code not in (PASSING if isinstance(failed, Refused) else CUT):
                raise failed
            log.warning("The stream of %s was lost; trying again: %s", self.asked.parent, failed)
            self._lost = True
            least = (failed.retry_after_s or 0.0) if isinstance(failed, Refused) else 0.0
        pause_s = random.uniform(self._pause_s / 2, self._pause_s)  # noqa: S311
        self._pause_s = min(2 * self._pause_s, PAUSE_MAX_S)
        return max(least, pause_s)


class _Watch(Protocol):
    def __call__(self, request: v1.WatchActivitiesRequest) -> calls.Stream[v1.WatchActivitiesResponse]: ...


class _AsyncWatch(Protocol):
    def __call__(self, request: v1.WatchActivitiesRequest) -> async_calls.Stream[v1.WatchActivitiesResponse]: ...


class Following(Iterator[v1.Activity]):
    """Activities as they come, each at least once, in the order of the log. What passes by itself is waited out; a
    refusal is raised. It ends when it is closed, or its connection is."""

    def __init__(self, watch: _Watch, request: v1.WatchActivitiesRequest, followed: "WeakSet[Following]") -> None:
        self._place = _Place(request)
        self._watch = watch
        self._stream: calls.Stream[v1.WatchActivitiesResponse] | None = None
        self._closed = threading.Event()
        self._activities = self._run()
        followed.add(self)

    @property
    def cursor(self) -> str:
        """After what you have been given so far. Store it once that is done; start with it in the request."""
        return self._place.cursor

    def __next__(self) -> v1.Activity:
        return next(self._activities)

    def close(self) -> None:
        """Ends it, from any thread."""
        self._closed.set()
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> Iterator[v1.Activity]:
        while not self._closed.is_set():
            failed = None
            try:
                self._stream = self._watch(self._place.asked)
                # It may have been closed while there was nothing to close, or another stream.
                if self._closed.is_set():
                    self._stream.close()
                for response in self._stream:
                    yield from self._place.arrived(response)
            except FealtyError as error:
                failed = error
            if not self._closed.is_set():
                self._closed.wait(self._place.pause_s(failed))


class AsyncFollowing(AsyncIterator[v1.Activity]):
    """The same for asyncio."""

    def __init__(
        self, watch: _AsyncWatch, request: v1.WatchActivitiesRequest, followed: "WeakSet[AsyncFollowing]"
    ) -> None:
        self._place = _Place(request)
        self._watch = watch
        self._stream: async_calls.Stream[v1.WatchActivitiesResponse] | None = None
        self._closed = asyncio.Event()
        self._activities = self._run()
        followed.add(self)

    @property
    def cursor(self) -> str:
        """After what you have been given so far. Store it once that is done; start with it in the request."""
        return self._place.cursor

    async def __anext__(self) -> v1.Activity:
        try:
            return await anext(self._activities)
        except asyncio.CancelledError:
            # Whoever waited for it has given up, not we: the next who asks goes on from here.
            self._activities = self._run()
            raise

    async def close(self) -> None:
        """Ends it, from any task."""
        self._closed.set()
        if self._stream is not None:
            await self._stream.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self) -> AsyncIterator[v1.Activity]:
        while not self._closed.is_set():
            failed = None
            try:
                self._stream = self._watch(self._place.asked)
                async for response in self._stream:
                    for activity in self._place.arrived(response):
                        yield activity
            except FealtyError as error:
                failed = error
            if not self._closed.is_set():
                pause_s = self._place.pause_s(failed)
                try:
                    await asyncio.wait_for(self._closed.wait(), pause_s)
                except TimeoutError:
                    continue
