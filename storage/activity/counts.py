"""Counts what a filter finds in the log: by kind of entry and by period.

Where the filter asks only for what is counted ahead (rollup.py), the sums answer, however many entries there are. What
they do not have yet, and what lies in a quarter of an hour that the filter cuts, is counted in the log and added, all
as of one instant: so the answer is exact. All else is counted from so many of the newest entries, and the answer says
whether those were all.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import dropwhile
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from rules.access import Caller
from storage.activity import positions, rollup
from storage.activity.filters import Condition, Filter, conditions
from storage.activity.look import Look, Search
from storage.activity.queries import scope
from storage.activity.rollup import DIMENSIONS, QUARTER_S
from storage.activity.sums import Group, Sums, is_start, quarter, start
from storage.engine.database import Connection

# Where the periods begin that have something of a time, and where the last of them ends.
Bounds: TypeAlias = Callable[[datetime, datetime], Sequence[datetime]]


class Basis(NamedTuple):
    """How many entries of the log were looked at, and whether that was all that there is to look at. `since`: nothing
    recorded before it was looked at, though there is something."""

    looked: int
    is_all: bool
    since: datetime | None = None


class Bar(NamedTuple):
    """A period from `begins` until before `ends`, and how many were recorded in it."""

    begins: datetime
    ends: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are of each group that has any, and in each period; and of what that was made. `as_of` is the
    instant at which it is so."""

    groups: Mapping[Group, int]
    bars: Sequence[Bar]
    basis: Basis
    as_of: datetime


def count(books: Connection, search: Search, caller: Caller, bounds: Bounds, looked_max: int) -> Counts:
    """How many match, and how many in each period. `bounds` is asked once, for the time in which there may be any.

    Raises ProgramNotFound, CustomerNotFound, and what `bounds` raises.
    """
    with books.transaction():
        books.execute(AT_ONE_INSTANT)
        [(now,)] = books.execute("SELECT clock_timestamp()").fetchall()
        counting = _Counting(books, search, caller, now, looked_max)
        return counting.by_sums(bounds) if counting.is_kept else counting.by_look(bounds)


def basis_of(look: Look) -> Basis:
    """Of what a look counts."""
    end = look.end()
    return Basis(look.looked(), end is None, end.recorded_at if end is not None else None)


class _Counting:
    """One answer. Used within a transaction that sees the log as of one instant."""

    def __init__(self, books: Connection, search: Search, caller: Caller, now: datetime, looked_max: int) -> None:
        self._books = books
        self._search = replace(search, ascending=False)
        self._caller = caller
        self._now = now
        self._looked_max = looked_max
        self._since = max((one.recorded_from for one in search.filters if one.recorded_from), default=None)
        self._before = min((one.recorded_before for one in search.filters if one.recorded_before), default=None)
        # Nothing is recorded later than now.
        self._until = now if self._before is None else min(self._before, now)
        self._groups: Counter[Group] = Counter()
        self._quarters: Counter[int] = Counter()

    @property
    def is_kept(self) -> bool:
        """Whether sums can answer."""
        if not self._search.program and not self._caller.only_program and self._caller.programs() is not None:
            # Some programs, and not what is in none: no sum is of that.
            return False
        return not self._search.customer and all(replace(one, **_KEPT) == Filter() for one in self._search.filters)

    def by_look(self, bounds: Bounds) -> Counts:
        """Counted from the newest entries."""
        look = Look(self._books, self._search, self._caller, None, self._looked_max)
        look.narrow()
        self._add(look.tally(_COLUMNS, _NAMES))
        basis = basis_of(look)
        begins = [start(min(self._quarters))] if self._since is None and self._quarters else []
        first = max([one for one in (self._since, basis.since, *begins) if one is not None], default=self._until)
        return self._counts(bounds(first, self._until), basis)

    def by_sums(self, bounds: Bounds) -> Counts:
        """Counted from the sums, and from the log what they lack."""
        program = self._search.program or self._caller.only_program
        number = scope(program, "", self._caller).program if program else None
        told = conditions(self._search.filters, self._caller).matching
        first = None if self._since is None else quarter(self._since) + (not is_start(self._since))
        # The quarter of now is whole as far as it goes.
        last = quarter(self._now) + 1 if self._before is None or self._before > self._now else quarter(self._before)
        missed = self._missed()
        if missed is None:
            return self.by_look(bounds)
        self._add_missed(missed[: self._looked_max], number, told, first, last)
        edges = self._add_edges(first, last)
        basis = Basis(len(missed) + edges.looked, edges.is_all and len(missed) <= self._looked_max)
        sums = Sums(self._books, number, told)
        if first is None:
            first = min([one for one in (sums.beginning(), *self._quarters) if one is not None], default=last)
        if first < last:
            self._groups.update(dict(sums.groups(first, last)))
        found = bounds(start(first) if self._since is None else self._since, self._until)
        between = []
        if first < last and found:
            # Within a period at either end there is no sum of what lies outside of the range.
            between = sums.between([min(max(quarter(bound), first), last) for bound in found])
        return self._counts(found, basis, between)

    def _add_edges(self, first: int | None, last: int) -> Basis:
        """What is in quarters that the range cuts."""
        basis = Basis(0, is_all=True)
        for edge in self._edges(first, last):
            search = replace(self._search, filters=[*self._search.filters, edge])
            look = Look(self._books, search, self._caller, None, self._looked_max)
            self._add(look.tally(_COLUMNS, _NAMES))
            found = basis_of(look)
            basis = Basis(basis.looked + found.looked, basis.is_all and found.is_all)
        return basis

    def _edges(self, first: int | None, last: int) -> Iterator[Filter]:
        if first is not None and first > last:
            # All of it is in one quarter.
            yield Filter()
            return
        if first is not None and self._since != start(first):
            yield Filter(recorded_before=start(first))
        if self._before is not None and self._before <= self._now and self._before != start(last):
            yield Filter(recorded_from=start(last))

    def _missed(self) -> list[UUID] | None:
        """What the sums do not have yet: it was committed since the follower came by, some seconds ago. None where only
        a look through the whole log would tell."""
        behind = self._books.execute(_BEHIND, (rollup.reached(self._books), self._looked_max + 1)).fetchall()
        activities = positions.unpositioned(self._books, self._looked_max + 1)
        return None if activities is None else [*(activity for (activity,) in behind), *activities]

    def _add_missed(
        self, missed: Sequence[UUID], program: int | None, told: Sequence[Condition], first: int | None, last: int
    ) -> None:
        between: list[Condition] = [("a.recorded_at < %s", [start(last)])]
        if first is not None:
            between.append(("a.recorded_at >= %s", [start(first)]))
        if program is not None:
            between.append(("a.program = %s", [program]))
        asked = [*between, *told]
        values = [value for _, values in asked for value in values]
        sql = _MISSED.format(told="".join(f" AND {sql}" for sql, _ in asked))
        self._books.execute(_BY_ID)
        self._add(self._books.execute(sql, [list(missed), *values], prepare=False).fetchall())

    def _add(self, rows: Sequence[Any]) -> None:
        for number, *group, found in rows:
            self._groups[Group(*group)] += found
            self._quarters[int(number)] += found

    def _counts(self, bounds: Sequence[datetime], basis: Basis, between: Sequence[int] = ()) -> Counts:
        numbers = list(between) or [0] * (len(bounds) - 1)
        begins = [quarter(bound) for bound in bounds[:-1]]
        for number, found in self._quarters.items() if begins else ():
            # Zones that are no whole quarters from UTC are of the past.
            numbers[max(bisect_right(begins, number) - 1, 0)] += found
        bars = [Bar(*each) for each in zip(bounds[:-1], bounds[1:], numbers, strict=True)]
        if self._since is None:
            # Sums are of whole days: before the first entry of the first there is nothing to tell.
            bars = list(dropwhile(lambda bar: not bar.number, bars))
        return Counts(self._groups, bars, basis, self._now)


# What a filter may ask of the sums.
_KEPT: Mapping[str, Any] = {
    name: getattr(Filter(), name)
    for name in (
        *(
            "categories",
            "types",
            "events",
            "actions_of_events",
            "actions",
            "outcomes",
            "actor_types",
            "sources",
            "modules",
        ),
        *("recorded_from", "recorded_before"),
    )
}

AT_ONE_INSTANT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

_COLUMNS = ", ".join(
    (
        f"floor(extract(epoch FROM a.recorded_at) / {QUARTER_S})::bigint AS quarter",
        *(f"a.{name}" for name in DIMENSIONS),
    )
)
_NAMES = ", ".join(("quarter", *DIMENSIONS))

_BEHIND = "SELECT activity FROM activity_place WHERE position > %s ORDER BY position LIMIT %s"

# As looks for what has no position leave it.
_BY_ID = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'on', true),
    set_config('enable_bitmapscan', 'off', true)
"""

_MISSED = f"""
SELECT {_NAMES}, count(*) FROM (SELECT {_COLUMNS} FROM activity a WHERE a.id = ANY(%s){{told}}) AS found
GROUP BY {_NAMES}
"""  # noqa: S608 - our own words
