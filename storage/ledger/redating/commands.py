"""Asks for a redating, or for what it would do."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.refusals import CustomerClosed
from storage.activity.commands import Scope
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.ledger.addresses import Address
from storage.ledger.redating import steps
from storage.ledger.redating.terms import ENDS, IS_COVERED, Terms
from storage.operations import commands as operations
from storage.operations.commands import NewOperation
from storage.operations.queries import Operation
from storage.operations.records import OperationKind, OperationState
from storage.programs import queries as programs
from storage.programs.queries import Program

# Lots that a preview shows of all that would change.
SAMPLE_MAX = 20
# Lots of a preview that come at a time: a whole program's do not fit into a server's memory.
FETCHED = 2_000


class RedatedLot(NamedTuple):
    """One lot that would change, by its resource name."""

    name: str
    before: datetime | None
    after: datetime | None


class Redated(NamedTuple):
    """The operation and, of one that was only rehearsed, the first SAMPLE_MAX lots."""

    operation: Operation
    sample: list[RedatedLot]


class RedateLots(NamedTuple):
    """New expiries for the open lots of a card: of one customer, or (empty) of all."""

    program_id: str
    customer_id: str
    terms: Terms
    context: CommandContext

    @property
    def subject(self) -> str:
        """The resource name of what it is about."""
        if not self.customer_id:
            return f"programs/{self.program_id}/cards/{self.terms.card_id}"
        return Address(self.program_id, self.customer_id, self.terms.card_id).name

    def answers(self) -> type[Redated]:
        """The operation."""
        return Redated

    def decide(self, unit: Unit) -> Answer[Redated]:
        """Begins it, takes its first step, and plans the task of the others where any are left. `validate_only` reads,
        locks nothing, and answers the operation as it would end if all of it were done now.

        Raises ProgramNotFound, CardNotFound, CustomerClosed, ExpiryInPast, SettingsInvalid. A customer without such
        lots has none to redate.
        """
        program = programs.get(self.program_id, self.context.caller)
        if unit.connection.execute(_IS_CLOSED, (program.id, self.customer_id)).fetchone() is not None:
            raise CustomerClosed(customer=self.customer_id)
        now = program.now(unit.now)
        self.terms.check(program.settings.card(self.terms.card_id, program.program_id), now)
        new = NewOperation(OperationKind.REDATE_LOTS, self.subject, Scope(program.id), self.terms.plain())
        if self.context.validate_only:
            return Answer(_rehearse(unit, self, program, new, now), None)
        parameters = _parameters(self, program, now)

        def choose(operation: UUID) -> int:
            return unit.connection.execute(_choose(self), {**parameters, "operation": operation}).rowcount

        begun = operations.begin(unit, program, new, self.context, choose, steps.NOTHING)
        operation = steps.take(unit, begun, program, wait=False)
        if operation.state is OperationState.RUNNING:
            operations.go_on(unit, operation, program.id)
        return Answer(Redated(operation, []), str(begun.activity))


def _rehearse(unit: Unit, command: RedateLots, program: Program, new: NewOperation, now: datetime) -> Redated:
    terms, card = command.terms, program.settings.card(command.terms.card_id, program.program_id)
    accounts, changed, figures = 0, 0, dict(steps.NOTHING)
    last, last_changed = 0, 0
    sample: list[RedatedLot] = []
    for account, customer_id, lot, points, before, activates_at in _covered(unit, command, program, now):
        accounts += account != last
        last = account
        after = terms.end(program.settings, card, activates_at, now)
        if after == before:
            continue
        changed += account != last_changed
        last_changed = account
        figures["lots"] += 1
        figures["points"] += points
        if len(sample) < SAMPLE_MAX:
            name = f"{Address(program.program_id, customer_id, card.card_id).name}/lots/{lot}"
            sample.append(RedatedLot(name, before, after))
    figures["accounts"] = changed
    operation = operations.rehearsed(unit, program, new, command.context, accounts, figures)
    return Redated(operation, sample)


def _covered(unit: Unit, command: RedateLots, program: Program, now: datetime) -> Iterator[tuple[Any, ...]]:
    with unit.connection.cursor("covered") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(_which(command), _parameters(command, program, now))
        yield from cursor


def _parameters(command: RedateLots, program: Program, now: datetime) -> dict[str, Any]:
    return {
        "program": program.id,
        "card": command.terms.card_id,
        "customer": command.customer_id,
        "before": command.terms.expire_before,
        "now": now,
    }


def _of(command: RedateLots) -> str:
    return "AND c.customer_id = %(customer)s" if command.customer_id else ""


def _which(command: RedateLots) -> bytes:
    return _WHICH.format(of=_of(command)).encode()


def _choose(command: RedateLots) -> bytes:
    return _CHOOSE.format(of=_of(command)).encode()


_IS_CLOSED = "SELECT FROM customer WHERE program = %s AND customer_id = %s AND state = 'CLOSED'"

_SLIDE = "LEFT JOIN sliding_expiry s ON l.slides AND s.account = l.account AND s.settings_version = l.settings_version"

_WHICH = f"""
SELECT a.id, c.customer_id, l.number, l.remaining, {ENDS}, l.activates_at
FROM account a JOIN customer c ON c.id = a.customer JOIN lot l ON l.account = a.id {_SLIDE}
WHERE c.program = %(program)s AND a.card_id = %(card)s {{of}} AND {IS_COVERED}
ORDER BY a.id, l.number
"""  # noqa: S608

_CHOOSE = f"""
INSERT INTO operation_account (operation, account, lots)
SELECT %(operation)s, a.id, a.lots FROM account a JOIN customer c ON c.id = a.customer
WHERE c.program = %(program)s AND a.card_id = %(card)s {{of}}
      AND EXISTS (SELECT FROM lot l {_SLIDE} WHERE l.account = a.id AND {IS_COVERED})
"""  # noqa: S608
