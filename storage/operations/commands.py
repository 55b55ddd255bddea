"""The life of an operation: begun with its work list, brought on by steps, ended once."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from rules.activity import OPERATION_FAILED, OPERATION_SUCCEEDED, Origin, by_worker
from rules.refusals import OperationEnded
from storage.activity.commands import Scope, record
from storage.activity.records import ActivityRow
from storage.engine.commands import NO_REASON, CommandContext, Reason
from storage.engine.ids import new_uuid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.operations import accounts, customers, queries
from storage.operations.queries import REHEARSED, Operation
from storage.operations.records import OperationKind, OperationRow, OperationState
from storage.programs import queries as programs
from storage.programs.queries import Program
from storage.programs.records import ProgramRow, ProgramVersionRow
from storage.tasks.commands import plan

# The actor that takes the steps, and its queue: one of its own, so that whole programs never wait in front of sweeps.
ACTOR = "operation"
QUEUE = "operations"


class NewOperation(NamedTuple):
    """What is to be done to what, and in whose timeline that stands. `arguments` are JSON without floats, and hold no
    personal data."""

    kind: OperationKind
    subject: str
    scope: Scope
    arguments: Mapping[str, Any]


class CancelOperation(NamedTuple):
    """Ends an operation before its next step, by its resource name. `validate_only` locks nothing."""

    name: str
    context: CommandContext

    def answers(self) -> type[Operation]:
        """The operation."""
        return Operation

    def decide(self, unit: Unit) -> Answer[Operation]:
        """Raises ProgramNotFound, OperationNotFound, OperationEnded."""
        context, reason, state = self.context, self.context.reason, OperationState.CANCELLED
        found = queries.get(self.name, context.caller, for_update=not context.validate_only)
        if found.state is not OperationState.RUNNING:
            raise OperationEnded(operation=found.name.rpartition("/")[2], state=found.state)
        if context.validate_only:
            return Answer(found._replace(state=state, updated_at=unit.now, ended_at=unit.now), None)
        program = programs.get(found.program, context.caller)
        cancelled = _end(unit, found, program, state, context.origin, context.request.request_id, reason)
        return Answer(cancelled, str(cancelled.end_activity))


def begin(
    unit: Unit,
    program: Program,
    new: NewOperation,
    context: CommandContext,
    choose: Callable[[UUID], int],
    figures: Mapping[str, Any],
) -> Operation:
    """Records that it was asked for and begins it. `choose` writes its work list and answers how many accounts that
    are; `figures` are those of an operation that has done nothing."""
    identity, reason = new_uuid(), context.reason
    total = choose(identity)
    details = {
        **new.arguments,
        "accounts": total,
        "operation": queries.name(program.program_id, identity),
    }
    activity = record(
        unit,
        context.origin,
        new.subject,
        new.scope,
        program.now(unit.now),
        details=reason.added_to(details),
        request_id=context.request.request_id,
        note=reason.note,
    )
    unit.write()
    operation = _new(unit, program, new, context, total, figures)._replace(id=identity, activity=UUID(activity))
    OperationRow.insert(**{**operation._asdict(), "program": program.id}).execute()
    return operation


def rehearsed(
    unit: Unit,
    program: Program,
    new: NewOperation,
    context: CommandContext,
    accounts_total: int,
    figures: Mapping[str, Any],
) -> Operation:
    """One that has no name, because it was never begun, as it would end if all of it were done now."""
    operation = _new(unit, program, new, context, accounts_total, figures)
    return operation._replace(state=OperationState.SUCCEEDED, accounts_done=accounts_total, ended_at=unit.now)


def go_on(unit: Unit, operation: Operation, program: int, actor: str = ACTOR, queue: str = QUEUE) -> None:
    """Plans the task whose steps bring it to its end."""
    args = {"operation": str(operation.id), "kind": operation.kind}
    plan(unit, actor, queue, args, f"{ACTOR}:{operation.id}", program)


def lock(identity: UUID) -> tuple[Operation, Program]:
    """An operation, and its program as it was set when it was asked for; until the step ends that locks it, nobody
    takes another or cancels it."""
    row = OperationRow.select().where(OperationRow.id == identity).for_update().get()
    program = programs.from_row(ProgramRow.get(ProgramRow.id == row.program))
    if program.version != row.settings_version:
        key = (ProgramVersionRow.program == row.program) & (ProgramVersionRow.version == row.settings_version)
        settings = programs.SETTINGS.validate_python(ProgramVersionRow.get(key).settings)
        program = program._replace(version=row.settings_version, settings=settings)
    return queries.from_row(row, program), program


def advance(unit: Unit, operation: Operation, accounts_done: int, figures: Mapping[str, int]) -> Operation:
    """Notes what a step has done: accounts it got through, and what it changed in addition."""
    sums = {name: count + figures[name] for name, count in operation.figures.items()}
    new = operation._replace(accounts_done=operation.accounts_done + accounts_done, figures=sums, updated_at=unit.now)
    _save(new)
    return new


def replace(unit: Unit, operation: Operation, figures: Mapping[str, Any]) -> Operation:
    """Notes how far one is that goes through no accounts."""
    new = operation._replace(figures=dict(figures), updated_at=unit.now)
    _save(new)
    return new


def succeed(unit: Unit, operation: Operation, program: Program) -> Operation:
    """Ends one of whose accounts none is left."""
    return _end(unit, operation, program, OperationState.SUCCEEDED, by_worker(OPERATION_SUCCEEDED))


def fail(unit: Unit, identity: UUID, error: str) -> None:
    """Ends one that workers give up, unless it has ended. `error` is the name of a type, never a text."""
    operation, program = lock(identity)
    if operation.state is OperationState.RUNNING:
        failed = operation._replace(error=error)
        _end(unit, failed, program, OperationState.FAILED, by_worker(OPERATION_FAILED))


def _new(
    unit: Unit, program: Program, new: NewOperation, context: CommandContext, total: int, figures: Mapping[str, Any]
) -> Operation:
    origin, reason = context.origin, context.reason
    return Operation(
        REHEARSED, program.program_id, new.kind, new.subject, dict(new.arguments), program.version, origin.actor_type,
        origin.actor, origin.source, reason.code, reason.acting_user, OperationState.RUNNING, 0, total, dict(figures),
        None, unit.now, unit.now, None, None, None,
    )  # fmt: skip


def _end(
    unit: Unit,
    operation: Operation,
    program: Program,
    state: OperationState,
    origin: Origin,
    request_id: str = "",
    reason: Reason = NO_REASON,
) -> Operation:
    told = {
        "accounts_done": operation.accounts_done,
        "accounts_total": operation.accounts_total,
        "kind": operation.kind,
        "on": operation.subject,
        **operation.figures,
        **({"error": operation.error} if operation.error else {}),
    }
    # Where it was begun, it ends.
    customer = ActivityRow.select(ActivityRow.customer).where(ActivityRow.id == operation.activity).scalar()
    at, scope = program.now(unit.now), Scope(program.id, customer)
    details = reason.added_to(told)
    activity = record(
        unit,
        origin,
        operation.name,
        scope,
        at,
        details=details,
        request_id=request_id,
        note=reason.note,
        cause=operation.activity,
    )
    unit.write()
    ended = operation._replace(state=state, updated_at=unit.now, ended_at=unit.now, end_activity=UUID(activity))
    _save(ended)
    accounts.drop(unit.connection, operation.id)
    customers.drop(unit.connection, operation.id)
    return ended


def _save(operation: Operation) -> None:
    OperationRow.update(
        state=operation.state,
        accounts_done=operation.accounts_done,
        figures=operation.figures,
        error=operation.error,
        updated_at=operation.updated_at,
        ended_at=operation.ended_at,
        end_activity=operation.end_activity,
    ).where(OperationRow.id == operation.id).execute()
