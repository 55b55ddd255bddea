"""The rules of a program, as they stand, and how they change: each change is a version of all of them."""

from typing import Any, NamedTuple

from rules.approvals.matching import Rule
from storage.approvals.records import RuleRow
from storage.engine.database import Connection
from storage.engine.unit import Unit
from storage.programs.records import ProgramRow

# Of what is in no program.
OUTSIDE = 0


class Ruling(NamedTuple):
    """The rules of a program, by their internal ids, in the version against which acts are checked."""

    version: int
    rules: dict[int, Rule]


NOTHING = Ruling(0, {})


def scope_of(program: str) -> int | None:
    """The internal id of a program, by its public one, or OUTSIDE where that is empty; None where there is none."""
    if not program:
        return OUTSIDE
    found = ProgramRow.get_or_none(ProgramRow.program_id == program)
    return int(found.id) if found is not None else None


def ruling(connection: Connection, program: str, for_share: bool = False) -> Ruling:
    """The rules of a program, by its public id (empty: of what is in none); `for_share` keeps them as they are."""
    scope = scope_of(program)
    found = connection.execute(f"{_VERSION} FOR SHARE" if for_share else _VERSION, (scope,)).fetchone()
    if found is None:
        return NOTHING
    return Ruling(found[0], {row.id: rule_of(row) for row in live(scope)})


def live(scope: int | None) -> Any:
    """The rows of the rules of a scope, ordered by id."""
    of = RuleRow.program.is_null() if scope == OUTSIDE else RuleRow.program == scope
    return RuleRow.select().where(of & RuleRow.deleted_at.is_null()).order_by(RuleRow.rule_id)


def rule_of(row: Any) -> Rule:
    """A rule out of its row."""
    fields = {name: getattr(row, name) for name in Rule._fields}
    return Rule(**{**fields, "methods": tuple(row.methods), "paths": tuple(row.paths)})


def take(unit: Unit, scope: int) -> None:
    """Keeps everybody else from changing the rules of a scope, and makes their next version."""
    unit.connection.execute(_TAKE, (scope,))


def give(unit: Unit, scope: int) -> None:
    """Puts in force what the rules of a scope, which is taken, have become: for each act that begins from then on."""
    unit.connection.execute(_GIVE, {"scope": scope})


_VERSION = "SELECT version FROM approval_stand WHERE scope = %s"

_TAKE = """
INSERT INTO approval_stand (scope, version, methods) VALUES (%s, 1, '[]')
ON CONFLICT (scope) DO UPDATE SET version = approval_stand.version + 1
"""

_GIVE = """
UPDATE approval_stand SET methods = coalesce((
    SELECT jsonb_agg(DISTINCT method) FROM approval_rule, jsonb_array_elements_text(methods) AS method
    WHERE coalesce(program, 0) = %(scope)s AND deleted_at IS NULL
), '[]')
WHERE scope = %(scope)s
"""
