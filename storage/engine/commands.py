"""What every command is: how it was asked for, what it answers, how it is carried out.

A command is a frozen value, a NamedTuple: all that it needs to be carried out, now or later, stands in it. Hot commands
are gathered, and decided in a group (storage/ledger/commands.py); each cold one has a transaction of its own.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from peewee import PostgresqlDatabase
from psycopg.errors import SerializationFailure

from rules.access import Caller
from rules.activity import Origin
from rules.refusals import DeadlinePassed, Refusal
from storage.engine import stands
from storage.engine.keyring import NO_KEYS, Keyring
from storage.engine.requests import Answer, Request, find, keep, replay
from storage.engine.unit import Unit, run

Value = TypeVar("Value")


class Reason(NamedTuple):
    """Why somebody did it: a code, words that may be about a person, and the id of whom the caller acts for."""

    code: str = ""
    note: str = ""
    acting_user: str = ""

    def added_to(self, details: Mapping[str, Any]) -> Mapping[str, Any]:
        """The details of a record, with why and for whom. The note stands apart: it may be about a person."""
        if self.code:
            details = {**details, "reason_code": self.code}
        if self.acting_user:
            details = {**details, "admin": self.acting_user}
        return details


NO_REASON = Reason()


class CommandContext(NamedTuple):
    """How a command was asked for, and by whom. `deadline` is on time.monotonic(); `language` is what the caller reads,
    as HTTP's accept-language has it. `program` is the public id of the program that it is of, empty of none, and
    `checked` the version of the approval rules there against which it was found to need no approval (stands.py)."""

    caller: Caller
    request: Request
    origin: Origin
    validate_only: bool
    deadline: float
    reason: Reason = NO_REASON
    language: str = ""
    program: str = ""
    checked: int = 0


class AnyCommand(Protocol):
    """One act on the books, hot or cold."""

    @property
    def context(self) -> CommandContext:
        """How it was asked for."""

    def answers(self) -> type[Any]:
        """The type of what it answers, as it is kept."""


class ColdCommand(AnyCommand, Protocol[Value]):
    """A command that has a transaction of its own. Where its caller does not see all programs, it sees no others
    either (storage/engine/scope.py)."""

    def decide(self, unit: Unit) -> Answer[Value]:
        """Does it in the unit, or raises a Refusal. With `validate_only`, what it did is undone."""


@runtime_checkable
class SeesAll(Protocol):
    """A cold command that sees all programs, whoever asks for it: it checks by itself whom it obeys."""

    @property
    def sees_all(self) -> str:
        """Why it must."""


@runtime_checkable
class Personal(Protocol):
    """A value that shows a person. Profiles stand in one row only, so it is kept by name."""

    def as_kept(self) -> "KeptByName":
        """What is kept of it: which person, and nothing about them."""


@runtime_checkable
class KeptByName(Protocol):
    """What is kept of a value that shows a person."""

    def as_it_stands(self, caller: Caller) -> Any:
        """The value, with the person as they stand now."""


def carry_out(database: PostgresqlDatabase, command: ColdCommand[Value], keyring: Keyring = NO_KEYS) -> Answer[Value]:
    """The answer to a cold command, in a transaction of its own. Raises what `once` raises."""

    def decide(unit: Unit) -> Answer[Value]:
        unit.keyring = keyring
        return once(unit, command)

    return run(database, decide)


def once(unit: Unit, command: ColdCommand[Value]) -> Answer[Value]:
    """The answer to a cold command, kept with its request in the same unit; to a request that was answered before, the
    answer it got then. With `validate_only` all is decided and nothing kept.

    Raises what the command raises, RequestIdReused, DeadlinePassed, ApprovalRequired, ApprovalNeedsCall.
    """
    context = command.context
    if kept := find(unit.connection, context.request):
        found = replay(context.request, kept, command.answers())
        return found._replace(value=_as_it_stands(found.value, context.caller))
    if context.deadline < time.monotonic():
        raise DeadlinePassed
    if not context.validate_only:
        stands.check(stands.find(unit.connection, context.program), context)
    try:
        answer = command.decide(unit)
    except Refusal:
        # Sent twice at once, the later finds the effect of the earlier, and would be refused for it.
        if find(unit.connection, context.request):
            raise SerializationFailure("the same request was answered meanwhile: the next attempt replays it") from None
        raise
    if context.validate_only:
        unit.discard()
        return answer._replace(activity=None)
    keep(unit, context.request, answer._replace(value=_as_kept(answer.value)))
    return answer


def _as_kept(value: Any) -> Any:
    return value.as_kept() if isinstance(value, Personal) else value


def _as_it_stands(value: Any, caller: Caller) -> Any:
    return value.as_it_stands(caller) if isinstance(value, KeptByName) else value
