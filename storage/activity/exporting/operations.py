"""Exports as operations: asked for by a call, written into a file by workers, page after page.

How far a file is stands in the books, in the transaction of the step that wrote it. What a worker that was killed wrote
beyond is cut off by the next.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from rules.access import Role, in_role
from rules.programs import time_zone
from storage.activity import positions, queries
from storage.activity.exporting import pieces
from storage.activity.exporting.csv import Csv
from storage.activity.exporting.fields import Reader
from storage.activity.exporting.ndjson import Ndjson
from storage.activity.exporting.pieces import Bound, Form, Read, Size
from storage.activity.filters import conditions
from storage.activity.look import Position, Search
from storage.engine.commands import CommandContext
from storage.engine.database import Connection
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.operations import commands as operations
from storage.operations.commands import NewOperation
from storage.operations.queries import Operation
from storage.operations.records import OperationKind, OperationState
from storage.programs import queries as programs
from storage.programs.queries import Program

# The actor that writes, and its queue: one of its own, for workers that have the folder.
ACTOR = "export"
QUEUE = "exports"

FORMS: Mapping[str, type[Csv] | type[Ndjson]] = {"CSV": Csv, "NDJSON": Ndjson}
# What an export has done that has done nothing.
NOTHING = {"rows": 0, "bytes": 0, "sha256": ""}
# Positions that one step gives: half a second.
POSITIONS_MAX = 50_000
# Entries of one step, some 60 ms, and how many it looks at where few match.
SIZE = Size(rows=1_000, looked=20_000, piece_bytes=1 << 30)


class ExportRequest(NamedTuple):
    """What was asked: the search, the form of the file, and for whom it is written."""

    search: Search
    form: str
    time_zone: str
    language: str
    sees_origin: bool


class StartExport(NamedTuple):
    """A file of what a search finds of a program, or of a customer of it. `filtered` are the fields by which it
    chooses: their values may be about a person, and stand in no record."""

    asked: ExportRequest
    filtered: tuple[str, ...]
    context: CommandContext

    @property
    def subject(self) -> str:
        """The resource name of whose log it is."""
        search = self.asked.search
        return f"programs/{search.program}" + (f"/customers/{search.customer}" if search.customer else "")

    def answers(self) -> type[Operation]:
        """The operation."""
        return Operation

    def decide(self, unit: Unit) -> Answer[Operation]:
        """Plans the task that writes what was recorded before now. Its first step fixes the set: what it finds then, it
        finds in all later steps.

        Raises ProgramNotFound, CustomerNotFound, TimeZoneUnknown.
        """
        search, caller = self.asked.search, self.context.caller
        scope = queries.scope(search.program, search.customer, caller)
        conditions(search.filters, caller)
        time_zone(self.asked.time_zone)
        program = programs.get(search.program, caller)
        arguments = {"format": self.asked.form, "filter": list(self.filtered)}
        new = NewOperation(OperationKind.EXPORT_ACTIVITIES, self.subject, scope, arguments)
        if self.context.validate_only:
            rehearsed = operations.rehearsed(unit, program, new, self.context, 0, NOTHING)
            return Answer(rehearsed._replace(state=OperationState.RUNNING, ended_at=None), None)
        begun = operations.begin(unit, program, new, self.context, lambda _: 0, NOTHING)
        unit.connection.execute(_BEGIN, (begun.id, msgspec.json.encode(self.asked).decode(), unit.now))
        operations.go_on(unit, begun, program.id, ACTOR, QUEUE)
        return Answer(begun, str(begun.activity))


class Export(NamedTuple):
    """An export that a step has locked, with how far its file is. `bound` is where it ends; None before the set is
    fixed."""

    operation: Operation
    program: Program
    asked: ExportRequest
    bound: Bound | None
    after: Position | None
    rows: int
    bytes: int

    @property
    def form(self) -> Form:
        """How its file is written."""
        asked = self.asked
        return FORMS[asked.form](Reader(time_zone(asked.time_zone), asked.language, asked.sees_origin, lambda _: ""))

    def anew(self) -> "Export":
        """The same from its beginning, where what was written of it is no more."""
        return self._replace(after=None, rows=0, bytes=0)

    def read(self, connection: Connection) -> Read:
        """What the next step writes, of a set that is fixed."""
        assert self.bound is not None
        reader = in_role(self.operation.actor, "", Role.AUDITOR, self.operation.program)
        return pieces.read(connection, self.asked.search, reader, self.bound, self.after, self.form, SIZE)


def file_name(operation: Operation) -> str:
    """What its file is called: nothing that a caller chose."""
    return f"{operation.name.rpartition('/')[2]}.{operation.arguments['format'].lower()}"


def take(unit: Unit, identity: UUID) -> tuple[Operation, Export | None]:
    """The operation, locked; and what is to be written of it, None where it has ended."""
    operation, program = operations.lock(identity)
    found = unit.connection.execute(_STATE, (identity,)).fetchone()
    assert found is not None
    asked, upto, before, at, last, rows, written = found
    if asked is None or operation.ended_at is not None:
        # Somebody ended it meanwhile.
        unit.connection.execute(_FORGET, (identity,))
        return operation, None
    after = Position(at, last) if at is not None else None
    bound = Bound(upto, before) if upto is not None else None
    return operation, Export(operation, program, msgspec.convert(asked, ExportRequest), bound, after, rows, written)


def is_fixed(unit: Unit, identity: UUID) -> bool:
    """Whether a worker that has the folder has had it: before, there is no file."""
    found = unit.connection.execute(_IS_FIXED, (identity,)).fetchone()
    return found is not None and bool(found[0])


def fix(unit: Unit, export: Export) -> None:
    """Fixes the set where all that was committed by now has a position; else a later step does."""
    look = positions.settle(unit.connection, POSITIONS_MAX)
    if not look.more:
        unit.connection.execute(_FIX, (look.newest, export.operation.id))


def advance(unit: Unit, export: Export, read: Read, written: int) -> Export:
    """Notes that a step wrote what it read: `written` bytes."""
    rows = export.rows + sum(piece.rows for piece in read.pieces)
    done = export._replace(after=read.following or export.after, rows=rows, bytes=export.bytes + written)
    at, last = done.after or (None, None)
    unit.connection.execute(_ADVANCE, (at, last, done.rows, done.bytes, export.operation.id))
    figures = {"rows": done.rows, "bytes": done.bytes, "sha256": ""}
    return done._replace(operation=operations.replace(unit, export.operation, figures))


def succeed(unit: Unit, export: Export, sha256: str) -> None:
    """Ends it: the file is whole, and this is its digest."""
    operation = export.operation
    figures: dict[str, Any] = {**operation.figures, "sha256": sha256}
    operations.succeed(unit, operation._replace(figures=figures), export.program)
    unit.connection.execute(_FORGET, (operation.id,))


def fail(unit: Unit, identity: UUID, error: str) -> None:
    """Ends one that workers give up, unless it has ended."""
    operations.fail(unit, identity, error)
    unit.connection.execute(_FORGET, (identity,))


_BEGIN = "INSERT INTO activity_export (operation, asked, before) VALUES (%s, %s, %s)"

_STATE = "SELECT asked, upto, before, after_at, after_id, rows, bytes FROM activity_export WHERE operation = %s"

_IS_FIXED = "SELECT upto IS NOT NULL FROM activity_export WHERE operation = %s"

_FIX = "UPDATE activity_export SET upto = %s WHERE operation = %s"

_ADVANCE = "UPDATE activity_export SET after_at = %s, after_id = %s, rows = %s, bytes = %s WHERE operation = %s"

_FORGET = "UPDATE activity_export SET asked = NULL WHERE operation = %s AND asked IS NOT NULL"
