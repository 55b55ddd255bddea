"""Looks at all cards that are in phones, page by page: what should each of them show, and was it told so?

Marks and pushes do not get lost; this is for what nobody thought of: a phone that was off for longer than Apple keeps a
push, a time that has passed without any activity, a fault that was mended. So each card is marked, to be built anew (no
phone hears of it where it says the same), and phones that have not fetched its newest revision are told again. What was
told long ago is removed.
"""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from storage.engine.unit import Unit
from storage.passes import deliveries
from storage.passes.marking import look_again
from storage.passes.pushing import APPLE, GOOGLE, plan_pushes

ACTOR = "reconcile_passes"


class Page(NamedTuple):
    """What was done: the last pass of the page, None where it was the last page."""

    looked: int
    told_again: int
    last: UUID | None


def look(unit: Unit, after: UUID | None, limit: int, since: timedelta) -> Page:
    """One page behind a pass. Phones are told again of revisions that are older than `since`, and were not pushed
    within it either."""
    start = after or UUID(int=0)
    found = unit.connection.execute(_PAGE, (start, limit, start, limit, start, limit, limit)).fetchall()
    passes = [identity for (identity,) in found]
    look_again(unit.connection, passes)
    deliveries.prune(unit.connection, passes)
    behind = unit.connection.execute(_BEHIND, (passes, since, since, passes, since)).fetchall()
    for actor, identity, revision, program, customer in behind:
        plan_pushes(unit, program, customer, str(identity), revision, apple=actor == APPLE, google=actor == GOOGLE)
    return Page(len(passes), len(behind), passes[-1] if len(passes) == limit else None)


# Google keeps what it has of a card that was removed: that of somebody who was erased is emptied all the same.
_PAGE = """
SELECT pass FROM (
    (SELECT DISTINCT pass FROM pass_registration WHERE pass > %s ORDER BY pass LIMIT %s)
    UNION
    (SELECT pass FROM pass_google JOIN pass ON id = pass WHERE pass > %s
        AND (removed_at IS NULL OR erased_at IS NOT NULL) ORDER BY pass LIMIT %s)
    UNION
    (SELECT DISTINCT pass FROM pass_delivery WHERE pass > %s ORDER BY pass LIMIT %s)
) AS known ORDER BY pass LIMIT %s
"""

_BEHIND = """
SELECT DISTINCT 'push_apple', c.pass, c.revision, p.program, p.customer
FROM pass_content c JOIN pass_registration r ON r.pass = c.pass JOIN pass p ON p.id = c.pass
LEFT JOIN pass_delivery d ON d.pass = c.pass AND d.device = r.device AND d.revision = c.revision
WHERE c.pass = ANY(%s) AND r.registered_at < c.built_at AND c.built_at < now() - %s::interval
    AND d.fetched_at IS NULL AND (d.pushed_at IS NULL OR d.pushed_at < now() - %s::interval)
UNION ALL
SELECT 'push_google', c.pass, c.revision, p.program, p.customer
FROM pass_content c JOIN pass_google g ON g.pass = c.pass JOIN pass p ON p.id = c.pass
WHERE c.pass = ANY(%s) AND (g.removed_at IS NULL OR p.erased_at IS NOT NULL) AND g.revision < c.revision
    AND c.built_at < now() - %s::interval
"""
