"""Reads what was counted ahead (rollup.py). Quarters of an hour are numbered from the beginning of 1970."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from storage.activity.filters import Condition
from storage.activity.rollup import ALL, DIMENSIONS, QUARTER_S, QUARTERS
from storage.engine.database import Connection


class Group(NamedTuple):
    """What entries have in common by which they are counted. `event` is None in records of before: their action tells
    what they were to what they are about."""

    action: str
    event: str | None
    category: str
    type: str
    module: str | None
    source: str
    outcome: str
    actor_type: str


class Sums:
    """The sums of one program (None: of all that there is), of the kinds that match. Used within a transaction."""

    def __init__(self, books: Connection, program: int | None, told: Sequence[Condition]) -> None:
        self._books = books
        self._program = ALL if program is None else program
        self._told = "".join(f" AND {sql}" for sql, _ in told)
        self._values = [value for _, values in told for value in values]
        # Where all kinds match, a day is one row.
        self._kinds = f"JOIN activity_kind a ON a.id = r.kind{self._told}" if self._told else ""
        self._of = f"r.program = %s{'' if self._told else f' AND r.kind = {ALL}'}"
        # Whatever the planner expects: the rows of a program lie together, by day.
        books.execute(_BY_KEY)

    def beginning(self) -> int | None:
        """The first quarter of the first day that has any."""
        [(day,)] = self._ask(_FIRST.format(kinds=self._kinds, of=self._of), [*self._values, self._program])
        return None if day is None else (day - _EPOCH).days * QUARTERS

    def groups(self, first: int, last: int) -> list[tuple[Group, int]]:
        """How many of each group there were from quarter `first` on and before quarter `last`."""
        (begin, skipped), (end, counted) = _place(first), _place(last)
        values = [end, counted, begin, skipped, self._program, begin, end, *self._values]
        rows = self._ask(_GROUPS.format(told=self._told), values)
        return [(Group(*row[:-1]), int(row[-1])) for row in rows]

    def between(self, cuts: Sequence[int]) -> list[int]:
        """How many there were from each of these quarters on and before the next; they are in order."""
        places = [_place(cut) for cut in cuts]
        # Of each day the sums up to all parts of a day at which something ends: a few, the same on most days.
        parts = sorted({part for _, part in places if part})
        sums = "".join(f", sum(r.counts[{int(part)}])" for part in parts)
        values = [*self._values, self._program, places[0][0], places[-1][0]]
        rows = sorted(self._ask(_DAYS.format(sums=sums, kinds=self._kinds, of=self._of), values))
        days = [day for day, *_ in rows]
        before = [0, *accumulate(int(total) for _, total, *_ in rows)]

        def upto(day: date, part: int) -> int:
            at = bisect_left(days, day)
            within = int(rows[at][2 + parts.index(part)]) if part and at < len(days) and days[at] == day else 0
            return before[at] + within

        found = [upto(*place) for place in places]
        return [later - earlier for earlier, later in pairwise(found)]

    def _ask(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self._books.execute(sql, values, prepare=False).fetchall()


def quarter(instant: datetime) -> int:
    """In which quarter an instant lies."""
    return int((instant - _START) // _QUARTER)


def is_start(instant: datetime) -> bool:
    """Whether a quarter begins at that instant."""
    return not (instant - _START) % _QUARTER


def start(number: int) -> datetime:
    """The instant at which a quarter begins."""
    return _START + number * _QUARTER


def _place(number: int) -> tuple[date, int]:
    days, part = divmod(number, QUARTERS)
    return _EPOCH + timedelta(days=days), part


_EPOCH = date(1970, 1, 1)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_QUARTER = timedelta(seconds=QUARTER_S)

_BY_KEY = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_indexscan', 'on', true), set_config('enable_hashjoin', 'on', true)
"""

_DIMENSIONS = ", ".join(f"a.{name}" for name in DIMENSIONS)

_FIRST = "SELECT min(r.day) FROM activity_rollup r {kinds} WHERE {of}"

# At part 0 of its last day a range has nothing of that day: there is no sum at 0.
_GROUPS = f"""
SELECT {_DIMENSIONS}, found.number FROM (
    SELECT r.kind, sum(
        CASE r.day WHEN %s THEN coalesce(r.counts[%s], 0) ELSE r.counts[{QUARTERS}] END
        - CASE r.day WHEN %s THEN coalesce(r.counts[%s], 0) ELSE 0 END
    ) AS number
    FROM activity_rollup r WHERE r.program = %s AND r.day >= %s AND r.day <= %s GROUP BY r.kind
) AS found JOIN activity_kind a ON a.id = found.kind WHERE found.number > 0{{told}}
"""  # noqa: S608 - our own words

_DAYS = f"""
SELECT r.day, sum(r.counts[{QUARTERS}]){{sums}} FROM activity_rollup r {{kinds}}
WHERE {{of}} AND r.day >= %s AND r.day <= %s GROUP BY r.day
"""  # noqa: S608 - our own words
