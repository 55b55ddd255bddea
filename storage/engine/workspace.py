"""What one transaction has in hand, by record and key, and what it will write before it commits."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from storage.engine import sets
from storage.engine.records import Key, Kind, Record
from storage.engine.session import Session
from storage.engine.sets import Row, RowSet

Value = TypeVar("Value")

_ABSENT = object()
_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Workspace:
    """Values by record and key, as the books have them and as this transaction changed them.

    `now` is the database's clock, so that servers with skewed clocks agree. Whatever was put since a mark can be taken
    back: a command that is refused, one of which all are to be done or none, and one of which somebody only wants to
    know what it would do leave nothing.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        # By the last part of the key, within the parts before it: what is of one account stands together.
        self._values: defaultdict[Kind[Any], dict[Key, dict[Any, Any]]] = defaultdict(dict)
        # What is to be written: the columns that no rule reads of what is new, None of what was there.
        self._written: defaultdict[Record[Any], dict[Key, Mapping[str, Any] | None]] = defaultdict(dict)
        self._rows: defaultdict[RowSet, list[Row]] = defaultdict(list)
        self._journal: list[tuple[Any, Any, Any]] = []

    def load(self, kind: Kind[Value], key: Key, value: Value) -> None:
        """Takes something in hand as the books have it."""
        self._values[kind].setdefault(key[:-1], {})[key[-1]] = value

    def get(self, kind: Kind[Value], key: Key) -> Value | None:
        """What is in hand under a key."""
        return self._values[kind].get(key[:-1], _NOTHING).get(key[-1])

    def within(self, kind: Kind[Value], owner: Key) -> Mapping[Any, Value]:
        """All that is in hand now whose key begins with `owner`, by the last part of the key."""
        return self._values[kind].get(owner, _NOTHING)

    def put(self, record: Record[Value], key: Key, value: Value, made: Mapping[str, Any] | None = None) -> bool:
        """Changes a row, or makes it where it is not in hand, with the columns that no rule reads; says which."""
        owner, last = key[:-1], key[-1]
        values = self._values[record]
        within = values.get(owner)
        if within is None:
            within = values[owner] = {}
        before = within.get(last, _ABSENT)
        within[last] = value
        self._journal.append((within, last, before))
        written = self._written[record]
        if key not in written:
            written[key] = made if before is _ABSENT else None
            self._journal.append((written, key, _ABSENT))
        return before is _ABSENT

    def note(self, kind: Kind[Value], key: Key, value: Value) -> None:
        """Takes something in hand that is never written, and that is taken back like what is."""
        within = self._values[kind].setdefault(key[:-1], {})
        self._journal.append((within, key[-1], within.get(key[-1], _ABSENT)))
        within[key[-1]] = value

    def made(self, record: Record[Any], key: Key) -> Mapping[str, Any] | None:
        """The columns that no rule reads of what this transaction makes; None of what was there."""
        return self._written[record].get(key)

    def is_written(self, record: Record[Any], key: Key) -> bool:
        """Whether this transaction makes or changes it."""
        return key in self._written[record]

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
        for record, written in self._written.items():
            values = self._values[record]
            for key, made in written.items():
                value = values[key[:-1]][key[-1]]
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
