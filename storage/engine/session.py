"""Statements that travel together: prepared once on a connection, sent in a row, answered in one round trip.

psycopg's own execute costs some 50 µs of Python a statement and a round trip for each BEGIN and COMMIT. The hot
path has two statements to a transaction and thousands of transactions a second.

A conversation is written once, as coroutines that say where they wait for the socket; how they wait is the socket's
business (sockets.py).
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from storage.engine.database import Connection
from storage.engine.sockets import BlockingSocket, Socket, blocking

# Statements that a connection keeps prepared: each is some hundred kilobytes of plan in the server's memory.
PREPARED_MAX = 200
# For work that takes what it takes (storage.engine.database.patient): longer than anybody waits for a migration.
UNLIMITED_S = 86_400.0

_ANSWERED = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


@dataclass(frozen=True, eq=False)
class Statement:
    """SQL with parameters $1, $2 … of the given types."""

    sql: str
    types: Sequence[str]


class Session:
    """What a connection has prepared. It is the connection's own: one conversation at a time."""

    def __init__(self, connection: Connection, socket: Socket | None = None) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._socket = socket or BlockingSocket(connection.pgconn.socket)
        self._prepared: dict[Statement, bytes] = {}
        self._numbers = count()

    @property
    def is_open(self) -> bool:
        """Whether the connection can be used, as far as anybody has noticed."""
        return bool(self._pgconn.status == ConnStatus.OK)

    async def run(
        self, statement: Statement, parameters: Sequence[bytes], begin: bool = False, commit: bool = False
    ) -> Any:
        """Runs a statement and answers the first column of its first row, as bytes, or None.

        With `begin` a transaction opens before it, with `commit` it ends after it; all in one round trip. Raises
        what psycopg raises, and AnswerLate; an open transaction is then the caller's to roll back.
        """
        name = self._prepared.get(statement) or await self._prepare(statement)
        pgconn = self._pgconn
        with self._in_a_row():
            if begin:
                pgconn.send_query_params(b"BEGIN", None)
            pgconn.send_query_prepared(name, parameters)
            if commit:
                # Where the statement fails, what comes behind it is passed over.
                pgconn.send_query_params(b"COMMIT", None)
            pgconn.pipeline_sync()
            results = await self._results()
        return self._value(results)

    async def breathe(self) -> None:
        """Lets others on this thread go on for a moment, in the middle of a transaction."""
        await self._socket.breathe()

    async def roll_back(self) -> None:
        """Ends an open transaction, where the connection still has one."""
        pgconn = self._pgconn
        if self.is_open and pgconn.transaction_status != TransactionStatus.IDLE:
            # Past psycopg, which would drop all that is prepared: many a group is decided anew at once.
            await self.say(b"ROLLBACK")

    async def look(self) -> None:
        """Keeps in mind what the server still has prepared, and nothing else."""
        there = (await self.say(_PREPARED) or b"").split()
        self._prepared = {statement: name for statement, name in self._prepared.items() if name in there}

    def close(self) -> None:
        """Ends the connection, whatever was being said."""
        self._socket.close()
        self._connection.close()

    async def _prepare(self, statement: Statement) -> bytes:
        if len(self._prepared) >= PREPARED_MAX:
            # Which tables a group writes is nearly always one of a few dozen combinations; never mind the rest.
            for name in self._prepared.values():
                await self.say(b"DEALLOCATE " + name)
            self._prepared.clear()
        # Never a name again: what was dropped and what was not may have been prepared side by side.
        name = b"fealty_%d" % next(self._numbers)
        types = f" ({', '.join(statement.types)})" if statement.types else ""
        await self.say(b"PREPARE " + name + f"{types} AS {statement.sql}".encode())
        self._prepared[statement] = name
        return name

    async def say(self, text: bytes) -> Any:
        """Says what is said seldom, and has no parameters, as it is; answers as `run` does."""
        with self._in_a_row():
            self._pgconn.send_query_params(text, None)
            self._pgconn.pipeline_sync()
            results = await self._results()
        return self._value(results)

    @contextmanager
    def _in_a_row(self) -> Iterator[None]:
        pgconn = self._pgconn
        try:
            pgconn.enter_pipeline_mode()
            yield
            pgconn.exit_pipeline_mode()
        except BaseException as error:
            # What was half said cannot be taken back: the next one must not read its answer.
            said = pgconn.get_error_message()
            self._socket.close()
            pgconn.finish()
            if isinstance(error, psycopg.OperationalError):
                raise psycopg.OperationalError(said) from error
            raise

    async def _results(self) -> list[PGresult]:
        """All that is answered to what was sent, up to its end."""
        pgconn, ready = self._pgconn, self._socket.ready
        limit_s = UNLIMITED_S if self._connection.answer_limit_s is None else self._connection.answer_limit_s
        found: list[PGresult] = []
        while pgconn.flush():
            await ready(True, limit_s)
            pgconn.consume_input()
        while True:
            while pgconn.is_busy():
                await ready(False, limit_s)
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is not None:
                if result.status == ExecStatus.PIPELINE_SYNC:
                    return found
                found.append(result)
            elif pgconn.status != ConnStatus.OK:
                raise psycopg.OperationalError

    def _value(self, results: Sequence[PGresult]) -> Any:
        value = None
        for result in results:
            if result.status not in _ANSWERED:
                if self._pgconn.status != ConnStatus.OK:
                    # A connection that broke has no state to tell by; what it said is all there is.
                    raise psycopg.OperationalError(self._pgconn.get_error_message())
                raise error_from_result(result)
            if result.ntuples:
                value = result.get_value(0, 0)
        return value


# Ours are prepared by a statement, psycopg's by its protocol.
_PREPARED = b"SELECT string_agg(name, ' ') FROM pg_prepared_statements WHERE from_sql"

_sessions: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def session(connection: Connection) -> Session:
    """The session of a connection that is used by one thread, and blocks it."""
    found = _sessions.get(connection)
    if found is None:
        found = _sessions[connection] = Session(connection)
    return found


def forget(connection: Connection) -> None:
    """Forgets what was dropped of all that the connection has prepared; call it after each rollback that psycopg sees.

    PostgreSQL drops nothing then, but psycopg may deallocate everything, ours with its own. Whether it does depends on
    what it prepared and how often it saw the same words, so the server is asked. We deallocate nothing of psycopg's: it
    would not notice, and go on naming it.
    """
    found = _sessions.get(connection)
    if found is not None and found.is_open:
        blocking(found.look())


@asynccontextmanager
async def rolled_back_on_error(session: Session) -> AsyncIterator[None]:
    """For transactions whose BEGIN and COMMIT travel with other statements: leaves none open behind an exception."""
    try:
        yield
    except BaseException:
        await session.roll_back()
        raise
