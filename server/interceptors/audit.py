"""Records what the books did not: calls that were denied, invalid, refused or failed, and reads of personal data."""

from dataclasses import replace
from typing import Any

from server.call import NOBODY, Call, log_of
from server.errors import Failure, LogUnavailable
from server.guessing import told_as
from server.interceptors.floods import Floods
from server.interceptors.spooling import Spooling
from server.policy import Method
from storage.activity.commands import Outcome
from storage.activity.recorder import Act
from storage.activity.spool import Spool
from storage.books import Books
from storage.engine.database import reason


class Audit:
    """Writes records through the books' recorder, each before its caller hears the answer."""

    def __init__(self, books: Books, spool: Spool) -> None:
        self._books = books
        self._spooling = Spooling(books, spool)
        self._floods = Floods(self.note)

    async def note_read(self, call: Call) -> None:
        """Records a read of personal data, or raises: what cannot be recorded is not shown."""
        await self._record(self._act(call, Outcome.SUCCEEDED, call.details))

    async def note_failure(self, call: Call, told: Failure) -> None:
        """Records a call that was denied, invalid, refused or failed; not one that was turned away unread."""
        if told.outcome is None:
            return
        if call.caller is NOBODY:
            # Nobody could be asked who calls: from where is known all the same.
            call.made_by(None)
        act = self._act(call, told.outcome, {**call.details, **details_of(told)})
        if call.attempted is not None:
            kind, whose = call.attempted
            program, _ = log_of(whose, whose.only_program, "")
            act = replace(act, origin=act.origin._replace(kind=kind), program=act.program or program)
        if self._floods.admits(act, call.whence.ip_address, told_as(told.reason)):
            await self.note(act)

    async def note(self, act: Act) -> None:
        """Records an act, beside the books where they cannot take it."""
        try:
            await self._record(act)
        except Exception as error:
            # The caller hears of its own failure, not of this one; an operator must hear of both.
            await self._spooling.keep(act, reason(error))

    def begin(self) -> None:
        """Takes in what could not be recorded before."""
        self._spooling.begin()

    def check(self, method: Method) -> None:
        """Raises LogUnavailable where nothing can be recorded, and the call is one that must be."""
        if self._spooling.is_blind and method.is_guarded:
            raise LogUnavailable

    async def close(self) -> None:
        """Records what was counted and not yet recorded."""
        await self._floods.close()
        await self._spooling.close()

    def _act(self, call: Call, outcome: Outcome, details: dict[str, Any]) -> Act:
        program, customer = log_of(call.caller, call.program, call.customer)
        return Act(call.origin, outcome, call.subject, program, customer, details, call.request_id)

    async def _record(self, act: Act) -> None:
        [recorded] = await self._books.record([act])
        if isinstance(recorded, Exception):
            raise recorded


def details_of(told: Failure) -> dict[str, Any]:
    """How it ended, as the record of a call that failed has it, and that of an item of a stream."""
    return {"code": told.code.name, "reason": told.reason}
