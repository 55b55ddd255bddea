"""Keeps what the books could not record beside them, and gives it to them when they can."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from prometheus_client import Counter

from server import limits
from storage.activity.recorder import Act
from storage.activity.spool import Spool
from storage.books import Books
from storage.engine.database import reason
from storage.engine.ids import new_uuid_text

SPOOLED = Counter("fealty_activity_spooled", "Refused or failed calls that were recorded beside the books")
LOST = Counter("fealty_activity_lost", "Refused or failed calls that could be recorded nowhere")

log = structlog.get_logger()


class Spooling:
    """One for each server process; used on its event loop."""

    def __init__(self, books: Books, spool: Spool) -> None:
        self._books = books
        self._spool = spool
        # The file has one writer at a time.
        self._turn = asyncio.Lock()
        self._taking: asyncio.Task[None] | None = None
        # What could be written nowhere.
        self._unwritten: list[Act] = []

    @property
    def is_blind(self) -> bool:
        """Whether a record could be written nowhere. Until it can, nothing is done that must be recorded."""
        return bool(self._unwritten)

    def begin(self) -> None:
        """Takes in, behind everything else, what processes before this one left."""
        self._taking = asyncio.create_task(self._take_in_when_possible())

    async def keep(self, act: Act, why: str) -> None:
        """Writes down a record that the books did not take, and says `why`. It gets an id and an instant of its own: by
        our clock, for theirs cannot be asked."""
        named = replace(act, activity=new_uuid_text(), occurred_at=datetime.now(UTC))
        try:
            async with self._turn:
                await asyncio.to_thread(self._spool.append, [named])
        except OSError as error:
            log.error("activity not written", method=act.origin.method, error=str(error))
            if len(self._unwritten) < limits.UNWRITTEN_MAX:
                self._unwritten.append(named)
            else:
                LOST.inc()
        else:
            log.warning("activity spooled", method=act.origin.method, error=why)
            SPOOLED.inc()
        if self._taking is None or self._taking.done():
            self._taking = asyncio.create_task(self._take_in_when_possible())

    async def close(self) -> None:
        """Leaves what is still there to the next process."""
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.gather(self._taking, return_exceptions=True)
        self._spool.close()

    async def _take_in_when_possible(self) -> None:
        while True:
            try:
                if taken := await self._take_in():
                    log.info("spooled activities recorded", count=taken)
                # What was written meanwhile lies in another file.
                if not self._unwritten and not self._spool.size:
                    return
            except Exception as error:
                log.debug("spool waits", error=reason(error))
            await asyncio.sleep(limits.SPOOL_RETRY_S)

    async def _take_in(self) -> int:
        """Gives the books what they missed; answers how much. What is written meanwhile goes into another file."""
        taken = len(self._unwritten)
        await self._record(self._unwritten[:])
        del self._unwritten[:taken]
        async with self._turn:
            self._spool.close()
        # Closed by itself: a failure that somebody keeps would keep the file that it happened over, too.
        with closing(self._spool.waiting()) as files:
            while (acts := await asyncio.to_thread(next, files, None)) is not None:
                await self._record(acts)
                taken += len(acts)
        return taken

    async def _record(self, acts: Sequence[Act]) -> None:
        for start in range(0, len(acts), limits.SPOOL_RECORDS_MAX):
            for recorded in await self._books.record(acts[start : start + limits.SPOOL_RECORDS_MAX]):
                if isinstance(recorded, Exception):
                    raise recorded
