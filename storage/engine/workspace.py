"""What one transaction has in hand, by record and key, and what it will write before it commits."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from storage.engine import sets
from storage.engine.records import Key, Kind, Record
from storage.engine.session import Session
from storage.engine.sets import Row, RowSet

Value = TypeVar("Value")

_ABSENT = object()


class Workspace:
    """Values by record and key, as the books have them and as this transaction changed them.

    `now` is the database's clock, so that servers with skewed clocks agree. Whatever was put since a mark can be taken
    back: a command that is refused, one of which all are to be done or none, and one of which somebody only wants to
    know what it would do leave nothing.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        # By the last part of the key, within the kind and the parts before: what is of one account stands together.
        self._values: dict[tuple[Kind[Any], Key], dict[Any, Any]] = {}
        # What is to be written: the columns that no rule reads of what is new, None of what was there.
        self._written: dict[tuple[Record[Any], Key], Mapping[str, Any] | None] = {}
        self._rows: defaultdict[RowSet, list[Row]] = defaultdict(list)
        self._journal: list[tuple[Any, Any, Any]] = []

    def load(self, kind: Kind[Value], key: Key, value: Value) -> None:
        """Takes something in hand as the books have it."""
        self.within(kind, key[:-1])[key[-1]] = value

    def get(self, kind: Kind[Value], key: Key) -> Value | None:
        """What is in hand under a key."""
        found = self._values.get((kind, key[:-1]))
        return found.get(key[-1]) if found is not None else None

    def within(self, kind: Kind[Value], owner: Key) -> dict[Any, Value]:
        """All that is in hand whose key begins with `owner`, by the last part of the key. Not to be changed."""
        try:
            return self._values[kind, owner]
        except KeyError:
            return self._values.setdefault((kind, owner), {})

    def put(self, record: Record[Value], key: Key, value: Value, made: Mapping[str, Any] | None = None) -> bool:
        """Changes a row, or makes it where it is not in hand, with the columns that no rule reads; says which."""
        last = key[-1]
        within = self.within(record, key[:-1])
        before = within.get(last, _ABSENT)
        self._journal.append((within, last, before))
        within[last] = value
        named = (record, key)
        if named not in self._written:
            self._journal.append((self._written, named, _ABSENT))
            self._written[named] = made if before is _ABSENT else None
        return before is _ABSENT

    def made(self, record: Record[Any], key: Key) -> Mapping[str, Any] | None:
        """The columns that no rule reads of what this transaction makes; None of what was there."""
        return self._written.get((record, key))

    def is_written(self, record: Record[Any], key: Key) -> bool:
        """Whether this transaction makes or changes it."""
        return (record, key) in self._written

    def add(self, row_set: RowSet, row: Row) -> None:
        """Plans a row of which nothing more will be asked; it is written when the workspace is."""
        rows = self._rows[row_set]
        rows.append(row)
        self._journal.append((rows, None, _ABSENT))

    def mark(self) -> int:
        """What to give to `return_to`."""
        return len(self._journal)

    def return_to(self, mark: int) -> None:
        """As if nothing had been put or added since the mark."""
        journal = self._journal
        while len(journal) > mark:
            where, key, before = journal.pop()
            if key is None:
                where.pop()
            elif before is _ABSENT:
                del where[key]
            else:
                where[key] = before

    async def flush(self, session: Session, commit: bool = False) -> None:
        """Writes all of it, one statement for all tables; with `commit`, ends the transaction with it."""
        for (record, key), made in self._written.items():
            value = self._values[record, key[:-1]][key[-1]]
            if made is None:
                self._rows[record.changed].append(record.changed_row(key, value))
            else:
                self._rows[record.made].append(record.made_row(key, value, made))
        if any(self._rows.values()) or commit:
            await sets.write(session, self._rows, self.now, commit)
        # Written is written: nothing of it is taken back but by the transaction.
        self._written.clear()
        self._rows.clear()
        self._journal.clear()
