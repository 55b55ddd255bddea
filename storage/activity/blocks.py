"""Where in the log all of some words are: what their sets of positions have in common, block by block (postings.py).

Of words that are in few blocks it is looked up where; where all are in many, the blocks are gone along. Nothing of
another program is looked at.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, product
from typing import Any, NamedTuple, TypeAlias

from rules.words import TextQuery
from storage.activity.filters import Condition
from storage.activity.postings import BLOCK, SEGMENT_BLOCKS, between, each, of, unpack
from storage.activity.words import NONE, digest
from storage.engine.database import Connection

# Looks into the index for one page, by block and program: 0.2 s. In one program they reach over 400 million activities.
LOOKS_MAX = 50_000
# A word that is in more blocks than this is not looked up everywhere before it is looked for.
RARE_MAX = 256
# Blocks read at once, at first and at most; each has up to a kilobyte for each word.
_BLOCKS_SOON, _BLOCKS = 4, 256

# A block of the log, and the internal id of a program.
Key: TypeAlias = tuple[int, int]


class WordQuery(NamedTuple):
    """What is looked for: words, in programs (internal ids, NONE for what is in none), of customers where some are
    named. `between` bounds `recorded_at`; it and `told` are conditions on rows of `activity` called `a`."""

    wanted: TextQuery
    programs: Sequence[int]
    customers: Sequence[int]
    between: Sequence[Condition]
    told: Sequence[Condition]
    ascending: bool


class Blocks:
    """A look from one position to another, once and within a transaction. After it, `ended_at` is the position behind
    which it gave up; None where it came to the end. Of customers with more than `entries_max` entries it does not look
    up where they are."""

    def __init__(self, books: Connection, asked: WordQuery, first: int, last: int, entries_max: int) -> None:
        self.ended_at: int | None = None
        self._books = books
        self._asked = asked
        self._words = [digest(word) for word in asked.wanted.words]
        self._first, self._last = first, last
        self._entries_max = entries_max
        if asked.between:
            self._bound()

    def positions(self) -> Iterator[int]:
        """The positions that have all words, in order."""
        for block, rows in groupby(self._common(), key=lambda row: row[0]):
            base, found = block * BLOCK, 0
            for _, places in rows:
                found |= places
            found &= between(max(self._first - base, 0), min(self._last - base, BLOCK - 1))
            for place in each(found, self._asked.ascending):
                yield base + place

    def _common(self) -> Iterator[tuple[int, int]]:
        """Blocks, in order, and the places in them that have all words: once for each program."""
        of_customers = self._of_customers()
        keys = self._keys() if of_customers is None else iter(self._in_order(of_customers))
        for part in self._within_looks(keys):
            numbers, programs = zip(*part, strict=True)
            rows = self._ask(_SETS, [list(numbers), list(programs), self._words, len(self._words)])
            sets = {(block, program): kept for block, program, kept in rows}
            for key in part:
                places = -1 if of_customers is None else of_customers[key]
                for kept in sets.get(key, (b"",)):
                    places &= unpack(kept)
                yield key[0], places

    def _keys(self) -> Iterator[Key]:
        """Where all words may be, in order."""
        blocks = range(self._first // BLOCK, self._last // BLOCK + 1)
        ordered = blocks if self._asked.ascending else blocks[::-1]
        # Most words that somebody looks for alone are common, and have enough in the first blocks.
        near = _BLOCKS_SOON if len(self._words) == 1 else 0
        yield from product(ordered[:near], self._asked.programs)
        rare = self._rare(ordered[near:])
        yield from product(ordered[near:], self._asked.programs) if rare is None else self._in_order(rare)

    def _within_looks(self, keys: Iterator[Key]) -> Iterator[list[Key]]:
        """The keys in parts that grow, as long as so many may be looked for; of a block all, since a page goes on with
        one: of the first also where they are more."""
        programs = len(self._asked.programs)
        left, size = LOOKS_MAX, programs * (_BLOCKS_SOON if len(self._words) == 1 else 4 * _BLOCKS_SOON)
        part: list[Key] = []
        for block, of_block in groupby(keys, key=lambda key: key[0]):
            found = list(of_block)
            if len(found) > left and left < LOOKS_MAX:
                self.ended_at = block * BLOCK - 1 if self._asked.ascending else (block + 1) * BLOCK
                break
            left -= len(found)
            part += found
            if len(part) >= size:
                yield part
                part, size = [], min(16 * size, _BLOCKS * programs)
        if part:
            yield part

    def _in_order(self, keys: Iterable[Key]) -> list[Key]:
        return sorted(keys, reverse=not self._asked.ascending)

    def _bound(self) -> None:
        """Looks only where something was recorded within the bounds."""
        # Each bounds one side: it holds somewhere in a block, or at neither end of it.
        asked = " AND ".join(_AT_AN_END.format(asked=sql) for sql, _ in self._asked.between)
        values = [value for _, values in self._asked.between for value in values]
        [(first, last)] = self._ask(_BLOCKS_BETWEEN.format(asked=asked), values)
        if first is None:
            self._last = 0
            return
        self._first = max(self._first, first * BLOCK)
        self._last = min(self._last, (last + 1) * BLOCK - 1)

    def _of_customers(self) -> dict[Key, int] | None:
        """The places of what belongs to the customers that are named; None where none is, or they have so much that it
        is faster to ask of each row whose it is."""
        if not self._asked.customers:
            return None
        order, limit = "ASC" if self._asked.ascending else "DESC", self._entries_max + 1
        rows = self._ask(
            _OF_CUSTOMERS.format(order=order), [list(self._asked.customers), self._first, self._last, limit]
        )
        if len(rows) == limit:
            return None
        keyed = sorted(((position // BLOCK, program or NONE), position % BLOCK) for position, program in rows)
        return {key: of(place for _, place in found) for key, found in groupby(keyed, key=lambda one: one[0])}

    def _rare(self, blocks: range) -> set[Key] | None:
        """Where in some blocks those of the words are that are in few; None where none is, or that is too much to find
        out."""
        if not blocks:
            return set()
        segments = min(blocks) // SEGMENT_BLOCKS, max(blocks) // SEGMENT_BLOCKS
        if (segments[1] - segments[0] + 1) * len(self._asked.programs) * len(self._words) > LOOKS_MAX:
            return None
        asked = [*segments, list(self._asked.programs), RARE_MAX + 1, self._words]
        found = [set(zip(blocks, programs, strict=True)) for blocks, programs in self._ask(_WHERE, asked)]
        rare = [keys for keys in found if len(keys) <= RARE_MAX]
        return {key for key in set.intersection(*rare) if key[0] in blocks} if rare else None

    def _ask(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self._books.execute(sql.encode(), values).fetchall()


_SETS = f"""
SELECT k.number, k.program, w.places
FROM unnest(%s::integer[], %s::integer[]) AS k (number, program) CROSS JOIN LATERAL (
    SELECT ARRAY(
        SELECT w.places FROM activity_word AS w
        WHERE w.segment = k.number / {SEGMENT_BLOCKS} AND w.program = k.program AND w.word = ANY(%s::bigint[])
              AND w.block = k.number %% {SEGMENT_BLOCKS}
    ) AS places OFFSET 0
) AS w WHERE cardinality(w.places) = %s
"""  # noqa: S608 - our own words

# OFFSET keeps the planner from asking the index for the words of all programs, and then whose they are.
_WHERE = f"""
SELECT found.blocks, found.programs FROM (
    SELECT %s::integer AS first, %s::integer AS last, %s::integer[] AS programs, %s::integer AS most
) AS asked CROSS JOIN unnest(%s::bigint[]) AS asked_word (word) CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(number), '{{}}') AS blocks, coalesce(array_agg(program), '{{}}') AS programs FROM (
        SELECT s.segment * {SEGMENT_BLOCKS} + w.block AS number, p.program
        FROM generate_series(asked.first, asked.last) AS s (segment) CROSS JOIN unnest(asked.programs) AS p (program)
        CROSS JOIN LATERAL (
            SELECT w.block FROM activity_word AS w
            WHERE w.segment = s.segment AND w.program = p.program AND w.word = asked_word.word OFFSET 0
        ) AS w
        LIMIT asked.most
    ) AS w
) AS found
"""  # noqa: S608 - our own words

_AT_AN_END = """
EXISTS (SELECT FROM (VALUES (b.first_recorded_at), (b.last_recorded_at)) AS a (recorded_at) WHERE {asked})
"""
_BLOCKS_BETWEEN = "SELECT min(b.block), max(b.block) FROM activity_block AS b WHERE {asked}"

_OF_CUSTOMERS = """
SELECT position, program FROM activity_place WHERE customer = ANY(%s) AND position BETWEEN %s AND %s
ORDER BY position {order} LIMIT %s
"""
