"""Reads operations."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.access import ActorType, Caller
from rules.activity import Kind, Origin
from rules.refusals import OperationNotFound
from storage.engine.commands import Reason
from storage.engine.ids import parse_typeid, typeid
from storage.operations.records import OperationKind, OperationRow, OperationState
from storage.programs import queries as programs
from storage.programs.queries import Program

# In place of the id of an operation that was only rehearsed.
REHEARSED = UUID(int=0)


class Operation(NamedTuple):
    """An operation as it stands. `id` is internal, `program` the public id of its program.

    It goes through `accounts_total` accounts; `figures` are what it has done so far, counted. `arguments` are what was
    asked, `settings_version` the settings that it follows. `error` is the type of what made workers give it up.
    """

    id: UUID
    program: str
    kind: OperationKind
    subject: str
    arguments: dict[str, Any]
    settings_version: int
    actor_type: ActorType
    actor: str
    source: str
    reason_code: str
    acting_user: str
    state: OperationState
    accounts_done: int
    accounts_total: int
    figures: dict[str, Any]
    error: str | None
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    activity: UUID | None
    end_activity: UUID | None

    @property
    def name(self) -> str:
        """Its resource name; empty where it was only rehearsed."""
        return name(self.program, self.id) if self.id != REHEARSED else ""

    def does(self, kind: Kind) -> Origin:
        """The origin of what it does: whoever asked for it did that."""
        return Origin(self.actor_type, self.actor, self.source, kind)

    @property
    def reason(self) -> Reason:
        """Why it was asked for and for whom; the note stands with the record of that."""
        return Reason(self.reason_code, acting_user=self.acting_user)


class OperationCursor(NamedTuple):
    """Where an operation stands in its list: what to ask the next page with."""

    created_at: datetime
    id: UUID


def get(name: str, caller: Caller, for_update: bool = False) -> Operation:
    """The operation of that resource name. Raises ProgramNotFound, OperationNotFound."""
    _, program_id, _, operation_id = name.split("/")
    program = programs.get(program_id, caller)
    found = parse_typeid("operation", operation_id)
    query = OperationRow.select().where((OperationRow.id == found) & (OperationRow.program == program.id))
    row = (query.for_update() if for_update else query).first() if found is not None else None
    if row is None:
        raise OperationNotFound(program=program_id)
    return from_row(row, program)


def page(program_id: str, caller: Caller, state: str, after: OperationCursor | None, size: int) -> list[Operation]:
    """Up to `size` operations in a state (empty: in any), newest first, from the first after `after`.

    Raises ProgramNotFound.
    """
    program = programs.get(program_id, caller)
    query = OperationRow.select().where(OperationRow.program == program.id)
    if state:
        query = query.where(OperationRow.state == state)
    if after is not None:
        created_at, identity = OperationRow.created_at, OperationRow.id
        query = query.where(
            (created_at < after.created_at) | ((created_at == after.created_at) & (identity < after.id))
        )
    ordered = query.order_by(OperationRow.created_at.desc(), OperationRow.id.desc())
    return [from_row(row, program) for row in ordered.limit(size)]


def from_row(row: Any, program: Program) -> Operation:
    """An operation out of its row."""
    fields = {name: getattr(row, name) for name in Operation._fields}
    kind, state, actor_type = OperationKind(row.kind), OperationState(row.state), ActorType(row.actor_type)
    return Operation(
        **{**fields, "program": program.program_id, "kind": kind, "state": state, "actor_type": actor_type}
    )


def name(program_id: str, identity: UUID) -> str:
    """The resource name of an operation."""
    return f"programs/{program_id}/operations/{typeid('operation', identity.int)}"
