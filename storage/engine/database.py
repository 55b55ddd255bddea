"""Opens the database: Peewee's handle for the process, with a limit on every wait of every connection."""

import os
import socket
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeAlias, cast

import psycopg
from peewee import DatabaseProxy, Model, PostgresqlDatabase, Psycopg3Adapter
from psycopg.pq import ConnStatus, TransactionStatus

# What sessions are called that show no more about themselves.
SESSION_NAME = "fealty"
# A database that does not answer this soon is down, and the caller is told so.
CONNECT_TIMEOUT_S = 3
# Longer than any statement of ours takes; shorter than the patience of a caller (server/limits.py).
STATEMENT_TIMEOUT_MS = 30_000
# A row lock held longer means a stuck neighbour: give up and let the caller retry.
LOCK_TIMEOUT_MS = 2_000
# A process stopped in the middle of a transaction must not keep its locks.
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
# PostgreSQL ends a statement at its own limit, and says so. Where not even that is heard in time, nobody is there.
ANSWER_SPARE_S = 5
ANSWER_LIMIT_S = STATEMENT_TIMEOUT_MS / 1000 + ANSWER_SPARE_S
# What the kernel does about a host that vanished: it asks after 15 s of silence and gives up 15 s later; bytes that
# nobody acknowledges are given up after 20 s. PostgreSQL is told to look after us in the same way: a host without power
# would hold its locks, and the clock's lease, for two hours.
KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
# How often PostgreSQL looks, while it works, whether we still wait: what we gave up it need not finish.
CLIENT_CHECK_MS = 5_000
# A neighbour can be faster once; one that is faster three times in a row is a fault to be seen.
ATTEMPTS_MAX = 3

# How a row is locked that others refer to: FOR UPDATE would stop each of them that checks its foreign key.
NO_KEY_UPDATE: Any = "FOR NO KEY UPDATE"

handle = DatabaseProxy()


class Table(Model):
    """What every table model is: bound to the database that the process opened."""

    class Meta:
        """The binding."""

        database = handle


class StorageUnavailable(Exception):
    """The database cannot be reached or did not answer in time."""


class AnswerLate(StorageUnavailable):
    """The database was asked, and did not answer in time; what became of it is not known."""


class OutOfRoom(StorageUnavailable):
    """The database has no disk or memory left to do what it was asked."""


class Busy(Exception):
    """Somebody else has had these rows in hand for as long as this could wait; nothing was changed."""


class TooSlow(Exception):
    """The database worked on one statement for as long as it may, and was cut off; nothing was changed."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that waits for no answer longer than `answer_limit_s`; None: for work that takes what it takes."""

    answer_limit_s: float | None = ANSWER_LIMIT_S
    # Whether it shows the rows of some programs only (storage/engine/scope.py).
    is_behind_the_wall = False

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's. Raises AnswerLate, and the connection is lost: its late answer would be taken for the next."""
        try:
            return super().wait(gen, interval, self.answer_limit_s if timeout is None else timeout)
        except psycopg.OperationalError as error:
            pgconn = self.pgconn
            if pgconn.status == ConnStatus.OK and pgconn.transaction_status == TransactionStatus.ACTIVE:
                pgconn.finish()
                raise AnswerLate(f"no answer within {self.answer_limit_s:.0f} s") from error
            raise


class _Adapter(Psycopg3Adapter):
    def connect(self, db: PostgresqlDatabase, **parameters: Any) -> Connection:
        try:
            return Connection.connect(db.database, **parameters)
        except psycopg.OperationalError as error:
            # It holds the frames that hold the socket, in a ring: in a server that seldom collects, hundreds of them.
            traceback.clear_frames(error.__traceback__)
            raise


class _Postgres(PostgresqlDatabase):
    psycopg3_adapter = _Adapter
    # What its sessions are called in pg_stat_activity; lanes add their names.
    session_name = SESSION_NAME


# What `open_database` gives, for those who may not name the library.
Database: TypeAlias = _Postgres


def open_database(url: str, functions: str = "") -> Database:
    """Binds the models to the database at `url` (postgresql://…). Connects nothing yet.

    Sessions show by their name which set of `functions` they use (storage/engine/functions.py).
    """
    session_name = f"{SESSION_NAME}-{functions}" if functions else SESSION_NAME
    options = " ".join(
        f"-c {name}={value}"
        for name, value in {
            "application_name": session_name,
            "timezone": "UTC",
            "statement_timeout": STATEMENT_TIMEOUT_MS,
            "lock_timeout": LOCK_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
            "client_connection_check_interval": CLIENT_CHECK_MS,
            "tcp_keepalives_idle": KEEPALIVE["keepalives_idle"],
            "tcp_keepalives_interval": KEEPALIVE["keepalives_interval"],
            "tcp_keepalives_count": KEEPALIVE["keepalives_count"],
        }.items()
    )
    database = _Postgres(
        url,
        prefer_psycopg3=True,
        autoconnect=False,
        connect_timeout=CONNECT_TIMEOUT_S,
        options=options,
        **KEEPALIVE,  # type: ignore[arg-type]
    )
    database.session_name = session_name
    handle.initialize(database)
    return database


def connect(database: PostgresqlDatabase) -> Connection:
    """This thread's connection, opened or opened anew where it was lost. Raises StorageUnavailable."""
    with in_our_words():
        if not database.is_closed() and not database.is_connection_usable():
            if _current(database).is_behind_the_wall:
                # A new one would be before it.
                raise StorageUnavailable("the connection was lost")
            database.close()
        database.connect(reuse_if_open=True)
        return _current(database)


def _current(database: PostgresqlDatabase) -> Connection:
    return cast(Connection, database.connection())  # type: ignore[no-untyped-call]


def dial(database: PostgresqlDatabase, settings: Mapping[str, str], answer_limit_s: float) -> Connection:
    """A connection that belongs to its caller, not to a thread, with the settings of its session.

    Waits up to CONNECT_TIMEOUT_S to be let in, and as long again for the settings. Raises StorageUnavailable.
    """
    with in_our_words():
        made: Connection = database._connect()  # type: ignore[attr-defined]
        try:
            made.answer_limit_s = CONNECT_TIMEOUT_S
            apply(made, settings)
        except BaseException:
            made.close()
            raise
        made.answer_limit_s = answer_limit_s
        return made


def apply(connection: Connection, settings: Mapping[str, str]) -> None:
    """Makes these the settings of a connection's session."""
    if settings:
        names = ", ".join(["set_config(%s, %s, false)"] * len(settings))
        connection.execute(f"SELECT {names}".encode(), [word for setting in settings.items() for word in setting])


def cut(connection: Connection) -> None:
    """Ends a connection on which another thread may be waiting: that thread finds the database away."""
    if connection.closed:
        return
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


@contextmanager
def patient(connection: Connection, limit_s: float | None = None) -> Iterator[None]:
    """Answers may take longer here; None: as long as they take, as those of a migration or a look at all of the books.

    PostgreSQL's own limit is the caller's to lift.
    """
    usual, connection.answer_limit_s = connection.answer_limit_s, limit_s
    try:
        yield
    finally:
        connection.answer_limit_s = usual


@contextmanager
def connection(database: PostgresqlDatabase) -> Iterator[Connection]:
    """This thread's connection; what goes wrong with it leaves as StorageUnavailable, Busy or TooSlow."""
    with in_our_words():
        yield connect(database)


@contextmanager
def in_our_words() -> Iterator[None]:
    """Raises what the driver says as StorageUnavailable, Busy or TooSlow; what is none of them, as it is."""
    try:
        yield
    except Exception as error:
        if translated := known(error):
            raise translated from error
        raise


def known(error: BaseException) -> StorageUnavailable | Busy | TooSlow | None:
    """What the driver said, where it is that the database is away, that a row is held, or that a statement was cut
    off; None for all else, also for what is translated already."""
    for cause in _causes(error):
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
    return None


def conflict(error: BaseException) -> bool:
    """Whether a neighbour was faster, so that the same transaction run again may see what it did."""
    return any(isinstance(cause, _CONFLICTS) for cause in _causes(error))


def reason(error: BaseException) -> str:
    """The first line of what the driver said; it names hosts and databases, never data."""
    return str(error).strip().partition("\n")[0]


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


# Connection exceptions, no more connections, shutting down (PostgreSQL, appendix A).
_AWAY = ("08", "53", "57")
# Disk full, out of memory.
_OUT_OF_ROOM = ("53100", "53200")
_CONFLICTS = (
    psycopg.errors.UniqueViolation,
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
)
