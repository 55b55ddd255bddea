"""Reads what is exported, page after page, and writes it as pieces of a file. Between two pages nothing is held: no
connection, no transaction, no entry.

The set is fixed by a position of the log (storage/activity/positions.py). What has one up to it can be read by whoever
asks after that, and nothing is ever added: so the file is the same however often it was interrupted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol

from rules.access import Caller
from rules.words import NOTHING, TextQuery
from storage.activity import positions, words
from storage.activity.filters import Filter, text_of
from storage.activity.look import Position, Search
from storage.activity.pages import rows
from storage.activity.queries import Activity, one_by_one
from storage.engine.database import Connection


class Bound(NamedTuple):
    """Where a file ends: with the activities that have a position up to `upto`. All of them were recorded `before`, so
    that nothing that was recorded later is even looked at."""

    upto: int
    before: datetime


class Form(Protocol):
    """How a file is written."""

    header: bytes

    def line(self, activity: Activity, points: int | None) -> bytes:
        """An activity, with the points that it gave or, negative, took, where it stands in a customer's history."""


class Piece(NamedTuple):
    """Whole lines of a file: so many activities, and where it goes on after them."""

    data: bytes
    rows: int
    after: Position | None


class Read(NamedTuple):
    """What a page gave: pieces of the file, and where the next page begins; None: that was the last."""

    pieces: list[Piece]
    following: Position | None


@dataclass(frozen=True, slots=True)
class Size:
    """How many entries a page has and looks at, and from how many bytes on a piece ends with its line."""

    rows: int
    looked: int
    piece_bytes: int


def fixed(connection: Connection) -> Bound:
    """A file of all that has a position by now, in the caller's transaction. What is committed has one where somebody
    has just settled them (positions.py)."""
    upto = positions.newest(connection)
    [(now,)] = connection.execute("SELECT clock_timestamp()").fetchall()
    return Bound(upto, now)


def is_known(connection: Connection, bound: Bound) -> bool:
    """Whether these books have given so many positions: a copy from before has not, and will give them to others."""
    return bound.upto <= positions.newest(connection)


def read(
    books: Connection, search: Search, caller: Caller, bound: Bound, after: Position | None, form: Form, size: Size
) -> Read:
    """The next page of what `search` finds up to the bound, from the first after `after`.

    Raises ProgramNotFound, CustomerNotFound.
    """
    # A text is compared with each entry that matches otherwise: so the file is whole, however far words were taken.
    wanted, filters = text_of(search.filters), [replace(one, text=NOTHING) for one in search.filters]
    within = replace(
        search, filters=[*filters, Filter(recorded_before=bound.before)], ascending=True, placed_upto=bound.upto
    )
    with books.transaction():
        page = rows(books, within, caller, after, size.rows, size.looked)
    pieces = list(_pieces(page.rows, form, size.piece_bytes, wanted))
    if pieces and page.following is not None:
        # Further than the last entry, where others were looked at behind it.
        pieces[-1] = pieces[-1]._replace(after=page.following)
    return Read(pieces, page.following)


def _pieces(found: list[tuple[object, ...]], form: Form, piece_bytes: int, wanted: TextQuery) -> Iterator[Piece]:
    lines: list[bytes] = []
    weight = 0
    after = None
    for row, activity in one_by_one(found):
        if not words.matches(activity, wanted):
            continue
        line = form.line(activity, row[4])
        lines.append(line)
        weight += len(line)
        after = Position(activity.recorded_at, activity.id)
        if weight >= piece_bytes:
            yield Piece(b"".join(lines), len(lines), after)
            lines, weight = [], 0
    if lines and after is not None:
        yield Piece(b"".join(lines), len(lines), after)
