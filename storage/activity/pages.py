"""Reads the log in pages: in the order of recording, either way, whatever is asked of the entries.

An index gives the entries of a program, of an actor or of a kind in it, of a subject, or of a customer that has no more
of them than a page may look at (paths.py). All else is asked of one entry after the other: an index for each question
would cost every purchase. So that no question reads the whole log, a page ends where it has looked at so many, and the
next goes on from there.

A page ends where its last entry stands, by `recorded_at` and id: what is recorded meanwhile shifts nothing. What was
begun before and is committed after somebody passed its place is not shown to them: positions (positions.py) are for
those who must miss nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from rules.access import Caller
from rules.refusals import CustomerNotFound, ProgramNotFound
from storage.activity import finding
from storage.activity.blocks import Asked
from storage.activity.commands import Scope
from storage.activity.filters import Condition, Filter, conditions
from storage.activity.paths import KEY, Path, Paths
from storage.activity.queries import Activity, from_rows
from storage.activity.words import NONE
from storage.engine.database import Connection

# So many entries for each that a page shows are looked at first.
SOON = 10


@dataclass(frozen=True, slots=True)
class Search:
    """What is listed: of a program and of a customer (public ids; empty: of all that the caller may see), what matches
    all of the filters, the newest first or the oldest. `placed_upto`: only what has a position (positions.py) up to
    that one, which is the same at whatever time it is asked for."""

    program: str = ""
    customer: str = ""
    filters: Sequence[Filter] = ()
    ascending: bool = False
    placed_upto: int | None = None


class Position(NamedTuple):
    """The place of an entry in the log, where a page ends: ids alone are in order only where one host made them."""

    recorded_at: datetime
    id: UUID


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
        if asked := _by_words(books, search, caller):
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
        if asked := _by_words(books, search, caller):
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
        books.execute(_BY_INDEX)
        query = _SAME_REQUEST.format(sides=" UNION ALL ".join(sides), size=int(size))
        return from_rows(books.execute(query, [*bounds, *asked], prepare=False).fetchall())


def _by_words(books: Connection, search: Search, caller: Caller) -> Asked | None:
    """What is asked of finding.py, where words are looked for."""
    if not any(one.text.words for one in search.filters):
        return None
    program = search.program or caller.program or ""
    whose = _begin(books, program, search.customer, caller)
    found = conditions(search.filters, caller)
    if whose.program is None:
        programs = [NONE, *(number for (number,) in books.execute("SELECT id FROM program"))]
    else:
        programs = [whose.program]
    return Asked(
        found.wanted,
        programs,
        found.customers if whose.customer is None else [whose.customer],
        found.between,
        [*_of_scope(whose), *found.matching],
        search.ascending,
    )


def _begin(books: Connection, program: str, customer: str, caller: Caller) -> Scope:
    """Whose entries it is about; with the same statement, the planner is told how to find them."""
    [(*_, program_number, customer_number)] = books.execute(_BEGIN, (customer, program))
    if program and (program_number is None or not caller.sees(program)):
        raise ProgramNotFound(program=program)
    if customer and customer_number is None:
        raise CustomerNotFound(program=program)
    return Scope(program_number, customer_number)


class Look:
    """A look at the log from a position on, in order. Used within a transaction."""

    def __init__(
        self, books: Connection, search: Search, caller: Caller, after: Position | None, looked_max: int
    ) -> None:
        self._books = books
        self._looked_max = int(looked_max)
        self._order = "ASC" if search.ascending else "DESC"
        program = search.program or caller.program or ""
        whose = _begin(books, program, search.customer, caller)
        found = conditions(search.filters, caller)
        self._bounds = [*found.between, *_after(after, search.ascending)]
        self._told = [*_of_scope(whose), *found.matching, *_placed(search.placed_upto)]
        self._paths = Paths(books, whose, self._bounds, self._order, looked_max)
        self._ended_at: int | None = None
        if asked := _by_words(books, search, caller):
            # To be counted; a page of them goes along their positions.
            numbers, self._ended_at = finding.positions(books, asked, looked_max)
            self._offered = [
                Path(_OF_POSITIONS.format(order=self._order, columns="{columns}", limit="{limit}"), [numbers])
            ]
            self._is_by_words = True
        else:
            self._offered = self._paths.offered(search.filters, found)
            self._is_by_words = False
        self._path = self._offered[0]

    def narrow(self) -> None:
        """Goes along the path with the least to look at: worth finding out where the first was not soon enough."""
        if len(self._offered) > 1:
            self._path = self._paths.fewest(self._offered)
            self._offered = [self._path]

    def rows(self, size: int, looked_max: int) -> list[Any]:
        """(id, body, occurred_at, recorded_at, points) of up to `size` of the first entries that match, in order."""
        return self._execute(*self._matching("a.id, a.body, a.occurred_at, a.recorded_at, a.points", size, looked_max))

    def count(self, most: int) -> int:
        """How many of the entries looked at match, up to `most`."""
        sql, values = self._matching("", most, self._looked_max)
        [(count,)] = self._execute(f"SELECT count(*) FROM ({sql}) AS found", values)  # noqa: S608 - our own words
        return int(count)

    def tally(self, columns: str, names: str, most: int | None = None) -> list[Any]:
        """How many of the entries looked at match, by `columns` of `a` that are called `names`: (*names, how many); of
        the `most` that have the most."""
        sql, values = self._matching(columns, self._looked_max, self._looked_max)
        first = f" ORDER BY number DESC, {names} LIMIT {int(most)}" if most is not None else ""
        return self._execute(_TALLY.format(names=names, rows=sql, first=first), values)

    def looked(self) -> int:
        """How many entries are looked at."""
        keys = self._path.sql.format(columns=KEY, limit=self._looked_max)
        [(number,)] = self._execute(f"SELECT count(*) FROM ({keys}) AS found", self._path.values)  # noqa: S608 - our own
        return int(number)

    def end(self) -> Position | None:
        """Where it ended; None where nothing comes after it."""
        if self._is_by_words:
            return self._place(self._ended_at) if self._ended_at is not None else None
        keys = self._path.sql.format(columns=KEY, limit=self._looked_max + 1)
        found = self._execute(f"{keys} OFFSET {self._looked_max - 1}", self._path.values)
        return Position(*found[0]) if len(found) > 1 else None

    def _place(self, number: int) -> Position:
        [found] = self._execute(_PLACE, [number])
        return Position(*found)

    def _matching(self, columns: str, size: int, looked_max: int) -> Condition:
        # Lazily: no more entries are looked at than it takes to find so many.
        told = "".join(f" AND {sql}" for sql, _ in self._told)
        path, (at, number) = self._path, ("a.recorded_at", "a.id")
        if path.is_walk:
            rows = path.sql.format(columns="a.*", limit=int(looked_max))
        else:
            keys = path.sql.format(columns=KEY, limit=int(looked_max))
            at, number, rows = "a.at", "a.number", _BY_KEY.format(keys=keys, order=self._order)
        query = _MATCHING.format(
            columns=columns, rows=rows, told=told, at=at, number=number, order=self._order, size=int(size)
        )
        return query, [*path.values, *_values(self._told)]

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Any]:
        # Planned for this question: another program may be a thousand times as large.
        return self._books.execute(sql, values, prepare=False).fetchall()


def _of_scope(whose: Scope) -> list[Condition]:
    within: list[Condition] = []
    if whose.program is not None:
        within.append(("a.program = %s", [whose.program]))
    if whose.customer is not None:
        within.append(("a.customer = %s", [whose.customer]))
    return within


def _placed(upto: int | None) -> list[Condition]:
    return [] if upto is None else [(_PLACED, [upto])]


def _after(position: Position | None, ascending: bool) -> list[Condition]:
    return [] if position is None else [(f"(a.recorded_at, a.id) {'>' if ascending else '<'} (%s, %s)", [*position])]


def _values(conditions: Sequence[Condition]) -> list[Any]:
    return [value for _, values in conditions for value in values]


# Whatever the planner expects: what is looked at comes in the order of an index, one by one.
_BY_INDEX = "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"

_PLACED = "(SELECT p.position FROM activity_place AS p WHERE p.activity = a.id) <= %s"

_BEGIN = f"""
{_BY_INDEX}, p.id, (SELECT c.id FROM customer c WHERE c.program = p.id AND c.customer_id = %s)
FROM (VALUES (1)) AS one LEFT JOIN program p ON p.program_id = %s
"""  # noqa: S608 - our own words

_OF_POSITIONS = """
SELECT {columns} FROM activity_place AS p JOIN activity AS a ON a.id = p.activity
WHERE p.position = ANY(%s) AND a.body IS NOT NULL ORDER BY a.recorded_at {order}, a.id {order} LIMIT {limit}
"""
_PLACE = """
SELECT a.recorded_at, a.id FROM activity_place AS p JOIN activity AS a ON a.id = p.activity
WHERE p.position >= %s ORDER BY p.position LIMIT 1
"""

# What was sorted, sorted as keys. OFFSET keeps conditions out, which would be asked of what nobody looks at.
_BY_KEY = """
SELECT a.*, looked.at, looked.number FROM ({keys}) AS looked (at, number)
CROSS JOIN LATERAL (SELECT * FROM activity WHERE id = looked.number OFFSET 0) AS a
ORDER BY looked.at {order}, looked.number {order}
"""
_MATCHING = "SELECT {columns} FROM ({rows}) AS a WHERE true{told} ORDER BY {at} {order}, {number} {order} LIMIT {size}"

_TALLY = "SELECT {names}, count(*) AS number FROM ({rows}) AS found GROUP BY {names}{first}"

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
