"""Server processes tell each other, through the database, what they counted: attempts that failed, and calls."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from msgspec import json

from storage.engine.database import Connection
from storage.engine.session import Session, Statement

# No window is longer (server/limits.py), and two of them count: what began before is of no use to anybody, also where
# clocks of servers differ.
WINDOW_MAX_S = 3_600
KEPT = timedelta(seconds=3 * WINDOW_MAX_S)


class Counted(NamedTuple):
    """What a process adds to a window of a key, maybe nothing. `closed_by` is its own number, where it found that the
    limit is reached. `key` is hexadecimal, `window_at` in seconds since 1970."""

    key: str
    window_at: int
    times: int
    closed_by: int | None = None


class Total(NamedTuple):
    """What all processes have told of a window, and which of them was the first to find the limit reached."""

    times: int = 0
    closed_by: int | None = None


async def exchange(session: Session, told: Sequence[Counted]) -> list[Total]:
    """Adds what was counted and answers the totals, in their order. No window of a key may be among them twice."""
    rows = json.decode(await session.run(_EXCHANGE, [json.encode(told)]))
    found = {(key, window_at): Total(times, closed_by) for key, window_at, times, closed_by in rows}
    return [found.get((one.key, one.window_at), Total()) for one in told]


def prune(connection: Connection, limit: int) -> int:
    """Removes up to `limit` rows of windows that count no more; answers how many."""
    return connection.execute(_PRUNE, (KEPT, limit)).rowcount


# In the order of their keys: two processes that add to the same ones do not wait for each other in a circle. What adds
# nothing is only read; what another adds meanwhile is read the next time.
_EXCHANGE = Statement(
    """
WITH told AS MATERIALIZED (
    SELECT decode(w ->> 0, 'hex') AS key, to_timestamp((w ->> 1)::bigint) AS window_at,
           (w ->> 2)::integer AS failures, (w ->> 3)::bigint AS closed_by
    FROM json_array_elements($1) AS w
), added AS (
    INSERT INTO attempt AS a (key, window_at, failures, closed_by)
    SELECT key, window_at, failures, closed_by FROM told WHERE failures > 0 OR closed_by IS NOT NULL
    ORDER BY key, window_at
    ON CONFLICT (key, window_at) DO UPDATE
    SET failures = a.failures + excluded.failures, closed_by = coalesce(a.closed_by, excluded.closed_by)
    RETURNING a.key, a.window_at, a.failures, a.closed_by
), read AS (
    SELECT a.key, a.window_at, a.failures, a.closed_by FROM told AS t
    CROSS JOIN LATERAL (SELECT * FROM attempt WHERE key = t.key AND window_at = t.window_at OFFSET 0) AS a
    WHERE t.failures = 0 AND t.closed_by IS NULL
)
SELECT coalesce(json_agg(json_build_array(
    encode(key, 'hex'), extract(epoch FROM window_at)::bigint, failures, closed_by
)), '[]')
FROM (SELECT * FROM added UNION ALL SELECT * FROM read) AS known
""",
    ["json"],
)

_PRUNE = """
DELETE FROM attempt WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM attempt WHERE window_at < now() - %s::interval LIMIT %s FOR UPDATE SKIP LOCKED
))
"""
