"""IngestService: postings of every kind in a stream, many a message, a result for each, in order.

A message is parsed while the one before it is being written; no more than STREAM_WINDOW of a stream are in hand. Each
counts as a call in hand of its caller; a stream that waits for its next message is none.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from fealty.v1 import ingest_pb2 as pb
from rules.approvals.refusals import ApprovalNeedsCall, ApprovalRequired
from rules.refusals import GroupRefused, Refusal
from server import acting, limits
from server.admission import Permit
from server.approving import Approving, as_it_stands
from server.call import Call, log_of, scope
from server.commands import check_permission, command_of, response_of
from server.errors import Failure, RequestInvalid, failure
from server.guessing import GUARDED, shown
from server.interceptors import validation
from server.interceptors.audit import details_of
from server.limiting import Undecided
from server.naming_coupons import named
from server.outage import DATABASE
from server.paging import Pages
from server.policy import method_of
from storage.activity.recorder import Act
from storage.books import Books
from storage.engine.lanes import LaneFull
from storage.ledger.commands import AllOrNothing, Command

# The result's field for each of the item's, which has the same number.
_RESULTS = {
    field.name: pb.ItemResult.DESCRIPTOR.fields_by_number[field.number].name
    for field in pb.Item.DESCRIPTOR.fields_by_name.values()
}


class _Item(NamedTuple):
    """An item on its way: its request, and its command or why it never became one.

    `subject` is what it is about, `request_id` its id: each empty where that was not checked.
    """

    kind: str
    message: Any
    command: Command | Failure
    subject: str = ""
    request_id: str = ""


class _InHand(NamedTuple):
    """A message on its way: its items, what the books will answer to those that became commands, and its permit."""

    items: Sequence[_Item]
    together: bool
    outcomes: "asyncio.Future[Any] | None"
    permit: Permit


_Queue: TypeAlias = "asyncio.Queue[_InHand | Exception | None]"


class Ingest:
    """Runs streams of postings."""

    service = "fealty.v1.IngestService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._approving = Approving(books)

    async def BatchIngest(self, call: Call) -> None:
        """Answers each message of the stream in its order, until the caller ends it."""
        in_hand: _Queue = asyncio.Queue(limits.STREAM_WINDOW - 1)
        permits: set[Permit] = set()
        taking = asyncio.create_task(self._take(call, in_hand, permits))
        try:
            await self._answer(call, in_hand, permits)
        finally:
            taking.cancel()
            await asyncio.wait([taking])
            for permit in permits:
                permit.release()

    async def _take(self, call: Call, in_hand: _Queue, permits: set[Permit]) -> None:
        assert call.permits is not None
        try:
            while (raw := await call.next_message()) is not None:
                await call.authorize(call)
                # Streams are few, and so are their messages in hand: they count, and none is turned away.
                permit = Permit(call.permits, call.caller.id)
                permits.add(permit)
                message = validation.parse(call.method, raw)
                validation.check(message)
                # It counted as a call, which is one of its items.
                call.rates.add(call, len(message.items) - 1)
                # Each message has its own time; the stream as a whole has none.
                call.deadline = time.monotonic() + limits.DEADLINE_MAX_S
                has_nul = b"\0" in raw
                items = [_item(call, item, has_nul) for item in message.items]
                outcomes = await self._begin(call, items, message.all_or_nothing)
                await in_hand.put(_InHand(items, message.all_or_nothing, outcomes, permit))
            await in_hand.put(None)
        except Exception as error:
            # What came before it is answered first.
            await in_hand.put(error)

    async def _begin(self, call: Call, items: list[_Item], together: bool) -> "asyncio.Future[Any] | None":
        """Has the items written that may be; in `items` stands why others may not. Codes that they name are in hand
        until it is known which cannot be used."""
        guarded = [n for n, item in enumerate(items) if _is_guarded(item)]
        undecided = None
        if guarded:
            undecided = await call.guessing.begin(
                call, [(items[n].message, scope(items[n].subject)[0]) for n in guarded]
            )
        outcomes = None
        try:
            for number in guarded:
                items[number] = await _admitted(call, items[number])
            if together:
                items[:] = _together(items)
            outcomes = self._write(items, together)
        finally:
            if undecided is not None and outcomes is None:
                undecided.end()
        if undecided is not None and outcomes is not None:
            outcomes.add_done_callback(partial(_count, call, items, together, undecided))
        return outcomes

    def _write(self, items: Sequence[_Item], together: bool) -> "asyncio.Future[Any] | None":
        passed = self._approving.passed
        commands = [passed(item.command, item.message) for item in items if not isinstance(item.command, Failure)]
        if not commands:
            return None
        return self._books.write([AllOrNothing(tuple(commands))] if together else commands)

    async def _answer(self, call: Call, in_hand: _Queue, permits: set[Permit]) -> None:
        while (taken := await in_hand.get()) is not None:
            if isinstance(taken, Exception):
                raise taken
            response, refused = await _response(call, await self._as_they_stand(await self._settled(taken)))
            await self._note(call, refused)
            taken.permit.release()
            permits.discard(taken.permit)
            await call.send(response.SerializeToString())

    async def _settled(self, taken: _InHand) -> _InHand:
        """A message with those of its items done that need no approval by the rules as they are: which are read only
        now that they turn out to be others."""
        answered = await taken.outcomes if taken.outcomes is not None else ()
        outcomes = list(_each(answered, taken.together, len(taken.items)))
        unchecked = [number for number, one in enumerate(outcomes) if isinstance(one, ApprovalNeedsCall)]
        if not unchecked:
            return taken
        items = [item for item in taken.items if not isinstance(item.command, Failure)]
        commands: list[Any] = [item.command for item in items]
        for program in {commands[number].context.program for number in unchecked}:
            await self._approving.learn(program)
        passed = {number: self._approving.passed(commands[number], items[number].message) for number in unchecked}
        again = [number for number in unchecked if passed[number].context.checked != commands[number].context.checked]
        if taken.together:
            return taken._replace(outcomes=self._write(taken.items, together=True)) if again == unchecked else taken
        for number, outcome in zip(again, await self._books.write([passed[one] for one in again]), strict=True):
            outcomes[number] = outcome
        return _with_outcomes(taken, outcomes)

    async def _as_they_stand(self, taken: _InHand) -> _InHand:
        """A message with what became of those of its items that were asked for under approval."""
        answered = await taken.outcomes if taken.outcomes is not None else ()
        outcomes = list(_each(answered, taken.together, len(taken.items)))
        asked_for = [number for number, one in enumerate(outcomes) if isinstance(one, ApprovalRequired)]
        if not asked_for:
            return taken
        for number in asked_for:
            outcomes[number] = await as_it_stands(self._books, outcomes[number])
        return _with_outcomes(taken, [outcomes] if taken.together else outcomes)

    async def _note(self, call: Call, refused: Sequence[tuple[_Item, Failure]]) -> None:
        """Records each refused item as a call of its own would be, before the caller hears of it.

        A stream of refusals waits for its records; where one cannot be written, it ends.
        """
        acts = [_act(call, item, told) for item, told in refused if told.outcome is not None]
        for start in range(0, len(acts), limits.STREAM_RECORDS_MAX):
            for recorded in await self._recorded(acts[start : start + limits.STREAM_RECORDS_MAX]):
                if isinstance(recorded, Exception):
                    raise recorded

    async def _recorded(self, acts: Sequence[Act]) -> Sequence[str | Exception]:
        until = time.monotonic() + limits.DEADLINE_MAX_S
        while True:
            try:
                return await self._books.record(acts)
            except LaneFull:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(limits.STREAM_RECORDS_PAUSE_S)


def _act(call: Call, item: _Item, told: Failure) -> Act:
    """What the log has of a refused item: what it has of its own call."""
    assert told.outcome is not None
    method = call.method if item.message is None else method_of(type(item.message))
    origin = call.origin._replace(kind=method.kind, method=method.path)
    program, customer = log_of(call.caller, *scope(item.subject))
    details = details_of(told)
    if type(item.message) in GUARDED:
        details = {**named(call, item.message, told, program), **details}
    return Act(origin, told.outcome, item.subject, program, customer, details, item.request_id)


def _item(call: Call, item: pb.Item, has_nul: bool) -> _Item:
    kind = item.WhichOneof("posting")
    if kind is None:
        return _Item("", None, failure(RequestInvalid([("posting", "one of its kinds is required")])))
    message = getattr(item, kind)
    noted = ("", "")

    def note(subject: str, request_id: str) -> None:
        nonlocal noted
        noted = (subject, request_id)

    try:
        validation.check_noting(message, validation.subject_field(method_of(type(message))), has_nul, note)
        acting.check_asked(call, message, noted[0])
        program = scope(noted[0])[0]
        check_permission(call, message, program)
        return _Item(kind, message, command_of(call, message, program), *noted)
    except (Refusal, RequestInvalid) as error:
        return _Item(kind, message, failure(error, noted[0]), *noted)


def _is_guarded(item: _Item) -> bool:
    return type(item.message) in GUARDED and not isinstance(item.command, Failure)


def _count(
    call: Call, items: Sequence[_Item], together: bool, undecided: Undecided, outcomes: "asyncio.Future[Any]"
) -> None:
    """Counts the codes that could not be used, as soon as that is known: whoever does not take the answers learns
    nothing, and keeps nobody waiting."""
    try:
        if outcomes.cancelled() or outcomes.exception() is not None:
            return
        commands = [item for item in items if not isinstance(item.command, Failure)]
        for item, outcome in zip(commands, _each(outcomes.result(), together, len(commands)), strict=True):
            if type(item.message) in GUARDED and isinstance(outcome, Refusal):
                told = failure(outcome, item.subject)
                call.guessing.note(call, item.message, told, scope(item.subject)[0])
    finally:
        undecided.end()


def _with_outcomes(taken: _InHand, outcomes: Sequence[Any]) -> _InHand:
    settled: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    settled.set_result(outcomes)
    return taken._replace(outcomes=settled)


def _each(answered: Any, together: bool, items: int) -> Sequence[Any]:
    """What the books answered to each command of a message."""
    if together and answered:
        # A group that the database refused is one exception for all of it.
        [answered] = answered
        if isinstance(answered, Exception):
            return [answered] * items
    return answered  # type: ignore[no-any-return]


async def _admitted(call: Call, item: _Item) -> _Item:
    """The item, unless its code is turned away before it is looked up."""
    try:
        await call.guessing.admit(call, item.message, scope(item.subject)[0])
    except Refusal as error:
        return item._replace(command=failure(error, item.subject))
    return item


def _shown(call: Call, item: _Item, told: Failure) -> Failure:
    """What whoever sent the item is told of its refusal; `told` is for the log."""
    return shown(call, item.message, told, scope(item.subject)[0]) if type(item.message) in GUARDED else told


async def _response(call: Call, taken: _InHand) -> tuple[pb.BatchIngestResponse, list[tuple[_Item, Failure]]]:
    """What is answered to a message, and which of its items were refused."""
    answered = await taken.outcomes if taken.outcomes is not None else ()
    commands = iter(_each(answered, taken.together, len(taken.items)))
    outcomes: list[Any] = [
        item.command if isinstance(item.command, Failure) else next(commands) for item in taken.items
    ]
    response = pb.BatchIngestResponse()
    refused = []
    for item, outcome in zip(taken.items, outcomes, strict=True):
        if isinstance(outcome, GroupRefused):
            number = int(outcome.facts["item"])
            first = taken.items[number]
            outcome = _with(number, _shown(call, first, failure(outcomes[number], first.subject)))
        elif isinstance(outcome, Exception):
            outcome = failure(outcome, item.subject)
        result = response.results.add()
        if isinstance(outcome, Failure):
            refused.append((item, outcome))
            result.refused.CopyFrom(_shown(call, item, outcome).status())
        else:
            told = response_of(call, item.message, item.command, outcome)
            getattr(result, _RESULTS[item.kind]).CopyFrom(told)
            DATABASE.answered()
    return response, refused


def _together(items: list[_Item]) -> list[_Item]:
    """Of items of which all or none are to be recorded: none, where one never became a command."""
    for number, item in enumerate(items):
        if isinstance(item.command, Failure):
            others = _with(number, item.command)
            return [one if one is item else one._replace(command=others) for one in items]
    return items


def _with(number: int, refused: Failure) -> Failure:
    """What those hear that were refused with an item."""
    return failure(GroupRefused(item=number, reason=refused.reason, why=refused.message))
