"""The ingest stream: many purchases a message, a result for each, in order.

A message is parsed while the one before it is being written; no more than STREAM_WINDOW of a stream are in hand.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from fealty.v1 import points_pb2 as pb
from rules.refusals import ProgramNotFound, Refusal
from server import limits
from server.call import Call
from server.convert import points
from server.errors import Failure, RequestInvalid, failure
from server.interceptors import validation
from storage.activity.commands import Outcome
from storage.activity.recorder import Act
from storage.books import Books
from storage.ledger.commands import RecordTransaction


class _InHand(NamedTuple):
    """A message on its way: for each item its command, or why it never became one; and what the books will answer."""

    items: Sequence[RecordTransaction | Failure]
    outcomes: "asyncio.Future[Any] | None"


class Ingest:
    """Runs streams of purchases."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def run(self, call: Call) -> None:
        """Answers each message of the stream in its order, until the caller ends it."""
        in_hand: asyncio.Queue[_InHand | Exception | None] = asyncio.Queue(limits.STREAM_WINDOW - 1)
        taking = asyncio.create_task(self._take(call, in_hand))
        try:
            await self._answer(call, in_hand)
        finally:
            taking.cancel()
            await asyncio.wait([taking])

    async def _take(self, call: Call, in_hand: "asyncio.Queue[_InHand | Exception | None]") -> None:
        try:
            async for raw in call.raw:
                await call.authorize(call)
                message = validation.parse(call.method, raw)
                validation.check(message)
                # Each message has its own time; the stream as a whole has none.
                call.deadline = time.monotonic() + limits.DEADLINE_MAX_S
                has_nul = b"\0" in raw
                items = [_command(call, item, has_nul) for item in message.items]
                commands = [item for item in items if isinstance(item, RecordTransaction)]
                await in_hand.put(_InHand(items, self._books.write(commands) if commands else None))
            await in_hand.put(None)
        except Exception as error:
            # What came before it is answered first.
            await in_hand.put(error)

    async def _answer(self, call: Call, in_hand: "asyncio.Queue[_InHand | Exception | None]") -> None:
        while (taken := await in_hand.get()) is not None:
            if isinstance(taken, Exception):
                raise taken
            outcomes = iter(await taken.outcomes if taken.outcomes is not None else ())
            results, refused = [], []
            for item in taken.items:
                outcome = item if isinstance(item, Failure) else next(outcomes)
                if isinstance(outcome, Exception):
                    outcome = failure(outcome)
                if isinstance(outcome, Failure) or isinstance(item, Failure):
                    refused.append((item, outcome))
                    results.append(pb.IngestResult(refused=outcome.status()))
                else:
                    results.append(pb.IngestResult(recorded=points.recorded(item, outcome)))
            if refused:
                await self._note(call, refused)
            await call.context.write(pb.IngestTransactionsResponse(results=results).SerializeToString())

    async def _note(self, call: Call, refused: Sequence[tuple[RecordTransaction | Failure, Failure]]) -> None:
        """One record for the refused items of a message: how many, and why."""
        reasons = dict(Counter(told.reason for _, told in refused))
        named = [item.address for item, _ in refused if isinstance(item, RecordTransaction)]
        subject = f"programs/{named[0].program}" if named else ""
        program = named[0].program if named else ""
        act = Act(call.origin, Outcome.REFUSED, subject, program, details={"items": len(refused), "reasons": reasons})
        [recorded] = await self._books.record([act])
        if isinstance(recorded, Exception):
            raise recorded


def _command(call: Call, item: pb.RecordTransactionRequest, has_nul: bool) -> RecordTransaction | Failure:
    try:
        if has_nul:
            validation.check_text(item)
        validation.check(item)
        command = points.record_transaction(call, item)
        if not call.caller.sees(command.address.program):
            raise ProgramNotFound(program=command.address.program)
        return command
    except (Refusal, RequestInvalid) as error:
        return failure(error)
