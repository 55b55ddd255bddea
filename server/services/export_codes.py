"""Codes of a batch as a stream of pieces of a file: recorded before the first, read page by page, then its digest."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import Any

import structlog

from fealty.v1 import coupon_campaigns_pb2 as pb
from rules import access
from rules.refusals import DeadlinePassed
from server import limits
from server.call import Call
from server.convert import names
from server.errors import ServerStopping, StreamIdle
from storage.activity.commands import Outcome
from storage.activity.recorder import Act
from storage.books import Books
from storage.coupons import exporting
from storage.coupons.exporting import BatchName, Page
from storage.coupons.exporting import Export as Batch
from storage.engine.commands import Reason
from storage.engine.database import reason
from storage.engine.lanes import LaneFull

log = structlog.get_logger()


class CodesExport:
    """Runs the exports of codes of one server process."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Ends each stream after the page in hand."""
        self._ending.set()

    async def run(self, call: Call, request: pb.ExportCouponsRequest) -> None:
        """Sends a batch. A stream that ends before is of no use: what was sent is recorded, and it is asked for again.

        Raises ProgramNotFound, CampaignNotFound, BatchNotFound, BatchExported, StreamIdle, DeadlinePassed,
        ServerStopping.
        """
        access.check_scope(call.caller, names.program_id(request.name))
        why = Reason(request.reason.code, request.reason.note, request.reason.acting_user)
        name, origin = BatchName(*names.batch(request.name)), call.origin
        batch = await self._books.stage(
            call.caller,
            lambda database: exporting.begin(database, call.caller, name, origin, why, request.request_id),
        )
        file = _File(batch)
        try:
            await self._send(call, file)
        except (asyncio.CancelledError, StreamIdle):
            # Nobody else records these.
            self._note_broken(call, file)
            raise
        except Exception:
            # It is recorded as a failure, with this beside its reason.
            call.details = file.details(is_whole=False)
            raise
        [recorded] = await self._books.record([_act(call, Outcome.SUCCEEDED, file, is_whole=True)])
        if isinstance(recorded, Exception):
            raise recorded
        await call.send(pb.ExportCouponsResponse(exported=file.exported()).SerializeToString())

    async def _send(self, call: Call, file: "_File") -> None:
        ends_at = time.monotonic() + limits.EXPORT_MAX_S
        await self._send_piece(call, file, exporting.HEADER)
        reading = self._read(call, file)
        try:
            while file.left:
                # A stream outlives what is remembered of its key.
                await call.authorize(call)
                if self._ending.is_set():
                    raise ServerStopping
                if time.monotonic() > ends_at:
                    raise DeadlinePassed
                page = await reading
                file.add(page)
                if file.left:
                    # While this page is on its way.
                    reading = self._read(call, file)
                await self._send_piece(call, file, page.data)
        finally:
            reading.cancel()

    def _read(self, call: Call, file: "_File") -> "asyncio.Future[Page]":
        """The next page. It is made on the thread that reads: other calls would wait for the loop."""
        batch, after, limit = file.batch, file.last, min(limits.CODES_EXPORT_ROWS, file.left)
        reading = self._books.query(call.caller, lambda books: exporting.page(books, batch, call.codes, after, limit))
        # Of one that nobody waits for any more nobody need hear that it failed.
        reading.add_done_callback(lambda read: read.cancelled() or read.exception())
        return reading

    async def _send_piece(self, call: Call, file: "_File", data: bytes) -> None:
        file.note_sent(data)
        await call.send(pb.ExportCouponsResponse(data=data).SerializeToString())

    def _note_broken(self, call: Call, file: "_File") -> None:
        """Where the caller has gone: it is not waited for, as that may be cancelled too."""
        try:
            self._books.record([_act(call, Outcome.FAILED, file, is_whole=False)]).add_done_callback(_noted)
        except LaneFull as full:
            log.warning("the end of an export of codes is not in the activity log", reason=str(full))


class _File:
    """A batch on its way: how much of it was read, and what was sent."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.last = batch.first
        self.left = batch.batch.coupons
        self._coupons = self._bytes = 0
        self._sent = hashlib.sha256()

    def add(self, page: Page) -> None:
        """Takes note of a page that was read."""
        self.last = page.last
        self.left = self.left - page.coupons if page.coupons else 0
        self._coupons += page.coupons

    def note_sent(self, data: bytes) -> None:
        """Takes note of a piece that is about to be sent."""
        self._sent.update(data)
        self._bytes += len(data)

    def exported(self) -> pb.CouponsExported:
        """What the caller holds the file against."""
        return pb.CouponsExported(coupons=self._coupons, bytes=self._bytes, sha256=self._sent.hexdigest())

    def details(self, is_whole: bool) -> dict[str, Any]:
        """What the record says of it."""
        return {
            "bytes": self._bytes,
            "coupons": self._coupons,
            "sha256": self._sent.hexdigest(),
            "whole": is_whole,
        }


def _act(call: Call, outcome: Outcome, file: _File, is_whole: bool) -> Act:
    details = file.details(is_whole)
    return Act(call.origin, outcome, call.subject, call.program, call.customer, details, call.request_id)


def _noted(recorded: "asyncio.Future[Sequence[str | Exception]]") -> None:
    if recorded.cancelled():
        return
    failed = recorded.exception() or next((one for one in recorded.result() if isinstance(one, Exception)), None)
    if failed is not None:
        log.warning("the end of an export of codes is not in the activity log", reason=reason(failed))
