"""Opens the database: one Peewee handle for the process, one connection for each thread that asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

import psycopg
from peewee import DatabaseProxy, Model, PostgresqlDatabase

# A database that does not answer this soon is down, and the caller is told so.
CONNECT_TIMEOUT_S = 3
# Longer than any statement of ours takes; shorter than the patience of a caller (server/limits.py).
STATEMENT_TIMEOUT_MS = 30_000
# A row lock held longer means a stuck neighbour: give up and let the caller retry.
LOCK_TIMEOUT_MS = 5_000
# A process stopped in the middle of a transaction must not keep its locks.
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
# A neighbour can be faster once; one that is faster three times in a row is a fault to be seen.
ATTEMPTS_MAX = 3

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]
# What `open_database` gives, for those who may not name the library.
Database: TypeAlias = PostgresqlDatabase

handle = DatabaseProxy()


class Table(Model):
    """What every table model is: bound to the database that the process opened."""

    class Meta:
        """The binding."""

        database = handle


class StorageUnavailable(Exception):
    """The database cannot be reached or did not answer in time."""


class AnswerLate(StorageUnavailable):
    """The database did not answer in time; whether it did what it was asked is not known."""


class OutOfRoom(StorageUnavailable):
    """The database has no disk or memory left to do what it was asked."""


class Busy(Exception):
    """Rows are held by somebody else for as long as this call could wait."""


class TooSlow(Exception):
    """The database worked on one statement for as long as it may, and was cut off."""


def open_database(url: str) -> PostgresqlDatabase:
    """Binds the models to the database at `url` (postgresql://…). Connects nothing yet."""
    options = " ".join(
        f"-c {name}={value}"
        for name, value in {
            "timezone": "UTC",
            "statement_timeout": STATEMENT_TIMEOUT_MS,
            "lock_timeout": LOCK_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
        }.items()
    )
    database = PostgresqlDatabase(
        url, prefer_psycopg3=True, autoconnect=False, connect_timeout=CONNECT_TIMEOUT_S, options=options
    )
    handle.initialize(database)
    return database


def connect(database: PostgresqlDatabase) -> Connection:
    """This thread's connection, opened or opened anew where it was lost. Raises StorageUnavailable."""
    try:
        if not database.is_closed() and not database.is_connection_usable():
            database.close()
        database.connect(reuse_if_open=True)
        return cast(Connection, database.connection())  # type: ignore[no-untyped-call]
    except Exception as error:
        if translated := known(error):
            raise translated from error
        raise


@contextmanager
def connection(database: PostgresqlDatabase) -> Iterator[Connection]:
    """This thread's connection. Raises StorageUnavailable, Busy, TooSlow for what the driver says of these."""
    try:
        yield connect(database)
    except Exception as error:
        if translated := known(error):
            raise translated from error
        raise


def known(error: BaseException) -> StorageUnavailable | Busy | TooSlow | None:
    """What the driver said, where it is that the database is away, that a row is held, or that a statement was cut
    off; None for all else, also for what is translated already."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StorageUnavailable | Busy | TooSlow):
            return None
        if isinstance(cause, psycopg.errors.QueryCanceled):
            return TooSlow(reason(error))
        if isinstance(cause, psycopg.errors.LockNotAvailable):
            return Busy(reason(error))
        if isinstance(cause, psycopg.OperationalError):
            if cause.sqlstate in _OUT_OF_ROOM:
                return OutOfRoom(reason(error))
            if cause.sqlstate is None or cause.sqlstate[:2] in _AWAY:
                return StorageUnavailable(reason(error))
        cause = cause.__cause__ or cause.__context__
    return None


def conflict(error: BaseException) -> bool:
    """Whether a neighbour was faster, so that the same transaction run again may see what it did."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, _CONFLICTS):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def reason(error: BaseException) -> str:
    """The first line of what the driver said; it names hosts and databases, never data."""
    return str(error).strip().partition("\n")[0]


# Connection exceptions, no more connections, shutting down (PostgreSQL, appendix A).
_AWAY = ("08", "53", "57")
# Disk full, out of memory.
_OUT_OF_ROOM = ("53100", "53200")
_CONFLICTS = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
)
