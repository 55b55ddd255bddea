"""A look at the log: what a search wants, along the index that has the least to look at (paths.py), from a place in the
order of recording on, and no further than so many entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.access import Caller
from rules.refusals import CustomerNotFound, ProgramNotFound
from storage.activity import finding
from storage.activity.blocks import WordQuery
from storage.activity.commands import Scope
from storage.activity.filters import Condition, Filter, conditions
from storage.activity.paths import KEY, Path, Paths
from storage.activity.words import NONE
from storage.engine.database import Connection


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


class Look:
    """A look at the log from a position on, in order. Used within a transaction."""

    def __init__(
        self, books: Connection, search: Search, caller: Caller, after: Position | None, looked_max: int
    ) -> None:
        self._books = books
        self._looked_max = int(looked_max)
        self._order = "ASC" if search.ascending else "DESC"
        program = search.program or caller.only_program
        whose = _begin(books, program, search.customer, caller)
        found = conditions(search.filters, caller)
        self._bounds = [*found.between, *_after(after, search.ascending)]
        self._told = [*_of_scope(whose, caller), *found.matching, *_placed(search.placed_upto)]
        self._paths = Paths(books, whose, self._bounds, self._order, looked_max)
        self._ended_at: int | None = None
        if asked := by_words(books, search, caller):
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


def _of_scope(whose: Scope, caller: Caller) -> list[Condition]:
    within: list[Condition] = []
    if whose.program is None and (readable := caller.programs()) is not None:
        within.append((_READABLE, [sorted(readable)]))
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


def by_words(books: Connection, search: Search, caller: Caller) -> WordQuery | None:
    """What is asked of finding.py, where words are looked for."""
    if not any(one.text.words for one in search.filters):
        return None
    program = search.program or caller.only_program
    whose = _begin(books, program, search.customer, caller)
    found = conditions(search.filters, caller)
    if whose.program is None:
        readable = caller.programs()
        asked = None if readable is None else sorted(readable)
        programs = [number for (number,) in books.execute(_PROGRAMS, (asked, asked))]
        if readable is None:
            programs.insert(0, NONE)
    else:
        programs = [whose.program]
    return WordQuery(
        found.wanted,
        programs,
        found.customers if whose.customer is None else [whose.customer],
        found.between,
        [*_of_scope(whose, caller), *found.matching],
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


# Whatever the planner expects: what is looked at comes in the order of an index, one by one.
BY_INDEX = "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"

# All that a caller may read, who does not read all.
_READABLE = "a.program IN (SELECT id FROM program WHERE program_id = ANY(%s))"

_PROGRAMS = "SELECT id FROM program WHERE %s::text[] IS NULL OR program_id = ANY(%s::text[])"

_PLACED = "(SELECT p.position FROM activity_place AS p WHERE p.activity = a.id) <= %s"

_BEGIN = f"""
{BY_INDEX}, p.id, (SELECT c.id FROM customer c WHERE c.program = p.id AND c.customer_id = %s)
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
