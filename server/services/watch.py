"""The stream of activities: from a cursor on, then as they come, each after those it follows from, at least once.

A watcher gives positions to what is new before it reads, so nothing else has to run. The watchers of a process share
these looks; what each then reads is its own.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from fealty.v1 import audit_pb2 as pb
from rules import access
from rules.access import Permission
from rules.refusals import CursorMismatch, PageTokenMismatch
from server import limits
from server.call import Call
from server.convert import activities
from server.convert.filters import asked
from server.paging import Pages
from storage.activity import positions, queries, words
from storage.activity.commands import Outcome, Scope
from storage.activity.filters import Conditions, Filter, conditions
from storage.activity.positions import Look, Positioned
from storage.activity.recorder import Act
from storage.books import Books
from storage.engine.database import Connection


class _Part(NamedTuple):
    """A message to send, and the position after it."""

    message: pb.WatchActivitiesResponse
    position: int


class _Found(NamedTuple):
    """What a watcher is to be sent, how far that brings it, and whether more is there already."""

    parts: list[_Part]
    position: int
    more: bool


class _Watched(NamedTuple):
    """What a stream is of: whose activities, and which of them."""

    scope: Scope
    conditions: Conditions


class Watch:
    """Runs the streams of one server process."""

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._ending = asyncio.Event()
        self._looking: asyncio.Future[Look] | None = None

    def end(self) -> None:
        """Ends each stream after the message in hand."""
        self._ending.set()

    async def run(self, call: Call, request: pb.WatchActivitiesRequest) -> None:
        """Sends until the caller goes, its key is revoked, the server stops, or WATCH_MAX_S have passed.

        Raises ProgramNotFound, CustomerNotFound, CursorMismatch, PermissionMissing, RequestInvalid, TimeZoneUnknown,
        StreamIdle.
        """
        try:
            position = self._pages.position(request, request.cursor)
        except PageTokenMismatch as mismatch:
            raise CursorMismatch from mismatch
        filters = asked(request)
        if any(wanted.addresses for wanted in filters):
            # Whoever is not shown them must not find them out by trying.
            access.check(call.caller, Permission.ACTIVITIES_READ, call.program)
        watched = await self._books.read(call.caller, lambda: _watched(call, filters))
        await self._note(call, request)
        await self._send(call, request, watched, await self._begin(request, position))

    async def _note(self, call: Call, request: pb.WatchActivitiesRequest) -> None:
        """Records the read before anything is shown: one record for all that the stream will show."""
        details = {"resumed": bool(request.cursor)}
        [recorded] = await self._books.record(
            [Act(call.origin, Outcome.SUCCEEDED, call.subject, call.program, call.customer, details)]
        )
        if isinstance(recorded, Exception):
            raise recorded

    async def _begin(self, request: pb.WatchActivitiesRequest, position: str) -> int:
        look = await self._look()
        if request.only_new:
            # What is committed by now is not new, though it may have no position yet.
            while look.more and not self._ending.is_set():
                look = await self._look()
            return look.newest
        if position and int(position) > look.newest:
            # These books are a copy from before it was given: here that position will be another activity's.
            raise CursorMismatch
        return int(position or 0)

    async def _send(self, call: Call, request: pb.WatchActivitiesRequest, watched: _Watched, position: int) -> None:
        ends_at = time.monotonic() + limits.WATCH_MAX_S
        # The first message is sent at once, though it may be empty: from then on there is a cursor to resume by.
        silent_until = 0.0
        pause_s = limits.WATCH_POLL_S
        while not self._ending.is_set() and time.monotonic() < ends_at:
            # A stream outlives what is remembered of its key.
            await call.authorize(call)
            look = await self._look()
            found = await self._read(call, request, watched, position, look.newest)
            position = found.position
            parts = found.parts
            if not parts and time.monotonic() >= silent_until:
                parts = [_Part(pb.WatchActivitiesResponse(), position)]
            for part in parts:
                part.message.cursor = self._pages.token(request, str(part.position))
                await call.send(part.message.SerializeToString())
                silent_until = time.monotonic() + limits.WATCH_HEARTBEAT_S
            if found.more or look.more:
                continue
            pause_s = limits.WATCH_POLL_S if found.parts else min(2 * pause_s, limits.WATCH_POLL_MAX_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause_s)

    async def _read(
        self, call: Call, request: pb.WatchActivitiesRequest, watched: _Watched, position: int, newest: int
    ) -> _Found:
        """What the stream shows of the next WATCH_ACTIVITIES_MAX activities after `position`."""
        if newest <= position:
            return _Found([], position, more=False)

        def read(connection: Connection) -> _Found:
            found = positions.after(
                connection, *watched.scope, position, limits.WATCH_ACTIVITIES_MAX, watched.conditions
            )
            # What lies between the last and the newest is not this watcher's: it need not be looked through again.
            reached = found.reached if found.more else max(newest, found.reached)
            # Made on this thread: other calls would wait for the loop. So soon, words are kept of none.
            wanted = watched.conditions.wanted
            shown = [one for one in found.found if words.matches(one.activity, wanted)]
            return _Found(_parts(shown, reached, call, request.time_zone), reached, found.more)

        return await self._books.query(call.caller, read)

    async def _look(self) -> Look:
        # Watchers that look at the same time look once.
        looking = self._looking
        if looking is None:
            looking = self._looking = self._books.look(limits.WATCH_POSITIONS_MAX)
            looking.add_done_callback(self._looked)
        return await asyncio.shield(looking)

    def _looked(self, _: "asyncio.Future[Look]") -> None:
        self._looking = None


def _watched(call: Call, filters: Sequence[Filter]) -> _Watched:
    return _Watched(queries.scope(call.program, call.customer, call.caller), conditions(filters, call.caller))


def _parts(found: Sequence[Positioned], reached: int, call: Call, zone: str) -> list[_Part]:
    """The activities as messages that no client is too small for; after the last of them comes what was reached."""
    parts: list[_Part] = []
    weight = 0
    for position, activity in found:
        shown = activities.message(activity, call.caller, call.language, zone)
        bytes_ = shown.ByteSize()
        if not parts or weight + bytes_ > limits.WATCH_BYTES_MAX:
            parts.append(_Part(pb.WatchActivitiesResponse(), position))
            weight = 0
        message = parts[-1].message
        message.activities.append(shown)
        parts[-1] = _Part(message, position)
        weight += bytes_
    if parts:
        parts[-1] = _Part(parts[-1].message, reached)
    return parts
