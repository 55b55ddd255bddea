"""Reads the log in pages: in the order of recording, either way, whatever is asked of the entries.

An index gives the entries of a program, of an actor or of a kind in it, of a subject, or of a customer that has no more
of them than a page may look at (paths.py). All else is asked of one entry after the other: an index for each question
would cost every purchase. So that no question reads the whole log, a page ends where it has looked at so many, and the
next goes on from there.

A page ends where its last entry stands, by `recorded_at` and id: what is recorded meanwhile shifts nothing. What was
begun before and is committed after somebody passed its place is not shown to them: positions (positions.py) are for
those who must miss nothing.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rules.access import Caller
from storage.activity import finding
from storage.activity.look import BY_INDEX, Look, Position, Search, by_words
from storage.activity.queries import Activity, from_rows
from storage.engine.database import Connection

# So many entries for each that a page shows are looked at first.
SOON = 10


class Page(NamedTuple):
    """Activities, and what to ask the next page with; None: there is none. Of what is found by its words that is a
    position (finding.py), and `complete_at` says up to when they were taken, where they ever were."""

    activities: list[Activity]
    following: Position | int | None
    complete_at: datetime | None = None


class Total(NamedTuple):
    """How many match; `is_lower_bound` where not all were counted."""

    number: int
    is_lower_bound: bool


class Rows(NamedTuple):
    """A page as it is kept: (id, body, occurred_at, recorded_at, points) of each entry, and where the next begins."""

    rows: list[Any]
    following: Position | None


def page(
    books: Connection, search: Search, caller: Caller, after: Position | int | None, size: int, looked_max: int
) -> Page:
    """Up to `size` activities that the caller may see, from the first after `after`, of the next `looked_max`.

    Raises ProgramNotFound, CustomerNotFound.
    """
    with books.transaction():
        if asked := by_words(books, search, caller):
            assert not isinstance(after, Position)
            found = finding.page(books, asked, after, size, looked_max)
            return Page(found.activities, found.following, found.progress.complete_at)
        assert not isinstance(after, int)
        kept = rows(books, search, caller, after, size, looked_max)
        return Page(from_rows(kept.rows), kept.following)


def rows(books: Connection, search: Search, caller: Caller, after: Position | None, size: int, looked_max: int) -> Rows:
    """The same as it is kept, in the caller's transaction. Nobody comes here with a text."""
    look = Look(books, search, caller, after, looked_max)
    # Most pages are full soon. Where entries of all programs are sorted, a few are soon sorted too.
    found = look.rows(size + 1, min(looked_max, SOON * size))
    if len(found) <= size:
        look.narrow()
        found = look.rows(size + 1, looked_max)
    ended = look.end() if len(found) <= size else None
    shown = found[:size]
    if not shown or (len(found) <= size and ended is None):
        return Rows(shown, ended)
    last = Position(shown[-1][3], shown[-1][0])
    # What was committed between the two statements may have made the second end before the last entry of the first.
    further = max if search.ascending else min
    return Rows(shown, last if ended is None else further(ended, last))


def total(books: Connection, search: Search, caller: Caller, counted_max: int, looked_max: int) -> Total:
    """How many match, up to `counted_max` of `looked_max`. Raises ProgramNotFound, CustomerNotFound."""
    with books.transaction():
        if asked := by_words(books, search, caller):
            return Total(*finding.total(books, asked, counted_max, looked_max))
        look = Look(books, search, caller, None, looked_max)
        look.narrow()
        count = look.count(counted_max + 1)
        return Total(min(count, counted_max), count > counted_max or look.end() is not None)


def same_request(
    books: Connection, activity: Activity, program: str, within: timedelta, looked_max: int, size: int
) -> list[Activity]:
    """Up to `size` other activities of the program (empty: of none) that came of the same request, in their order.

    Requests are looked for among the `looked_max` entries before an activity and as many after, no further away than
    `within`: what one request did, it did in one transaction; a repetition follows soon.
    """
    request_id, actor = activity.body.get("request_id"), activity.body["actor"]["id"]
    if not request_id or not actor:
        return []
    whose = "a.program = (SELECT id FROM program WHERE program_id = %s)" if program else "a.program IS NULL"
    at = activity.recorded_at
    sides = [_SIDE.format(whose=whose, limit=int(looked_max), **side) for side in (_EARLIER, _LATER)]
    named = [program] if program else []
    bounds = [*named, at, at - within, *named, at, at + within]
    # The text first: it is much faster found than the body is read. An id of a request has nothing to escape.
    asked = [activity.id, actor, f'"request_id":"{request_id}"', request_id]
    with books.transaction():
        books.execute(BY_INDEX)
        query = _SAME_REQUEST.format(sides=" UNION ALL ".join(sides), size=int(size))
        return from_rows(books.execute(query, [*bounds, *asked], prepare=False).fetchall())


_EARLIER = {"before": "<=", "after": ">=", "order": "DESC"}
_LATER = {"before": ">", "after": "<=", "order": "ASC"}
_SIDE = """
(SELECT a.id, a.body, a.occurred_at, a.recorded_at, a.actor FROM activity AS a
 WHERE {whose} AND a.recorded_at {before} %s AND a.recorded_at {after} %s
 ORDER BY a.program {order}, a.recorded_at {order}, a.id {order} LIMIT {limit})
"""
_SAME_REQUEST = """
SELECT a.id, a.body, a.occurred_at, a.recorded_at FROM ({sides}) AS a
WHERE a.id <> %s AND a.actor = %s AND strpos(a.body, %s) > 0 AND a.body::jsonb ->> 'request_id' = %s
ORDER BY a.recorded_at, a.id LIMIT {size}
"""
