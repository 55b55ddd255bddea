"""The unit of work: one transaction on this thread's connection, and what it has in hand."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from peewee import PostgresqlDatabase

from storage.engine.database import ATTEMPTS_MAX, Connection, conflict, connect, in_our_words
from storage.engine.keyring import NO_KEYS
from storage.engine.session import forget, session
from storage.engine.sockets import blocking
from storage.engine.workspace import Workspace

Result = TypeVar("Result")


class Unit(Workspace):
    """The workspace of a transaction on this thread's connection, which may be asked meanwhile."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        super().__init__(now)
        self.connection = connection
        self.discarded = False
        # With it what persons told us can be recorded and read.
        self.keyring = NO_KEYS

    def write(self) -> None:
        """Writes what was put and added so far."""
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
