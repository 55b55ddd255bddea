"""The unit of work: one transaction, its instant, and the rows it will write before it commits."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from peewee import PostgresqlDatabase

from storage.engine import sets
from storage.engine.database import ATTEMPTS_MAX, Connection, conflict, connect, in_our_words
from storage.engine.session import Session, forget, session
from storage.engine.sets import Row, RowSet
from storage.engine.sockets import blocking

Result = TypeVar("Result")


class Plan:
    """The rows that one transaction will write. `now` is the database's clock, so that servers with skewed clocks
    agree."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.rows: defaultdict[RowSet, list[Row]] = defaultdict(list)

    def add(self, row_set: RowSet, row: Row) -> None:
        """Plans a row; it is written when the unit is."""
        self.rows[row_set].append(row)

    def mark(self) -> dict[RowSet, int]:
        """What to give to `return_to`."""
        return {row_set: len(rows) for row_set, rows in self.rows.items()}

    def return_to(self, mark: dict[RowSet, int]) -> None:
        """Forgets the rows that were planned since the mark."""
        for row_set, rows in self.rows.items():
            del rows[mark.get(row_set, 0) :]

    async def flush(self, session: Session, commit: bool = False) -> None:
        """Writes the planned rows, one statement for all tables; with `commit`, ends the transaction with it."""
        if any(self.rows.values()) or commit:
            await sets.write(session, self.rows, self.now, commit)
            self.rows.clear()


class Unit(Plan):
    """The plan of a transaction on this thread's connection, which may be asked meanwhile."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        super().__init__(now)
        self.connection = connection
        self.discarded = False

    def write(self) -> None:
        """Writes the rows that are planned so far."""
        blocking(self.flush(session(self.connection)))

    def discard(self) -> None:
        """Nothing of this unit will be kept: somebody only wanted to know what would happen."""
        self.discarded = True


@contextmanager
def transaction(database: PostgresqlDatabase) -> Iterator[Unit]:
    """One transaction on this thread's connection: written and committed at the end, rolled back on an exception.

    No network call, no sleep and no second transaction inside. Raises StorageUnavailable, Busy, TooSlow.
    """
    with in_our_words():
        connection = connect(database)
        kept = False
        try:
            with database.atomic() as transaction:
                (now,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
                assert isinstance(now, datetime)
                unit = Unit(connection, now)
                yield unit
                if unit.discarded:
                    transaction.rollback()
                else:
                    unit.write()
            kept = not unit.discarded
        finally:
            if not kept:
                forget(connection)


def run(database: PostgresqlDatabase, change: Callable[[Unit], Result]) -> Result:
    """`change` in a transaction of its own, again where a neighbour was faster."""
    for attempt in range(1, ATTEMPTS_MAX + 1):
        try:
            with transaction(database) as unit:
                return change(unit)
        except Exception as error:
            if attempt == ATTEMPTS_MAX or not conflict(error):
                raise
    raise AssertionError("the last attempt returns or raises")
