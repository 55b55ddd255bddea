"""The log as a stream of pieces of a file: fixed once, read page by page, resumed where it broke.

The position after each piece travels with it (exported.py), signed (server/paging.py); the server keeps nothing of an
export.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog
from msgspec import MsgspecError

from fealty.v1 import audit_pb2 as pb
from rules.access import Permission
from rules.activity import EXPORT_STARTED, Kind
from rules.programs import time_zone
from rules.refusals import CursorMismatch, PageTokenMismatch
from server import limits
from server.call import Call
from server.convert import activities, exports
from server.errors import RequestInvalid, ServerStopping, StreamIdle
from server.paging import Pages
from server.policy import event_of
from server.services.exported import File, ResumePoint, read_place
from storage.activity import queries
from storage.activity.commands import Outcome
from storage.activity.exporting import pieces
from storage.activity.exporting.fields import Reader
from storage.activity.exporting.operations import FORMS
from storage.activity.exporting.pieces import Form, Piece, Size
from storage.activity.look import Search
from storage.activity.recorder import Act
from storage.books import Books
from storage.engine.database import reason
from storage.engine.lanes import LaneFull

log = structlog.get_logger()


class Export:
    """Runs the exports of one server process."""

    def __init__(self, books: Books, tokens: Pages) -> None:
        self._books = books
        self._tokens = tokens
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Ends each stream after the message in hand."""
        self._ending.set()

    async def run(self, call: Call, request: pb.ExportActivitiesRequest) -> None:
        """Sends until the file is whole, the caller goes or does not read, its key is revoked, the server stops, or
        EXPORT_MAX_S have passed.

        Raises RequestInvalid, TimeZoneUnknown, ProgramNotFound, CustomerNotFound, CursorMismatch, StreamIdle,
        ServerStopping.
        """
        search, form = exports.search(request), _form(call, request)
        if call.program:
            await self._books.read(call.caller, lambda: queries.scope(call.program, call.customer, call.caller))
        file = await self._resumed(call, request) if request.resume_token else await self._begun(call)
        told = {"format": exports.form(request), "upto": file.bound.upto}
        started = {
            **told,
            "filter": exports.filtered(request),
            "resumed": bool(request.resume_token),
        }
        await self._note(call, Outcome.SUCCEEDED, started, EXPORT_STARTED)
        try:
            is_whole = await self._send(call, request, search, form, file)
        except (asyncio.CancelledError, StreamIdle):
            # Nobody else records these.
            self._note_broken(call, {**told, **file.details(), "whole": False})
            raise
        except Exception:
            # It is recorded as a failure, with this beside its reason.
            call.details = {**told, **file.details(), "whole": False}
            raise
        await self._note(call, Outcome.SUCCEEDED, {**told, **file.details(), "whole": is_whole})
        if is_whole:
            await call.send(self._last(request, file).SerializeToString())

    async def _begun(self, call: Call) -> File:
        look = await self._books.settle(limits.WATCH_POSITIONS_MAX)
        while look.more and not self._ending.is_set():
            look = await self._books.settle(limits.WATCH_POSITIONS_MAX)
        if look.more:
            # Where it is fixed now, what has no position yet would be missing from it.
            raise ServerStopping
        bound = await self._books.query(call.caller, pieces.fixed)
        return File(ResumePoint(call.caller.id, bound))

    async def _resumed(self, call: Call, request: pb.ExportActivitiesRequest) -> File:
        try:
            place = read_place(self._tokens.position(request, request.resume_token))
        except (PageTokenMismatch, MsgspecError) as mismatch:
            raise CursorMismatch from mismatch
        known = await self._books.query(call.caller, lambda books: pieces.is_known(books, place.bound))
        if place.caller != call.caller.id or not known:
            raise CursorMismatch
        if len(place.parts) >= limits.EXPORT_PARTS_MAX:
            raise RequestInvalid([("resume_token", "a file in so many parts cannot be gone on with; begin it anew")])
        return File(place)

    async def _send(
        self, call: Call, request: pb.ExportActivitiesRequest, search: Search, form: Form, file: File
    ) -> bool:
        """Whether all of it was sent."""
        ends_at = time.monotonic() + limits.EXPORT_MAX_S
        if not file.bytes:
            # At once, though it may be empty: from then on the set is fixed, and there is a token to resume by.
            await self._send_piece(call, request, file, Piece(form.header, 0, file.after))
        silent_until = time.monotonic() + limits.WATCH_HEARTBEAT_S
        reading = self._read(call, search, form, file)
        try:
            while not self._ending.is_set() and time.monotonic() < ends_at:
                # A stream outlives what is remembered of its key.
                await call.authorize(call)
                page = await reading
                if not page.pieces and page.following is not None and time.monotonic() >= silent_until:
                    page.pieces.append(Piece(b"", 0, page.following))
                file.following = page.following
                if page.following is not None:
                    # While this page is on its way.
                    reading = self._read(call, search, form, file)
                for piece in page.pieces:
                    await self._send_piece(call, request, file, piece)
                    silent_until = time.monotonic() + limits.WATCH_HEARTBEAT_S
                if page.following is None:
                    return True
        finally:
            reading.cancel()
        return False

    def _read(self, call: Call, search: Search, form: Form, file: File) -> "asyncio.Future[pieces.Read]":
        """The next page. It is made on the thread that reads: other calls would wait for the loop."""
        size = Size(limits.EXPORT_ROWS, limits.LOG_LOOKED_MAX, limits.EXPORT_PIECE_BYTES)
        bound, after = file.bound, file.following
        reader = call.caller.where(Permission.ACTIVITIES_EXPORT)
        reading = self._books.query(
            call.caller, lambda books: pieces.read(books, search, reader, bound, after, form, size)
        )
        # Of one that nobody waits for any more nobody need hear that it failed.
        reading.add_done_callback(lambda read: read.cancelled() or read.exception())
        return reading

    async def _send_piece(self, call: Call, request: pb.ExportActivitiesRequest, file: File, piece: Piece) -> None:
        file.add(piece)
        await call.send(self._message(request, file, piece.data).SerializeToString())

    def _message(self, request: pb.ExportActivitiesRequest, file: File, data: bytes) -> pb.ExportActivitiesResponse:
        token = self._tokens.token(request, file.place())
        return pb.ExportActivitiesResponse(data=data, resume_token=token, rows=file.rows)

    def _last(self, request: pb.ExportActivitiesRequest, file: File) -> pb.ExportActivitiesResponse:
        last = self._message(request, file, b"")
        last.end.rows, last.end.bytes = file.rows, file.bytes
        last.end.parts.extend(pb.ExportPart(bytes=part.bytes, sha256=part.sha256) for part in file.parts)
        return last

    async def _note(self, call: Call, outcome: Outcome, details: dict[str, Any], kind: Kind | None = None) -> None:
        """Records it, or raises: nothing is shown of which there is no record."""
        [recorded] = await self._books.record([_act(call, outcome, details, kind)])
        if isinstance(recorded, Exception):
            raise recorded

    def _note_broken(self, call: Call, details: dict[str, Any]) -> None:
        """The same where the caller has gone: it is not waited for, as that may be cancelled too."""
        try:
            self._books.record([_act(call, Outcome.FAILED, details)]).add_done_callback(_noted)
        except LaneFull as full:
            log.warning("the end of an export is not in the activity log", reason=str(full))


def _form(call: Call, request: pb.ExportActivitiesRequest) -> Form:
    """Raises TimeZoneUnknown."""
    sees_origin = activities.sees_origin(call.caller, call.subject)
    return FORMS[exports.form(request)](
        Reader(time_zone(request.time_zone or "UTC"), call.language, sees_origin, event_of)
    )


def _act(call: Call, outcome: Outcome, details: dict[str, Any], kind: Kind | None = None) -> Act:
    origin = call.origin._replace(kind=kind) if kind is not None else call.origin
    return Act(origin, outcome, call.subject, call.program, call.customer, details)


def _noted(recorded: "asyncio.Future[Sequence[str | Exception]]") -> None:
    if recorded.cancelled():
        return
    failed = recorded.exception() or next((one for one in recorded.result() if isinstance(one, Exception)), None)
    if failed is not None:
        log.warning("the end of an export is not in the activity log", reason=reason(failed))
