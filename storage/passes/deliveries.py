"""How updates arrive: what phones asked for, what they fetched, and what they say went wrong. Written behind the
answers, in groups: no phone waits for it, and where it cannot be written nothing else is wrong.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import json

from storage.engine.database import Connection
from storage.engine.session import Session, Statement

# Of what phones reported, and of updates of one pass to one phone, no more is shown to anybody.
REPORTS_KEPT = "30 days"
DELIVERIES_KEPT = 20


class Listed(NamedTuple):
    """A phone was told that these passes have changed, up to the revision that it was given as its tag."""

    library_hash: bytes
    cards: tuple[UUID, ...]
    revision: int
    at: datetime


class Fetched(NamedTuple):
    """Some phone has a pass as of that revision: it was sent it, or told that it has it."""

    card: UUID
    revision: int
    at: datetime


class Reported(NamedTuple):
    """A line that some phone, or whoever imitates one, wrote for us to read; of a pass, where it names one."""

    card: UUID | None
    line: str
    at: datetime


Note = Listed | Fetched | Reported


async def write_down(session: Session, notes: Sequence[Note]) -> list[None]:
    """Writes them, each kind in a statement. What was listed comes first: by that it is known who fetches."""
    listed = [
        {"hash": one.library_hash.hex(), "passes": one.cards, "revision": one.revision, "at": one.at}
        for one in notes
        if isinstance(one, Listed)
    ]
    fetched = [{"pass": one.card, "revision": one.revision, "at": one.at} for one in notes if isinstance(one, Fetched)]
    reported = [{"pass": one.card, "line": one.line, "at": one.at} for one in notes if isinstance(one, Reported)]
    for statement, rows in ((_LISTED, listed), (_FETCHED, fetched), (_CUT, fetched), (_REPORTED, reported)):
        if rows:
            await session.run(statement, [json.encode(rows)])
    return [None] * len(notes)


def prune_reports(connection: Connection, limit: int) -> int:
    """Removes up to `limit` lines that were kept long enough; answers how many."""
    return connection.execute(_PRUNE, (REPORTS_KEPT, limit)).rowcount


def prune(connection: Connection, passes: Sequence[UUID]) -> None:
    """Removes deliveries of some passes that were kept long enough, of phones that are gone or were told of something
    newer since: of each phone that has a pass the newest stays."""
    connection.execute(_PRUNE_DELIVERIES, (list(passes), REPORTS_KEPT))


# A revision that came after the answer was not in it. Rows in their order: other processes write them as well.
_LISTED = Statement(
    """
INSERT INTO pass_delivery (pass, device, revision, changed_at, listed_at)
SELECT c.pass, d.id, c.revision, c.changed_at, max(a.at)
FROM json_to_recordset($1) AS a(hash text, passes json, revision bigint, at timestamptz)
JOIN pass_device AS d ON d.library_hash = decode(a.hash, 'hex')
CROSS JOIN LATERAL json_array_elements_text(a.passes) AS w
JOIN pass_content AS c ON c.pass = w::uuid AND c.revision <= a.revision
GROUP BY c.pass, d.id, c.revision, c.changed_at ORDER BY c.pass, d.id, c.revision
ON CONFLICT (pass, device, revision) DO UPDATE SET listed_at = greatest(pass_delivery.listed_at, excluded.listed_at)
""",
    ["json"],
)

# Nobody says who fetches. It is the phone that was told of it last and has not fetched it since; where only one has the
# pass, that one. Of several fetches at once each is another phone's.
_FETCHED = Statement(
    """
WITH asked AS (
    SELECT a.pass, a.revision, a.at, row_number() OVER (PARTITION BY a.pass, a.revision ORDER BY a.at) AS turn
    FROM json_to_recordset($1) AS a(pass uuid, revision bigint, at timestamptz)
), whose AS (
    SELECT a.pass, a.revision, r.device, coalesce(v.changed_at, c.changed_at) AS changed_at, row_number() OVER (
        PARTITION BY a.pass, a.revision ORDER BY v.fetched_at IS NOT NULL, v.listed_at DESC NULLS LAST, r.device
    ) AS turn
    FROM (SELECT DISTINCT pass, revision FROM asked) AS a
    JOIN pass_registration AS r ON r.pass = a.pass
    LEFT JOIN pass_delivery AS v ON v.pass = a.pass AND v.device = r.device AND v.revision = a.revision
    LEFT JOIN pass_content AS c ON c.pass = a.pass AND c.revision = a.revision
    WHERE v.listed_at IS NOT NULL
        OR NOT EXISTS (SELECT FROM pass_registration AS o WHERE o.pass = a.pass AND o.device <> r.device)
)
INSERT INTO pass_delivery (pass, device, revision, changed_at, fetched_at)
SELECT pass, w.device, revision, w.changed_at, a.at
FROM asked AS a JOIN whose AS w USING (pass, revision, turn) WHERE w.changed_at IS NOT NULL
ORDER BY pass, w.device, revision
ON CONFLICT (pass, device, revision) DO UPDATE SET fetched_at = coalesce(pass_delivery.fetched_at, excluded.fetched_at)
""",
    ["json"],
)

# Who fetched something needs no record of what came long before.
_CUT = Statement(
    f"""
DELETE FROM pass_delivery AS v USING (SELECT DISTINCT pass FROM json_to_recordset($1) AS a(pass uuid)) AS a
WHERE v.pass = a.pass AND v.revision < (
    SELECT o.revision FROM pass_delivery AS o WHERE o.pass = v.pass AND o.device = v.device
    ORDER BY o.revision DESC OFFSET {DELIVERIES_KEPT - 1} LIMIT 1
)
""",  # noqa: S608 - our own number
    ["json"],
)

_REPORTED = Statement(
    """
INSERT INTO pass_device_log (pass, received_at, line)
SELECT p.id, a.at, a.line FROM json_to_recordset($1) AS a(pass uuid, at timestamptz, line text)
LEFT JOIN pass AS p ON p.id = a.pass
""",
    ["json"],
)

_PRUNE = """
DELETE FROM pass_device_log WHERE id = ANY(ARRAY(
    SELECT id FROM pass_device_log WHERE received_at < now() - %s::interval ORDER BY received_at LIMIT %s
))
"""

_PRUNE_DELIVERIES = """
DELETE FROM pass_delivery AS v WHERE pass = ANY(%s) AND changed_at < now() - %s::interval AND (
    NOT EXISTS (SELECT FROM pass_registration AS r WHERE r.pass = v.pass AND r.device = v.device)
    OR EXISTS (
        SELECT FROM pass_delivery AS o WHERE o.pass = v.pass AND o.device = v.device AND o.revision > v.revision
    )
)
"""
