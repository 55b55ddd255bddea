"""Takes marks: finds out which passes say something else than phones were told, and gives those the next revisions.

    lock      the counter of revisions, until the commit: revisions are given in the order of commits
    take      the marks of some passes, of which one is due
    read      by later statements, what those passes say: a mark that is seen is of a change that is seen
    compare   with what phones were told
    plan      pushes of those that changed

Only refreshes lock the counter. Nobody who records anything waits for them.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import structlog

from rules.passes.updates import next_modified
from storage.engine.database import Busy, Connection, known
from storage.engine.unit import Unit
from storage.passes import facts
from storage.passes.contents import digest_of
from storage.passes.facts import PassFacts
from storage.passes.marking import AGAIN, AHEAD
from storage.passes.pushing import plan_pushes

log = structlog.get_logger()


class Refreshed(NamedTuple):
    """How many passes were looked at, and how many of them have changed."""

    looked_at: int
    changed: int


class _Taken(NamedTuple):
    """Marks of one pass, since when it may have changed, and whether it counts as changed whatever it says."""

    since: datetime
    is_ahead: bool


class _Revision(NamedTuple):
    known: PassFacts
    digest: bytes
    revision: int
    modified_at: datetime
    since: datetime


def refresh(unit: Unit, limit: int) -> Refreshed:
    """Refreshes up to `limit` passes that are due, in the caller's transaction. None looked at: none are due.

    One of which nobody can find out what it says is looked at again later, and keeps the others from nothing.
    """
    connection = unit.connection
    connection.execute(_LOCK)
    taken = _take(connection, limit)
    cards, unread = _read(connection, taken)
    if unread:
        late = [(id, AHEAD if taken[id].is_ahead else AGAIN, taken[id].since) for id in sorted(unread)]
        connection.execute(_LATER, [list(column) for column in zip(*late, strict=True)])
    changed = [(card, found) for card in cards.values() if (found := _changed(card, taken[card.id])) is not None]
    if changed:
        # In the order in which it changed: whoever waits longest comes first.
        changed.sort(key=lambda one: (taken[one[0].id].since, one[0].id))
        _keep(unit, changed, taken)
    return Refreshed(len(taken), len(changed))


def _take(connection: Connection, limit: int) -> dict[UUID, _Taken]:
    rows = connection.execute(_TAKE, (limit, AHEAD), prepare=True)
    return {id: _Taken(since, is_ahead) for id, since, is_ahead in rows}


def _read(connection: Connection, ids: Collection[UUID]) -> tuple[dict[UUID, PassFacts], list[UUID]]:
    """What passes say; and those of which that cannot be read, by a fault of ours."""
    if not ids:
        return {}, []
    try:
        return facts.read(connection, ids), []
    except Exception as error:
        if (
            isinstance(error, Busy)
            or known(error) is not None
            or not connection.info.transaction_status.name == "INTRANS"
        ):
            raise
        if len(ids) == 1:
            log.error("pass unread", passes=[str(id) for id in ids], error=type(error).__name__)
            return {}, list(ids)
        both = list(ids)
        first, second = _read(connection, both[: len(both) // 2]), _read(connection, both[len(both) // 2 :])
        return first[0] | second[0], first[1] + second[1]


def _changed(card: PassFacts, taken: _Taken) -> bytes | None:
    """The digest of what it says, where phones were told something else."""
    found = digest_of(card)
    return found if taken.is_ahead or card.told is None or card.told.digest != found else None


def _keep(unit: Unit, changed: list[tuple[PassFacts, bytes]], taken: Mapping[UUID, _Taken]) -> None:
    connection = unit.connection
    [(last, now)] = connection.execute(_COUNT, (len(changed),))
    revisions = []
    for revision, (card, found) in enumerate(changed, start=last - len(changed) + 1):
        before = card.told.modified_at if card.told else card.created_at
        since = taken[card.id].since
        revisions.append(_Revision(card, found, revision, next_modified(now, before), since))
    connection.execute(
        _KEEP,
        (
            [one.known.id for one in revisions],
            [one.revision for one in revisions],
            [one.modified_at for one in revisions],
            [one.digest for one in revisions],
            [one.since for one in revisions],
        ),
    )
    wallets = {id: (apple, google) for id, apple, google in connection.execute(_WALLETS, ([*taken],))}
    for one in revisions:
        card, (apple, google) = one.known, wallets[one.known.id]
        plan_pushes(unit, card.program, card.customer, str(card.id), one.revision, apple, google)


# Nobody but other refreshes is waiting here.
_LOCK = "SELECT FROM pass_counter FOR UPDATE"

_TAKE = """
WITH due AS MATERIALIZED (
    SELECT pass, min(due_at) AS due_at FROM (
        SELECT pass, due_at FROM pass_mark WHERE due_at <= now() ORDER BY due_at LIMIT %s
    ) AS m GROUP BY pass
), taken AS (
    DELETE FROM pass_mark WHERE pass = ANY(ARRAY(SELECT pass FROM due)) RETURNING pass, position, since
)
SELECT pass, min(since), bool_or(position = %s) FROM taken GROUP BY pass
"""

# Somebody may have noted it anew meanwhile: then it is looked at sooner.
_LATER = """
INSERT INTO pass_mark (pass, position, due_at, since)
SELECT pass, position, clock_timestamp() + interval '15 minutes', since
FROM unnest(%s::uuid[], %s::bigint[], %s::timestamptz[]) AS w (pass, position, since)
ON CONFLICT DO NOTHING
"""

_COUNT = "UPDATE pass_counter SET revision = revision + %s RETURNING revision, clock_timestamp()"

_KEEP = """
INSERT INTO pass_content AS k (pass, revision, modified_at, digest, changed_at, built_at)
SELECT *, clock_timestamp()
FROM unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::bytea[], %s::timestamptz[])
ON CONFLICT (pass) DO UPDATE SET revision = excluded.revision, modified_at = excluded.modified_at,
    digest = excluded.digest, changed_at = excluded.changed_at, built_at = excluded.built_at
"""

# Google keeps what it has of a card that was removed: that of somebody who was erased is emptied all the same.
# Later statements again: whoever registers a phone now has noted the pass as ahead, and is told by the next refresh.
_WALLETS = """
SELECT w.id, EXISTS (SELECT FROM pass_registration WHERE pass = w.id),
    EXISTS (
        SELECT FROM pass_google AS g JOIN pass AS p ON p.id = g.pass
        WHERE g.pass = w.id AND (g.removed_at IS NULL OR p.erased_at IS NOT NULL)
    )
FROM unnest(%s::uuid[]) AS w (id)
"""
