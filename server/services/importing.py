"""Files of codes, taken as a stream: one piece is staged while the next is on its way, and no more is in hand."""

import asyncio
import hashlib
import time

import structlog

from fealty.v1 import coupon_campaigns_pb2 as pb
from rules import access
from rules.coupons.refusals import ImportTooLarge
from rules.refusals import DeadlinePassed
from server import limits
from server.call import Call
from server.convert import batches, names
from server.errors import RequestInvalid, ServerStopping
from server.interceptors import validation
from storage.books import Books
from storage.coupons.importing import staging
from storage.coupons.importing.staging import Staging, Target
from storage.engine.database import Database, reason
from storage.engine.lanes import LaneFull

log = structlog.get_logger()


class Import:
    """Runs the imports of one server process."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Ends each stream with the piece in hand: whoever sends it begins anew."""
        self._ending.set()

    async def run(self, call: Call) -> None:
        """Takes a file and answers what became of it. Whatever ends it before leaves nothing that can be seen.

        Raises RequestInvalid, ProgramNotFound, ProgramArchived, CampaignNotFound, CampaignArchived, ImportTooLarge,
        RequestIdReused, StreamIdle, DeadlinePassed, ServerStopping.
        """
        asked = await _target(call)
        name = names.campaign(asked.parent)
        access.check_scope(call.caller, name.program)
        # Of a stream it is not known before of what program it is.
        access.check(call.caller, call.method.permission, name.program)
        request = batches.import_context(call, asked, "").request
        target = await self._books.stage(
            call.caller, lambda database: staging.begin(database, call.caller, *name, request, asked.validate_only)
        )
        file = _File(call, target, batches.FORMS[asked.format])
        try:
            await self._take(call, file)
            # The file has had its time, and what is left is an act like any other.
            call.deadline = time.monotonic() + limits.DEADLINE_MAX_S
            command = batches.publish_import(call, asked, file.digest, file.staging)
            answer = await self._books.carry_out(command)
        finally:
            if target is not None:
                self._discard(call, target)
        await call.send(batches.imported(command, answer).SerializeToString())

    async def _take(self, call: Call, file: "_File") -> None:
        """Stages the file, a part while the next comes."""
        ends_at = time.monotonic() + limits.IMPORT_MAX_S
        while (data := await _more(call)) is not None:
            file.add(data)
            while file.has_part:
                await file.staged
                if self._ending.is_set():
                    raise ServerStopping
                if time.monotonic() > ends_at:
                    raise DeadlinePassed
                file.check()
                await self._tell(call, file)
                file.stage(self._books)
        await file.staged
        file.stage(self._books, is_last=True)
        await file.staged
        file.check()

    async def _tell(self, call: Call, file: "_File") -> None:
        """How far it is, where it was not told for a while."""
        if file.staging is None or time.monotonic() - file.told_at < limits.IMPORT_PROGRESS_S:
            return
        file.told_at = time.monotonic()
        found = file.staging.file
        progress = pb.ImportProgress(bytes=found.bytes, lines=found.lines)
        await call.send(pb.ImportCouponsResponse(progress=progress).SerializeToString())

    def _discard(self, call: Call, target: Target) -> None:
        """Unless it is published: not waited for, as the call may be cancelled. What is not heard of here a task
        does."""
        try:
            discarding = self._books.stage(call.caller, lambda database: staging.discard(database, target))
            discarding.add_done_callback(_noted)
        except LaneFull as full:
            log.warning("an import is discarded later", reason=str(full))


class _File:
    """A file on its way: what came and waits to be staged, and the digest of all of it. Of a request that was answered
    before there is nothing to be staged, and only the digest is wanted."""

    def __init__(self, call: Call, target: Target | None, form: str) -> None:
        self.staging = None if target is None else Staging(target, form, call.codes)
        self.told_at = time.monotonic()
        self.staged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.staged.set_result(None)
        self._caller = call.caller
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._waiting = bytearray()

    @property
    def has_part(self) -> bool:
        """Whether as much waits as is staged at a time."""
        return len(self._waiting) >= limits.IMPORT_STAGED_BYTES

    @property
    def digest(self) -> str:
        """By which the file is known again."""
        return self._digest.hexdigest()

    def add(self, data: bytes) -> None:
        """Takes note of a piece. Raises ImportTooLarge."""
        self._bytes += len(data)
        if self._bytes > limits.IMPORT_BYTES_MAX:
            raise ImportTooLarge(limit=f"{limits.IMPORT_BYTES_MAX:,} bytes")
        self._digest.update(data)
        if self.staging is not None:
            self._waiting += data

    def check(self) -> None:
        """Raises ImportTooLarge."""
        if self.staging is not None and self.staging.file.number > limits.IMPORT_LINES_MAX:
            raise ImportTooLarge(limit=f"{limits.IMPORT_LINES_MAX:,} lines")

    def stage(self, books: Books, is_last: bool = False) -> None:
        """Stages a part of what waits, with `is_last` the last; `staged` says when that is done."""
        taken = self.staging
        if taken is None:
            return
        part = bytes(self._waiting[: limits.IMPORT_STAGED_BYTES])
        del self._waiting[: limits.IMPORT_STAGED_BYTES]

        def stage(database: Database) -> None:
            taken.take(database, part)
            if is_last:
                taken.end(database)

        self.staged = books.stage(self._caller, stage)
        # Of one that nobody waits for any more nobody need hear that it failed.
        self.staged.add_done_callback(lambda staged: staged.cancelled() or staged.exception())


async def _target(call: Call) -> pb.ImportTarget:
    raw = await call.next_message()
    message = validation.parse(call.method, raw or b"")
    if message.WhichOneof("part") != "target":
        raise RequestInvalid([("target", "comes first, and says what the file is for")])
    validation.check_noting(message.target, "parent", b"\0" in (raw or b""), call.note)
    target: pb.ImportTarget = message.target
    return target


async def _more(call: Call) -> bytes | None:
    """The next piece of the file; None at its end."""
    raw = await call.next_message()
    if raw is None:
        return None
    # A stream outlives what is remembered of its key.
    await call.authorize(call)
    message = validation.parse(call.method, raw)
    if message.WhichOneof("part") != "data":
        raise RequestInvalid([("data", "is what comes after the target, and nothing else")])
    data: bytes = message.data
    if len(data) > limits.IMPORT_PIECE_BYTES_MAX:
        raise RequestInvalid([("data", f"must be at most {limits.IMPORT_PIECE_BYTES_MAX:,} bytes at a time")])
    return data


def _noted(discarded: "asyncio.Future[None]") -> None:
    failed = None if discarded.cancelled() else discarded.exception()
    if failed is not None:
        log.warning("an import is discarded later", reason=reason(failed))
