"""Who holds which role where: assigned, ended, and read."""

from typing import Any, NamedTuple
from uuid import UUID

from rules.refusals import ProgramNotFound
from storage.access.records import AssignmentRow, NetworkRow, PartnerRow
from storage.engine.ids import new_uuid
from storage.engine.unit import Unit
from storage.programs.records import ProgramRow


class AssignedScope(NamedTuple):
    """Where a role holds, as it is kept: the kind, and the internal id of what it is; None for all."""

    kind: str
    id: int | None = None


EVERYWHERE = AssignedScope("ALL")


def of_program(program_id: str) -> AssignedScope:
    """The scope of one program, by its public id; empty: of all. Raises ProgramNotFound."""
    if not program_id:
        return EVERYWHERE
    found = ProgramRow.get_or_none(ProgramRow.program_id == program_id)
    if found is None:
        raise ProgramNotFound(program=program_id)
    return AssignedScope("PROGRAM", int(found.id))


def find_scope(name: str) -> AssignedScope | None:
    """The scope of a resource name: empty, `networks/…`, `partners/…` or `programs/…`; None where there is none."""
    if not name:
        return EVERYWHERE
    collection, _, identity = name.partition("/")
    kind, row, column = _SCOPES[collection]
    found: Any = row.get_or_none(column == identity)
    if found is None or getattr(found, "deleted_at", None) is not None:
        return None
    return AssignedScope(kind, int(found.id))


def assign(unit: Unit, holder: str, role: str, scope: AssignedScope, activity: str) -> UUID:
    """Gives a role, of which the activity, which is written already, tells. Answers the assignment's id."""
    identity = new_uuid()
    AssignmentRow.insert(
        id=identity,
        holder=holder,
        role=role,
        scope_kind=scope.kind,
        scope=scope.id,
        from_at=unit.now,
        activity=activity,
    ).execute()
    return identity


def end(unit: Unit, assignment: UUID, activity: str) -> None:
    """Ends one, of which the activity, which is written already, tells."""
    AssignmentRow.update(until_at=unit.now, end_activity=activity).where(AssignmentRow.id == assignment).execute()


def held(holder: str) -> list[tuple[str, AssignedScope]]:
    """What a holder has now: roles, and where."""
    rows = AssignmentRow.select().where((AssignmentRow.holder == holder) & AssignmentRow.until_at.is_null())
    return [(row.role, AssignedScope(row.scope_kind, row.scope)) for row in rows.order_by(AssignmentRow.from_at)]


_SCOPES = {
    "networks": ("NETWORK", NetworkRow, NetworkRow.network_id),
    "partners": ("PARTNER", PartnerRow, PartnerRow.partner_id),
    "programs": ("PROGRAM", ProgramRow, ProgramRow.program_id),
}
