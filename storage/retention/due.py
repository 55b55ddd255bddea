"""What of the log is due: by program, and by what is kept alike."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from rules.retention import BEGINNING, Cell, Effect, Kept, due_cells
from storage.engine.database import Connection, patient


class Stand(NamedTuple):
    """What a program (public id, empty: none) gave of days, and up to when it was swept."""

    program: int
    program_id: str
    given: Mapping[Kept, int]
    swept: Mapping[Kept, datetime]

    @property
    def subject(self) -> str:
        """The resource name of what says how long things are kept."""
        return f"programs/{self.program_id}/retention" if self.program_id else "retention"


class Due(NamedTuple):
    """How much of a cell is due and not dropped, and how much of that is held."""

    cell: Cell
    number: int
    held: int


class Planned(NamedTuple):
    """Of a program (public id, empty: of none), what is kept alike for so many days: how much of it is due and was not
    looked at yet, and how much of that is held, and will be passed over."""

    program: str
    category: str
    effect: Effect
    days: int
    due: int
    held: int


def plan(connection: Connection, program: int | None = None) -> list[Planned]:
    """What a sweep would drop now of one program, by internal id, or of all and of what is in none.

    What is kept for ever is not among it. Takes as long as the first sweep's look at the log: some ten
    seconds for ten million activities.
    """
    with connection.transaction(), patient(connection):
        connection.execute("SELECT set_config('statement_timeout', '0', true)")
        [(now,)] = connection.execute("SELECT now()")
        return [
            Planned(stand.program_id, one.cell.category, one.cell.effect, one.cell.days, one.number, one.held)
            for stand in stands(connection, program)
            for one in due(connection, stand.program, due_cells(stand.given, stand.swept, now))
        ]


def stands(connection: Connection, program: int | None = None) -> list[Stand]:
    """Of one program, by internal id, or of all and of what is in none."""
    return [
        Stand(
            program,
            program_id,
            {Kept(category, Effect(effect)): days for category, effect, days in rules},
            {Kept(category, Effect(effect)): datetime.fromisoformat(until) for category, effect, until in swept},
        )
        for program, program_id, rules, swept in connection.execute(_STANDS, {"program": program})
    ]


def due(connection: Connection, program: int, cells: Sequence[Cell]) -> list[Due]:
    """How much of each cell is due."""
    whose, asked = asked_of(program, cells)
    rows = connection.execute(_DUE.format(whose=whose).encode(), asked, prepare=False)
    counted = {(category, effect): figures for category, effect, *figures in rows}
    return [Due(cell, *counted.get((cell.category, cell.effect), (0, 0))) for cell in cells]


def asked_of(program: int, cells: Sequence[Cell]) -> tuple[str, dict[str, Any]]:
    """Whose the activities are, in a form that the index of programs is asked by, and the values of a question."""
    asked: dict[str, Any] = {"program": program, "cells": Jsonb(plain(cells))}
    asked["since"] = min((cell.since for cell in cells), default=BEGINNING)
    asked["until"] = max((cell.until for cell in cells), default=BEGINNING)
    return ("a.program = %(program)s" if program else "a.program IS NULL"), asked


def plain(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Cells as JSON."""
    return [{**cell._asdict(), "since": cell.since.isoformat(), "until": cell.until.isoformat()} for cell in cells]


_STANDS = """
SELECT p.id, p.program_id,
    (SELECT coalesce(json_agg(json_build_array(category, effect, days)), '[]') FROM retention_rule
     WHERE program = p.id),
    (SELECT coalesce(json_agg(json_build_array(category, effect, until)), '[]') FROM retention_swept
     WHERE program = p.id)
FROM (SELECT id, program_id FROM program UNION ALL SELECT 0, '') AS p
WHERE %(program)s::integer IS NULL OR p.id = %(program)s ORDER BY p.id
"""

# What of a row is due by a cell. The cells of one program do not overlap.
CELLS = "jsonb_to_recordset(%(cells)s) AS c (category text, effect text, since timestamptz, until timestamptz)"
IN_CELL = """
c.category = a.category AND c.effect = activity_effect(a.type, a.outcome)
AND a.recorded_at >= c.since AND a.recorded_at < c.until AND NOT is_kept_for_ever(a.action, a.outcome)
"""
HELD = "WITH held AS MATERIALIZED (SELECT held_customers() AS customer)"
IS_HELD = """
(is_program_held(%(program)s::integer) OR coalesce(a.customer IN (SELECT customer FROM held), false))
"""

_DUE = f"""
{HELD}
SELECT c.category, c.effect, count(*), count(*) FILTER (WHERE {IS_HELD})
FROM activity AS a JOIN {CELLS} ON {IN_CELL}
WHERE {{whose}} AND a.recorded_at >= %(since)s AND a.recorded_at < %(until)s AND a.body IS NOT NULL
GROUP BY c.category, c.effect
"""  # noqa: S608 - our own words
