"""Gives every committed activity a position: 1, 2, 3 … without a gap. Who has read up to one has missed nothing.

Neither ids nor instants can be such positions: what began first may commit last, and would appear behind a reader's
back. So positions are given afterwards, to what is committed. Each activity carries the number of the transaction that
wrote it; the state keeps the snapshot of the last step, and a step gives one to what is visible now and was not visible
in that snapshot. What commits late is visible late, and comes late: nothing is lost, and nobody waits for it.

Of one customer, positions have the order of the acts. A row lock lets an act see those before it, so a snapshot that
sees the later sees the earlier; within a step they are ordered by `recorded_at`, which is read behind that lock, and
by id, which grows within a transaction.

The tables are older than the word: `activity_place` has the positions, `activity_placed` the state.
"""

from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import psycopg

from storage.activity.filters import ALL, Conditions
from storage.activity.queries import Activity, from_rows
from storage.engine.database import ANSWER_SPARE_S, Connection, patient
from storage.engine.functions import Functions
from storage.engine.session import forget

# The longest look through the whole log, after a dump was restored: a hundred million activities take minutes.
WHOLE_LOOK_MS = 600_000
# Whoever keeps the table for longer is a vacuum, and summarizes by itself.
TEND_LOCK_MS = 50

FUNCTIONS = Functions(Path(__file__).with_name("tend.sql"))


class Positioned(NamedTuple):
    """An activity and its position."""

    position: int
    activity: Activity


class Look(NamedTuple):
    """What a look for new activities found: the newest position, and whether there are more to be given."""

    newest: int
    more: bool


class _State(NamedTuple):
    """Where the last step stopped. `oldest` is the first transaction that its snapshot did not surely see, or None
    where the log must be looked through as a whole: numbers of another system's transactions mean nothing here."""

    position: int
    snapshot: str
    oldest: int | None


def assign(connection: Connection, limit: int) -> int:
    """Gives positions to up to `limit` activities, in the caller's transaction; answers to how many. Fewer: there were
    no more.

    The caller's transaction may do little else. It may write no activities: they would get theirs before they are
    committed. It may not be committed asynchronously: a position that somebody has read must never be another's. Where
    somebody else is giving them, this gives none and does not wait.
    """
    state = _state(connection, _STATE)
    if state is None:
        connection.execute(_BEGIN)
    elif state.oldest is not None:
        # Most looks find nothing. They take no lock and write nothing.
        connection.execute(_BY_INDEX)
        [(found,)] = connection.execute(_ANY, state._asdict(), prepare=False)
        if not found:
            return 0
    state = _state(connection, _STATE + " FOR UPDATE SKIP LOCKED")
    if state is None:
        return 0
    if state.oldest is None:
        connection.execute(_AS_A_WHOLE, (str(WHOLE_LOOK_MS),))
    # A statement after the lock, not with it: its snapshot must see what the step before has done.
    step = _STEP_OF_WHOLE if state.oldest is None else _STEP
    with patient(connection, WHOLE_LOOK_MS / 1000 + ANSWER_SPARE_S):
        [(assigned,)] = connection.execute(step, {**state._asdict(), "limit": limit}, prepare=False)
    return int(assigned)


def look(connection: Connection, limit: int) -> Look:
    """Gives positions as `assign` does, for somebody who is about to read."""
    assigned = assign(connection, limit)
    return Look(newest(connection), assigned == limit)


def settle(connection: Connection, limit: int) -> Look:
    """The same behind whoever is giving some: where it finds no more, all that was committed before has a position.
    Raises Busy."""
    connection.execute("SELECT FROM activity_placed FOR UPDATE")
    return look(connection, limit)


def newest(connection: Connection) -> int:
    """The last position that was given, 0 where none was. All up to it can be read by whoever asks after this."""
    state = _state(connection, _STATE)
    return state.position if state is not None else 0


def unpositioned(connection: Connection, limit: int) -> list[UUID] | None:
    """Up to `limit` activities that have no position yet; None where only a look through the whole log would tell."""
    state = _state(connection, _STATE)
    if state is None or state.oldest is None:
        return None
    connection.execute(_BY_INDEX)
    found = connection.execute(_UNPOSITIONED_NOW, {**state._asdict(), "limit": limit}, prepare=False)
    return [activity for (activity,) in found]


class Following(NamedTuple):
    """What comes after a position: those that match, how far that was looked, and whether there may be more."""

    found: list[Positioned]
    reached: int
    more: bool


def all_given(connection: Connection) -> bool:
    """Whether everything that is committed has its position."""
    state = _state(connection, _STATE)
    if state is None or state.oldest is None:
        return False
    connection.execute(_BY_INDEX)
    [(lacks,)] = connection.execute(_ANY, state._asdict(), prepare=False)
    return not lacks


def after(
    connection: Connection,
    program: int | None,
    customer: int | None,
    position: int,
    size: int,
    wanted: Conditions = ALL,
) -> Following:
    """What is wanted of the next `size` activities after `position`, in their order: of a program, of a customer, or of
    all."""
    asked = {name: one for name, one in (("program", program), ("customer", customer)) if one is not None}
    matching = [*wanted.between, *wanted.matching]
    query = _AFTER.format(
        whose="".join(f" AND {name} = %s" for name in asked), told="".join(f" AND {sql}" for sql, _ in matching)
    )
    values = [position, *asked.values(), size, *(value for _, values in matching for value in values)]
    rows = connection.execute(query, values).fetchall()
    matched = [row for row in rows if row[1] is not None]
    activities = from_rows([row[1:] for row in matched])
    found = [Positioned(row[0], activity) for row, activity in zip(matched, activities, strict=True)]
    return Following(found, rows[-1][0] if rows else position, len(rows) == size)


def tend(connection: Connection) -> None:
    """Keeps looks for new activities short, in the caller's transaction. Without it they are slower, never wrong.

    Pages that are not yet summarized are read by every look, and a vacuum that does it comes by seldom.
    """
    connection.execute(_BRIEFLY, (str(TEND_LOCK_MS),))
    try:
        with connection.transaction():
            connection.execute(_SUMMARIZE)
    except psycopg.errors.LockNotAvailable:
        # A vacuum has the table. It summarizes too, and is not to be disturbed.
        forget(connection)


def _state(connection: Connection, query: str) -> _State | None:
    found = connection.execute(query).fetchone()
    return _State(*found) if found is not None else None


_HERE = "(SELECT system_identifier::text FROM pg_control_system())"

# Only where the system is the same is the snapshot looked into.
_STATE = f"""
SELECT position, snapshot, CASE WHEN system = {_HERE} THEN pg_snapshot_xmin(snapshot::pg_snapshot)::text::bigint END
FROM activity_placed
"""  # noqa: S608 - our own words

# Nothing is known yet: "" is no system.
_BEGIN = """
INSERT INTO activity_placed (position, snapshot, system) SELECT coalesce(max(position), 0), '', '' FROM activity_place
ON CONFLICT DO NOTHING
"""

# Where the tables were not analyzed of late, a guess would have them read as a whole, every time: leave the planner
# nothing but the two indexes that are meant.
_BY_INDEX = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""

# Also where the connection was told to look for a few rows only.
_AS_A_WHOLE = """
SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true),
    set_config('enable_mergejoin', 'on', true), set_config('statement_timeout', %s, true)
"""

_BRIEFLY = "SELECT set_config('lock_timeout', %s, true)"

_SUMMARIZE = f"SELECT {FUNCTIONS['summarize_activity']}()"

_UNPOSITIONED = "NOT EXISTS (SELECT FROM activity_place p WHERE p.activity = a.id)"

# Of those that are visible, the upper bound leaves out only numbers that another system gave, before a dump of it was
# restored here. Within the bounds there can be some too; they have their positions, like the first part of a step
# that was cut at its limit.
_UNSEEN = f"""
a.written_by >= %(oldest)s AND a.written_by < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
AND NOT pg_visible_in_snapshot(a.written_by::text::xid8, %(snapshot)s::pg_snapshot) AND {_UNPOSITIONED}
"""

_UNPOSITIONED_NOW = f"SELECT a.id FROM activity a WHERE {_UNSEEN} LIMIT %(limit)s"  # noqa: S608 - our own words

_ANY = f"SELECT EXISTS (SELECT FROM activity a WHERE {_UNSEEN})"  # noqa: S608 - our own words

# The snapshot that is kept is the one that chose the rows: all parts of a statement have the same. A step that was
# cut keeps the old one: the rest is still unseen. One row more than it may number tells whether it is cut: a step that
# only thought so would have every look go through all of it again, until something else is written.
_STEPS = """
WITH chosen AS (
    SELECT id, program, customer, row_number() OVER (ORDER BY recorded_at, id) AS number
    FROM activity a WHERE {which} ORDER BY recorded_at, id LIMIT %(limit)s + 1
), numbered AS (
    INSERT INTO activity_place (position, activity, program, customer)
    SELECT %(position)s + number, id, program, customer FROM chosen WHERE number <= %(limit)s
), step AS (
    SELECT least(count(*), %(limit)s) AS size, count(*) <= %(limit)s AS whole FROM chosen
)
UPDATE activity_placed SET position = position + step.size,
    snapshot = CASE WHEN step.whole THEN pg_current_snapshot()::text ELSE snapshot END,
    system = CASE WHEN step.whole THEN {here} ELSE system END
FROM step RETURNING step.size
"""
_STEP = _STEPS.format(which=_UNSEEN, here=_HERE)
_STEP_OF_WHOLE = _STEPS.format(which=_UNPOSITIONED, here=_HERE)

# The positions first: however many rows the planner expects, it then finds each activity by its id.
_AFTER = """
WITH next AS MATERIALIZED (
    SELECT position, activity FROM activity_place WHERE position > %s{whose} ORDER BY position LIMIT %s
)
SELECT next.position, a.id, a.body, a.occurred_at, a.recorded_at
FROM next LEFT JOIN activity a ON a.id = next.activity{told} ORDER BY next.position
"""
