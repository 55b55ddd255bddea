"""Finds activities by their words: looks for the words (blocks.py), and asks of the rows what else is asked.

What is found comes in the order of positions (positions.py), which is that of recording but for what was committed
late, and a page ends at one: where it is full, or has looked at so many rows, or into so many blocks.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from rules import words
from storage.activity.blocks import Blocks, WordQuery
from storage.activity.queries import Activity, from_rows
from storage.activity.words import FOLLOWER, told
from storage.engine.database import Connection

# Sentences made for one page, where a phrase is to stand in them: 0.2 s of one thread.
SENTENCES_MAX = 2_000
# Rows asked at once: some milliseconds.
_ROWS = 2_000


class Progress(NamedTuple):
    """The last position whose words were taken, and when everything that was committed by then had been; None where it
    never was."""

    position: int
    complete_at: datetime | None


class FoundPage(NamedTuple):
    """Activities, the position behind which the next page goes on, None where there is none, and how far words were
    taken."""

    activities: list[Activity]
    following: int | None
    progress: Progress


def page(books: Connection, asked: WordQuery, after: int | None, size: int, looked_max: int) -> FoundPage:
    """Up to `size` activities, from the first behind `after`, of the next `looked_max` that have the words."""
    look = _Look(books, asked, after, looked_max)
    found: list[tuple[int, Activity]] = []
    for rows in look.rows(size + 1):
        found += rows
        if len(found) > size:
            return FoundPage([activity for _, activity in found[:size]], found[size - 1][0], look.progress)
    return FoundPage([activity for _, activity in found], look.ended_at, look.progress)


def total(books: Connection, asked: WordQuery, counted_max: int, looked_max: int) -> tuple[int, bool]:
    """How many there are, up to `counted_max` of `looked_max`, and whether there may be more."""
    look = _Look(books, asked, None, looked_max)
    number = 0
    for count in look.counts():
        number += count
        if number > counted_max:
            return counted_max, True
    return number, look.ended_at is not None


def positions(books: Connection, asked: WordQuery, looked_max: int) -> tuple[list[int], int | None]:
    """The positions of the newest `looked_max` that have the words, whatever else is asked of them, and the one behind
    which there may be more; None where there is none."""
    look = _Look(books, asked._replace(told=()), None, looked_max)
    if asked.wanted.phrases:
        found = [position for rows in look.rows(_ROWS) for position, _ in rows]
    else:
        found = [position for part in look.parts(_ROWS) for position in part]
    return found, look.ended_at


class _Look:
    """A look along the positions, used once and within a transaction."""

    def __init__(self, books: Connection, asked: WordQuery, after: int | None, looked_max: int) -> None:
        self._books = books
        self._asked = asked
        self._phrases = asked.wanted.phrases
        self._looked_max = min(looked_max, SENTENCES_MAX) if self._phrases else looked_max
        self._cut_at: int | None = None
        [(*_, position, complete_at)] = books.execute(_BEGIN, (FOLLOWER,))
        self.progress = Progress(position or 0, complete_at)
        first, last = 1, self.progress.position
        if after is not None:
            first, last = (after + 1, last) if asked.ascending else (first, min(last, after - 1))
        self._blocks = Blocks(books, asked, first, last, self._looked_max)

    @property
    def ended_at(self) -> int | None:
        """The position behind which it was cut off; None where it came to the end."""
        return self._blocks.ended_at if self._cut_at is None else self._cut_at

    def rows(self, wanted: int) -> Iterator[list[tuple[int, Activity]]]:
        """What is found, part by part, with positions; the first part may be as much as is `wanted`."""
        for positions in self.parts(wanted):
            rows = self._ask(_ROW, positions)
            rows.sort(key=lambda row: int(row[0]), reverse=not self._asked.ascending)
            found = zip((row[0] for row in rows), from_rows([row[1:] for row in rows]), strict=True)
            yield [one for one in found if not self._phrases or words.has_phrases(told(one[1]), self._phrases)]

    def counts(self) -> Iterator[int]:
        """How many are found, part by part."""
        if self._phrases:
            yield from map(len, self.rows(_ROWS))
            return
        for positions in self.parts(_ROWS):
            yield int(self._ask("count(*)", positions)[0][0])

    def _ask(self, columns: str, positions: Sequence[int]) -> list[Any]:
        conditions = [*self._asked.between, *self._asked.told]
        asked = "".join(f" AND {sql}" for sql, _ in conditions)
        values = [value for _, values in conditions for value in values]
        return self._execute(_ASKED.format(columns=columns, asked=asked), [list(positions), *values])

    def parts(self, wanted: int) -> Iterator[list[int]]:
        """The positions that have the words, in parts that grow: most pages are full soon."""
        positions = self._blocks.positions()
        left, size = self._looked_max, min(wanted, _ROWS)
        while part := list(islice(positions, min(size, left))):
            yield part
            left -= len(part)
            size = min(4 * size, _ROWS)
            if not left and next(positions, None) is not None:
                self._cut_at = part[-1]

    def _execute(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self._books.execute(sql.encode(), values).fetchall()


# Whatever the planner expects: each row is found by its key, so one plan is as good for all.
_BEGIN = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
    set_config('plan_cache_mode', 'force_generic_plan', true), f.position, f.complete_at
FROM (VALUES (1)) AS one LEFT JOIN activity_follower AS f ON f.name = %s
"""

_ROW = "p.position, a.id, a.body, a.occurred_at, a.recorded_at"
# What has no body any more is not found by what was in it.
_ASKED = """
SELECT {columns} FROM unnest(%s::bigint[]) AS c (position)
JOIN activity_place AS p ON p.position = c.position JOIN activity AS a ON a.id = p.activity
WHERE a.body IS NOT NULL{asked}
"""
