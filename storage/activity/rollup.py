"""What is counted of the log ahead of any question: for each day (UTC) and each kind of entry the sums of the day, up
to the end of each of its 96 quarters of an hour. So a range of quarters is one subtraction, whatever the zone, and a
day of a program is as many rows as there were kinds of entries in it.

A follower (followers.py) fills it, seconds behind, from columns of the log only: whatever becomes of bodies, it can be
made anew and comes out the same. Beside the sums of each program stand those of all together, and beside those of each
kind those of all (ALL).
"""

from storage.activity import followers
from storage.engine.database import Connection

NAME = "rollup"
# In place of a program: all of them, and what is of none; in place of a kind: all. Both are numbered from 1.
ALL = 0
QUARTERS = 96
QUARTER_S = 900
# What a kind is made of: columns that `activity` has as well. `kind_event` is empty in records of before.
DIMENSIONS = ("action", "kind_event", "category", "type", "module", "source", "outcome", "actor_type")


def advance(connection: Connection, limit: int) -> int:
    """Counts up to `limit` activities more, in the caller's transaction; answers how many. Fewer: that was all."""
    return followers.advance(connection, NAME, _take, limit)


def reached(connection: Connection) -> int:
    """The position up to which activities are counted."""
    return followers.reached(connection, NAME)


def begin_anew(connection: Connection) -> None:
    """Forgets all sums, in the caller's transaction, and has the follower count the whole log once more. Until it has,
    whoever asks for more than a look goes through is told that not all was counted."""
    # In this order: a step in hand is waited for, and what it wrote is seen.
    followers.begin_anew(connection, NAME)
    connection.execute("DELETE FROM activity_rollup")
    connection.execute("DELETE FROM activity_kind")


def _take(connection: Connection, after: int, upto: int) -> None:
    connection.execute(_BY_ID)
    for statement in (_KINDS, _COUNTS):
        connection.execute(statement, (after, upto), prepare=False)


# However many rows the planner expects: each activity is found by its id.
_BY_ID = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true)
"""

_KIND = ", ".join(DIMENSIONS)

_NEXT = """
WITH next AS MATERIALIZED (
    SELECT activity FROM activity_place WHERE position > %s AND position <= %s
)
"""

# No ON CONFLICT: each row that is there would use up a number.
_KINDS = f"""
{_NEXT}
INSERT INTO activity_kind ({_KIND})
SELECT {_KIND} FROM next JOIN activity ON activity.id = next.activity EXCEPT SELECT {_KIND} FROM activity_kind
"""  # noqa: S608 - our own words

_SAME = " AND ".join(f"a.{name} IS NOT DISTINCT FROM k.{name}" for name in DIMENSIONS)
_OF_KIND = ", ".join(f"a.{name}" for name in DIMENSIONS)

# First few rows out of many, then for each of their quarters all that end no earlier.
_COUNTS = f"""
{_NEXT}, taken AS MATERIALIZED (
    SELECT a.program, (a.recorded_at AT TIME ZONE 'UTC')::date AS day, {_OF_KIND},
        (floor(extract(epoch FROM a.recorded_at) / {QUARTER_S})::bigint %% {QUARTERS})::int AS quarter,
        count(*) AS number
    FROM next JOIN activity a ON a.id = next.activity GROUP BY a.program, day, {_OF_KIND}, quarter
), counted AS (
    SELECT CASE grouping(a.program) WHEN 0 THEN a.program ELSE {ALL} END AS program, a.day,
        CASE grouping(k.id) WHEN 0 THEN k.id ELSE {ALL} END AS kind, a.quarter, sum(a.number) AS number
    FROM taken a JOIN activity_kind k ON {_SAME}
    GROUP BY a.day, a.quarter, CUBE (a.program, k.id)
), cumulated AS (
    SELECT program, day, kind, upto, coalesce(sum(number) FILTER (WHERE quarter <= upto), 0)::int AS count
    FROM counted CROSS JOIN generate_series(0, {QUARTERS - 1}) AS upto
    WHERE program IS NOT NULL GROUP BY program, day, kind, upto
)
INSERT INTO activity_rollup AS kept (program, day, kind, counts)
SELECT program, day, kind, array_agg(count ORDER BY upto) FROM cumulated GROUP BY program, day, kind
ON CONFLICT (program, day, kind) DO UPDATE SET counts = (
    SELECT array_agg(was + more ORDER BY quarter)
    FROM unnest(kept.counts, excluded.counts) WITH ORDINALITY AS sums (was, more, quarter)
)
"""  # noqa: S608 - our own words
