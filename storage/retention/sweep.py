"""The sweep: announces what it will drop, drops it batch by batch, and says when it is done.

    announce  a part of one program's log: what is due in it and not held is counted, and recorded before it goes
    drop      one batch of it, through the door of the database, which refuses whatever is not due, or held
    end       the part was looked at: it is recorded how much was dropped, and never looked at again

Each is a transaction, so it can be stopped anywhere; what is announced stands in the books, and is gone on with. A part
is looked at in the order of recording, a bounded number of activities at a time, whether they are due or not.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from rules.activity import RETENTION_ANNOUNCED, RETENTION_DROPPED, by_worker
from rules.retention import Cell, Effect, due_cells, still_due
from storage.activity import words
from storage.activity.commands import Scope, record
from storage.engine.database import Connection
from storage.engine.unit import Unit
from storage.retention.due import CELLS, HELD, IN_CELL, IS_HELD, Stand, asked_of, due, plain, stands

# Before every other.
_FIRST = UUID(int=0)


class Limits(NamedTuple):
    """Parts shorter than `every` are left for later. At most `announced` activities are looked at for one
    announcement, and `batch` in one transaction that drops."""

    every: timedelta
    announced: int
    batch: int


class _Sweep(NamedTuple):
    """What was announced. It is behind `at_time` and `at_id`."""

    activity: UUID
    cells: list[Cell]
    until: datetime
    dropped: int
    is_stale: bool
    at_time: datetime
    at_id: UUID


def step(unit: Unit, limits: Limits) -> bool:
    """Announces, drops a batch, or ends; says whether there was nothing to do."""
    unit.connection.execute(_BY_INDEX)
    found = unit.connection.execute(_OPEN).fetchone()
    if found is not None:
        activity, program = found
        _drop(unit, activity, program, limits.batch)
        return False
    for stand in stands(unit.connection):
        if due_cells(stand.given, stand.swept, unit.now, limits.every):
            _announce(unit, _locked(unit.connection, stand.program), limits.announced)
            return False
    return True


def days_changed(connection: Connection, program: int) -> None:
    """What a sweep has passed over may be due by now: the next one looks at the same part again. The caller has the
    program's row in hand."""
    connection.execute(_STALE, (program,))


def hold_lifted(connection: Connection, program: int) -> None:
    """What was passed over for the hold is looked at by the next sweep, with everything before. The caller has the
    program's row in hand."""
    days_changed(connection, program)
    connection.execute(_LOOK_AGAIN, (program,))


def parted(connection: Connection, program: int, customer: int) -> None:
    """The same for a customer that is about to be parted from another, where a hold of that one held it too."""
    [(is_held,)] = connection.execute(_IS_HELD_CUSTOMER, (customer,))
    if is_held:
        connection.execute("SELECT FROM program WHERE id = %s FOR NO KEY UPDATE", (program,))
        hold_lifted(connection, program)


def _locked(connection: Connection, program: int) -> Stand:
    """A program as it stands. Whoever changes the days, or places or lifts a hold, has its row first: what they did is
    seen from here on, and what is done here by them."""
    connection.execute("SELECT FROM program WHERE id = %s FOR SHARE", (program,))
    [stand] = stands(connection, program)
    return stand


def _announce(unit: Unit, stand: Stand, looked_max: int) -> None:
    connection, cells = unit.connection, due_cells(stand.given, stand.swept, unit.now)
    if not cells:
        return
    since, until = min(cell.since for cell in cells), max(cell.until for cell in cells)
    whose, asked = asked_of(stand.program, cells)
    asked["looked"] = looked_max
    end = connection.execute(_END.format(whose=whose).encode(), asked, prepare=False).fetchone()
    if end is not None and end[0] > since:
        (until,) = end
    cells = [cell._replace(until=min(cell.until, until)) for cell in cells if cell.since < until]
    found = [(one.cell, one.number - one.held) for one in due(connection, stand.program, cells)]
    count = sum(number for _, number in found)
    if not count:
        _swept(connection, stand.program, cells)
        return
    activity = record(
        unit,
        by_worker(RETENTION_ANNOUNCED),
        stand.subject,
        Scope(stand.program or None),
        details={
            "since": since.isoformat(),
            "until": until.isoformat(),
            "count": count,
            "rules": [
                {"category": cell.category, "effect": cell.effect, "days": cell.days, "count": number}
                for cell, number in found
                if number
            ],
        },
    )
    unit.write()
    values = {"activity": activity, "program": stand.program, "cells": Jsonb(plain(cells)), "since": since}
    values |= {"until": until, "announced": count, "at_time": since, "at_id": _FIRST}
    connection.execute(_BEGIN, values)


def _drop(unit: Unit, activity: UUID, program: int, batch: int) -> None:
    connection, stand = unit.connection, _locked(unit.connection, program)
    sweep = _sweep(connection.execute(_SWEEP, (activity,)).fetchone())
    whose, asked = asked_of(program, still_due(sweep.cells, stand.given, unit.now))
    values = {**asked, "until": sweep.until, "at_time": sweep.at_time, "at_id": sweep.at_id, "batch": batch}
    found = connection.execute(_BATCH.format(whose=whose).encode(), values, prepare=False).fetchone()
    assert found is not None
    looked, at_time, at_id, ids = found
    dropped = 0
    if ids:
        words.forget(connection, ids)
        [(dropped,)] = connection.execute("SELECT drop_bodies(%s, %s::uuid[])", (sweep.activity, ids))
    if looked == batch:
        connection.execute(_GO_ON, (at_time, at_id, dropped, sweep.activity))
        return
    connection.execute(_END_SWEEP, (dropped, sweep.activity))
    if not sweep.is_stale:
        _swept(connection, program, sweep.cells)
    scope, details = Scope(program or None), {"count": sweep.dropped + dropped}
    record(unit, by_worker(RETENTION_DROPPED), stand.subject, scope, details=details, cause=sweep.activity)


def _swept(connection: Connection, program: int, cells: Sequence[Cell]) -> None:
    for cell in cells:
        connection.execute(_SWEPT, (program, cell.category, cell.effect, cell.until))


def _sweep(row: Any) -> _Sweep:
    activity, cells, *rest = row
    return _Sweep(activity, [_cell(**cell) for cell in cells], *rest)


def _cell(category: str, effect: str, days: int, since: str, until: str) -> Cell:
    return Cell(category, Effect(effect), days, datetime.fromisoformat(since), datetime.fromisoformat(until))


# Whatever the planner expects: the log is looked at in the order of an index, a part at a time.
_BY_INDEX = "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"

_OPEN = "SELECT activity, program FROM retention_sweep WHERE ended_at IS NULL ORDER BY activity LIMIT 1"

_SWEEP = """
SELECT activity, cells, until, dropped, is_stale, at_time, at_id FROM retention_sweep
WHERE activity = %s FOR UPDATE
"""

# The first column too: that it is empty everywhere, the planner does not see.
_IN_ORDER = "ORDER BY a.program, a.recorded_at, a.id"

_END = f"""
SELECT a.recorded_at FROM activity AS a
WHERE {{whose}} AND a.recorded_at >= %(since)s AND a.recorded_at < %(until)s {_IN_ORDER} OFFSET %(looked)s LIMIT 1
"""  # noqa: S608

_BEGIN = """
INSERT INTO retention_sweep (activity, program, cells, since, until, announced, at_time, at_id)
VALUES (%(activity)s, %(program)s, %(cells)s, %(since)s, %(until)s, %(announced)s, %(at_time)s, %(at_id)s)
"""

_BATCH = f"""
{HELD}, looked AS MATERIALIZED (
    SELECT a.id, a.recorded_at, a.category, a.type, a.outcome, a.action, a.customer, a.body IS NOT NULL AS has_body
    FROM activity AS a
    WHERE {{whose}} AND (a.recorded_at, a.id) > (%(at_time)s, %(at_id)s) AND a.recorded_at < %(until)s
    {_IN_ORDER} LIMIT %(batch)s
), last AS (
    SELECT recorded_at, id FROM looked ORDER BY recorded_at DESC, id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM looked), (SELECT recorded_at FROM last), (SELECT id FROM last), array(
    SELECT a.id FROM looked AS a JOIN {CELLS} ON {IN_CELL} WHERE a.has_body AND NOT {IS_HELD}
)
"""  # noqa: S608

_GO_ON = "UPDATE retention_sweep SET at_time = %s, at_id = %s, dropped = dropped + %s WHERE activity = %s"

_END_SWEEP = "UPDATE retention_sweep SET ended_at = now(), dropped = dropped + %s WHERE activity = %s"

_SWEPT = """
INSERT INTO retention_swept (program, category, effect, until) VALUES (%s, %s, %s, %s)
ON CONFLICT (program, category, effect) DO UPDATE SET until = greatest(retention_swept.until, excluded.until)
"""

_STALE = "UPDATE retention_sweep SET is_stale = true WHERE program = %s AND ended_at IS NULL"

_IS_HELD_CUSTOMER = "SELECT %s IN (SELECT held_customers())"

_LOOK_AGAIN = "DELETE FROM retention_swept WHERE program = %s"
