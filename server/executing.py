"""Carries out what was approved, as its maker, once: asked for by the last approval, and by each server that finds it.

The act is one request of the books (storage/approvals/outcomes.py), so that servers may all try. What a server was
killed over, another finishes, or the same once it is back.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from google.rpc import status_pb2

from rules import access
from rules.access import Caller
from rules.approvals.deciding import ApprovalState
from rules.approvals.refusals import ApprovalStateWrong, MakerGone
from rules.refusals import CustomerClosed, DeadlinePassed
from server import limits, reasons
from server.asked import approvable, without_secrets
from server.call import Call, Wallet
from server.commands import changes_callers, command_of, do, response_of
from server.errors import failure
from server.interceptors import validation
from storage.access.credentials import Credential, CredentialKind
from storage.approvals import outcomes
from storage.approvals.outcomes import Failure, Held
from storage.books import Books
from storage.engine.database import AnswerLate, Busy, OutOfRoom, StorageUnavailable, TooSlow
from storage.engine.keyring import DoesNotOpen, KeyringError
from storage.engine.lanes import LaneFull

log = structlog.get_logger()

# What passes: nothing is known of the act but that it was not answered.
_PASSING = (StorageUnavailable, AnswerLate, OutOfRoom, Busy, TooSlow, LaneFull, DeadlinePassed, KeyringError)


class Executing:
    """One for each server process."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._in_hand: dict[UUID, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._forget: Callable[[], None] = _nothing

    def begin(self, forget: Callable[[], None]) -> None:
        """Looks, from now on, for what was approved and nobody carries out. After what changes what callers may,
        `forget` has it asked again of whoever calls next."""
        self._forget = forget
        self._looking = asyncio.create_task(self._look())

    def close(self) -> None:
        """Leaves the rest to other servers."""
        for task in (self._looking, *self._in_hand.values()):
            if task is not None:
                task.cancel()

    async def finish(self, identity: UUID) -> None:
        """Waits, for a while, until an approved request is carried out; it goes on behind that."""
        task = self._in_hand.get(identity)
        if task is None:
            # However many approve it at once, here it is carried out once.
            task = self._in_hand[identity] = asyncio.create_task(self._carry_out(identity))
            task.add_done_callback(lambda _: self._in_hand.pop(identity, None))
        await asyncio.wait([task], timeout=limits.APPROVED_WAIT_S)

    async def preview(self, held: Held) -> Any:
        """What would be answered now, without secrets, or why it could not be done, as google.rpc.Status. Raises
        ApprovalStateWrong."""
        if held.message is None:
            raise ApprovalStateWrong(state=held.request.state, wanted=ApprovalState.PENDING)
        try:
            call, message, command = await self._command(held)
            command = command._replace(context=command.context._replace(validate_only=True))
            return without_secrets(response_of(call, message, command, await do(self._books, message, command)))
        except _PASSING:
            raise
        except Exception as error:
            refused: status_pb2.Status = failure(error, held.request.subject).status()
            return refused

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(limits.APPROVED_LOOK_S)
            try:
                found = await self._books.oversee(
                    "", lambda unit: outcomes.approved(unit.connection, limits.APPROVED_BATCH)
                )
                # At once: what waits for something holds up nothing else.
                await asyncio.gather(*map(self.finish, found))
            except Exception as error:
                log.warning("approved requests not looked at", error=type(error).__name__)

    async def _carry_out(self, identity: UUID) -> None:
        try:
            told = await self._attempted(identity)
            await self._books.oversee("", lambda unit: outcomes.finish(unit, identity, told))
        except Exception as error:
            # It stays approved, and is found again.
            log.warning("approved request not carried out yet", request=str(identity), error=type(error).__name__)
            await self._put_off(identity)

    async def _put_off(self, identity: UUID) -> None:
        try:
            await self._books.oversee("", lambda unit: outcomes.put_off(unit.connection, identity))
        except Exception as error:
            log.warning("approved request not put off", request=str(identity), error=type(error).__name__)

    async def _attempted(self, identity: UUID) -> Failure | None:
        """None where the act was done, or there is nothing to do; else why it can no more be."""
        try:
            held = await self._books.oversee("", lambda unit: outcomes.held(unit, identity))
        except DoesNotOpen as error:
            # Nor will it ever: the key was there.
            return _ended_by(error)
        if held is None or held.request.state is not ApprovalState.APPROVED:
            return None
        return await self._done(held)

    async def _done(self, held: Held) -> Failure | None:
        """None where the act was done; else why it can no more be."""
        if held.message is None:
            return Failure(reasons.REFUSALS[CustomerClosed].reason, "Its customer was erased meanwhile.")
        try:
            _, message, command = await self._command(held)
            await do(self._books, message, command)
        except _PASSING:
            raise
        except Exception as error:
            return _ended_by(error, held.request.subject)
        if changes_callers(message):
            self._forget()
        return None

    async def _command(self, held: Held) -> tuple[Call, Any, Any]:
        """The act as its maker would ask for it now. Raises MakerGone, PermissionMissing, ProgramNotFound,
        RequestInvalid."""
        request = held.request
        method = approvable()[request.method]
        message = method.request.FromString(held.message)
        validation.check(message)
        caller = await self._maker(held)
        access.check(caller, method.permission, request.program)
        # Nobody calls: there is no other end to be told anything.
        context: Any = None
        call = Call(method, context)
        call.codes = self._books.codes
        call.wallet = Wallet(self._books.wallet, self._books.passes_url)
        call.made_by(caller)
        call.about(request.subject)
        call.deadline = time.monotonic() + limits.DEADLINE_MAX_S
        allowed = outcomes.allowed_by(request) if request.approved_activity else None
        call.origin = call.origin._replace(source=request.source, approval=allowed)
        message.validate_only = False
        command = command_of(call, message, request.program)
        as_asked = command.context._replace(request=outcomes.key_of(request))
        return call, message, command._replace(context=as_asked)

    async def _maker(self, held: Held) -> Caller:
        """Whoever asked, with what they may by now, and were permitted as they asked; where they acted for somebody,
        that counts too. Raises MakerGone, also where one of the people among them may no more."""
        maker = held.request.maker
        people = {person: await self._caller(CredentialKind.USER, person) for person in maker.people}
        caller = people.get(maker.caller) or await self._caller(CredentialKind.SERVICE, maker.caller)
        caller, acting = access.within(caller, held.permissions), maker.on_behalf_of
        if acting.startswith("users/"):
            caller = access.intersected(caller, people[acting.removeprefix("users/")])
        elif acting:
            _, program, _, customer = acting.split("/")
            caller = access.narrowed(caller, program, customer)
        return caller._replace(user=maker.user, on_behalf_of=acting)

    async def _caller(self, kind: CredentialKind, identity: str) -> Caller:
        found = await self._books.caller(Credential(kind, identity))
        if found is None:
            raise MakerGone
        return found


def _ended_by(error: Exception, subject: str = "") -> Failure:
    told = failure(error, subject)
    return Failure(told.reason, told.message)


def _nothing() -> None:
    pass
