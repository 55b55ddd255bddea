"""Along which index the log is looked through: each gives entries in the order of recording, none that matches missing.

An entry that matches is on every path that a filter offers; what else is asked of it is asked of each entry looked at.
"""

from collections.abc import Iterator, Sequence, Set
from itertools import product
from typing import Any, NamedTuple

from rules.activity import CATEGORIES, TYPES
from storage.access.queries import NAMED
from storage.activity.commands import Scope
from storage.activity.filters import SUBJECT, Condition, Conditions, Filter
from storage.engine.database import Connection

# Parts of an index, each in order, that are worth putting together: more than that, and going along the program's or
# all programs' entries is as good.
PARTS_MAX = 200
# The kind of most entries.
PURCHASE = ("ORDER", "ORDERS")


class Path(NamedTuple):
    """SQL with places for `columns` of rows called `a` and for a `limit`, and its values. A walk gives rows as the
    index has them, one by one; others are gathered and sorted, and give keys only."""

    sql: str
    values: Sequence[Any]
    is_walk: bool = False


class Paths:
    """The paths through what is of `whose`, between bounds, in an order (ASC or DESC). Used within a transaction."""

    def __init__(
        self, books: Connection, whose: Scope, bounds: Sequence[Condition], order: str, looked_max: int
    ) -> None:
        self._books = books
        self._whose = whose
        self._bounds = "".join(f" AND {sql}" for sql, _ in bounds)
        self._between = [value for _, values in bounds for value in values]
        self._order = order
        self._looked_max = looked_max

    def offered(self, filters: Sequence[Filter], named: Conditions) -> list[Path]:
        """One at least, the most telling first."""
        customers = named.customers if self._whose.customer is None else [self._whose.customer]
        if customers and self._are_few(customers):
            return [self._of_customers(customers)]
        if named.shown and self._are_few(named.shown):
            programs = [f"programs/{wanted.shown[0]}" for wanted in filters if wanted.shown is not None]
            return [self._of_subjects_and(named.shown, programs)]
        narrow = [path for wanted in filters for path in self._of_filter(wanted)]
        return narrow or [self._of_program() if self._whose.program is not None else self._of_all()]

    def fewest(self, paths: Sequence[Path]) -> Path:
        """The one along which there is the least to look at; the first where all go further than a page looks."""
        counts = [self._count(path) for path in paths]
        return paths[counts.index(min(counts))]

    def _of_filter(self, wanted: Filter) -> Iterator[Path]:
        if wanted.subjects and (path := self._of_subjects(wanted.subjects)):
            yield path
        if wanted.actors or wanted.actor_names:
            named = self._numbers(_CALLERS, list(wanted.actor_names))
            yield from self._of_parts(_OF_ACTOR, {(actor,) for actor in (*wanted.actors, *named)})
        if wanted.modules:
            yield from self._of_parts(_OF_MODULE, {(module,) for module in wanted.modules})
        if wanted.outcomes and "SUCCEEDED" not in wanted.outcomes:
            yield from self._of_parts(_OF_OUTCOME, {(outcome,) for outcome in wanted.outcomes})
        if wanted.types or wanted.categories:
            kinds = set(product(wanted.types or TYPES, wanted.categories or CATEGORIES))
            # Purchases are in every page of the program's own index, and in no other by kind.
            if PURCHASE not in kinds:
                yield from self._of_parts(_OF_KIND, kinds)

    def _of_parts(self, one: str, parts: Set[tuple[str, ...]]) -> Iterator[Path]:
        """The index that has each of the parts of a program in order; none where that are too many."""
        program = self._whose.program
        if program is not None and len(parts) == 1:
            yield self._ordered(
                f"activity AS a WHERE a.program = %s AND {one}", [program, *next(iter(parts))], is_walk=True
            )
            return
        programs = [program] if program is not None else self._numbers(_PROGRAMS)
        if not parts or len(parts) * (len(programs) + 1) > PARTS_MAX:
            return
        columns = [list(column) for column in zip(*parts, strict=True)]
        asked = ", ".join(f"part{number}" for number in range(len(columns)))
        told = one % tuple(asked.split(", "))
        unnested = f"unnest({', '.join(['%s::text[]'] * len(columns))}) AS part ({asked})"
        of_each = f"unnest(%s::integer[]) AS of_program CROSS JOIN {unnested}"
        sources = [(of_each, f"a.program = of_program AND {told}", [programs, *columns])]
        if program is None:
            sources.append((unnested, f"a.program IS NULL AND {told}", columns))
        yield self._gathered(self._each(*source) for source in sources)

    def _of_subjects(self, subjects: Sequence[str]) -> Path | None:
        """What is about a customer's things is in that customer's timeline; in nobody's, where nobody was called so."""
        if any(one.startswith("activities/") or one.split("/")[2:3] in _OF_SOMEBODY for one in subjects):
            # Who looked at an activity looked at whomever it is about; a hold does not say whose it is.
            return None
        parts = [subject.split("/") for subject in subjects if subject.startswith("programs/")]
        named = [(part[1], part[3]) for part in parts if len(part) > 3 and part[2] == "customers"]
        customers = self._numbers(_MERGED, [program for program, _ in named], [customer for _, customer in named])
        return self._of_subjects_and(customers, subjects) if self._are_few(customers) else None

    def _of_subjects_and(self, customers: Sequence[int], subjects: Sequence[str]) -> Path:
        """What is some customers', and what of nobody is about some subjects."""
        of_customers = f"SELECT {KEY} FROM activity AS a WHERE a.customer = ANY(%s){self._bounds}"  # noqa: S608
        of_nobody = self._each(
            "unnest(%s::text[]) AS part0", f"a.customer IS NULL AND {SUBJECT} = part0", [list(set(subjects))]
        )
        return self._gathered([(of_customers, [customers, *self._between]), of_nobody])

    def _of_customers(self, customers: Sequence[int]) -> Path:
        return self._ordered("activity AS a WHERE a.customer = ANY(%s)", [list(customers)])

    def _of_program(self) -> Path:
        return self._ordered("activity AS a WHERE a.program = %s", [self._whose.program], is_walk=True)

    def _of_all(self) -> Path:
        programs = self._numbers(_PROGRAMS)
        sources = [f"activity AS a WHERE a.program = {int(number)}{self._bounds}" for number in programs]
        sources.append(_OF_NONE.format(bounds=self._bounds, order=self._order, limit="{limit}"))
        # Each in order already, so that they need only be merged.
        each = " UNION ALL ".join(f"({self._sorted(source)})" for source in sources)
        return Path(self._sorted(f"({each}) AS a"), self._between * len(sources))

    def _each(self, parts: str, told: str, values: Sequence[Any]) -> Condition:
        first = self._sorted(f"activity AS a WHERE {told}{self._bounds}").format(columns=KEY, limit="{limit}")
        query = f"SELECT k.* FROM {parts} CROSS JOIN LATERAL ({first}) AS k"  # noqa: S608 - our own words
        return query, [*values, *self._between]

    def _gathered(self, sources: Any) -> Path:
        found = list(sources)
        each = " UNION ALL ".join(f"({sql})" for sql, _ in found)
        return Path(self._sorted(f"({each}) AS a"), [value for _, values in found for value in values])

    def _ordered(self, rows: str, values: Sequence[Any], is_walk: bool = False) -> Path:
        return Path(self._sorted(rows + self._bounds), [*values, *self._between], is_walk)

    def _sorted(self, rows: str) -> str:
        return _SORTED.format(columns="{columns}", rows=rows, order=self._order, limit="{limit}")

    def _are_few(self, customers: Sequence[int]) -> bool:
        [(count,)] = self._books.execute(_COUNTED, [list(customers), self._looked_max + 1])
        return bool(count <= self._looked_max)

    def _count(self, path: Path) -> int:
        keys = path.sql.format(columns=KEY, limit=self._looked_max + 1)
        query = f"SELECT count(*) FROM ({keys}) AS found"  # noqa: S608 - our own words
        [(count,)] = self._books.execute(query, path.values, prepare=False)
        return int(count)

    def _numbers(self, sql: str, *values: Any) -> list[Any]:
        return [number for (number,) in self._books.execute(sql, values)]


KEY = "a.recorded_at, a.id"
_SORTED = "SELECT {columns} FROM {rows} ORDER BY a.recorded_at {order}, a.id {order} LIMIT {limit}"

# Collections of a program whose things may be a customer's.
_OF_SOMEBODY = (["legalholds"], ["operations"], ["approvalRequests"])

_OF_ACTOR = "a.actor = %s"
_OF_MODULE = "a.module = %s"
# What the index leaves out must be said for it to be used.
_OF_OUTCOME = "a.outcome = %s AND a.outcome <> 'SUCCEEDED'"
_OF_KIND = "a.type = %s AND a.category = %s AND (a.type <> 'ORDER' OR a.category <> 'ORDERS')"

# In the order of the whole index: that its first column is empty everywhere, the planner does not see.
_OF_NONE = """
(SELECT a.recorded_at, a.id FROM activity AS a WHERE a.program IS NULL{bounds}
 ORDER BY a.program {order}, a.recorded_at {order}, a.id {order} LIMIT {limit}) AS a
"""

_PROGRAMS = "SELECT id FROM program"
_CALLERS = f"SELECT id FROM ({NAMED}) AS named WHERE name = ANY(%s)"  # noqa: S608 - our own words

# Customers by their public ids, and those that they were merged into: what is done to their things since is theirs.
_MERGED = """
WITH RECURSIVE named AS (
    SELECT c.id, c.merged_into FROM unnest(%s::text[], %s::text[]) AS n (program, customer)
    JOIN program p ON p.program_id = n.program JOIN customer c ON c.program = p.id AND c.customer_id = n.customer
    UNION
    SELECT c.id, c.merged_into FROM named n JOIN customer c ON c.id = n.merged_into
)
SELECT id FROM named
"""

_COUNTED = "SELECT count(*) FROM (SELECT FROM activity WHERE customer = ANY(%s) LIMIT %s) AS found"
