"""Statements that travel together: prepared once on a connection, sent in a row, answered in one round trip.

psycopg's own execute costs some 50 µs of Python a statement and a round trip for each BEGIN and COMMIT. The hot
path has two statements to a transaction and thousands of transactions a second.
"""

import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from storage.engine.database import Connection

# Statements that a connection keeps prepared: each is some hundred kilobytes of plan in the server's memory.
PREPARED_MAX = 200

_ANSWERED = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


@dataclass(frozen=True, eq=False)
class Statement:
    """SQL with parameters $1, $2 … of the given types."""

    sql: str
    types: Sequence[str]


class Session:
    """What a connection has prepared. It is the connection's own: one thread uses it at a time."""

    def __init__(self, connection: Connection) -> None:
        self._pgconn = connection.pgconn
        self._prepared: dict[Statement, bytes] = {}
        self._numbers = count()
        self._readable, self._either = select.poll(), select.poll()
        self._readable.register(self._pgconn.socket, select.POLLIN)
        self._either.register(self._pgconn.socket, select.POLLIN | select.POLLOUT)

    def run(self, statement: Statement, parameters: Sequence[bytes], begin: bool = False, commit: bool = False) -> Any:
        """Runs a statement and answers the first column of its first row, as bytes, or None.

        With `begin` a transaction opens before it, with `commit` it ends after it; all in one round trip. Raises
        what psycopg raises; an open transaction is then the caller's to roll back.
        """
        name = self._prepared.get(statement) or self._prepare(statement)
        pgconn = self._pgconn
        try:
            pgconn.enter_pipeline_mode()
            if begin:
                pgconn.send_query_params(b"BEGIN", None)
            pgconn.send_query_prepared(name, parameters)
            if commit:
                # Where the statement fails, what comes behind it is passed over.
                pgconn.send_query_params(b"COMMIT", None)
            pgconn.pipeline_sync()
            results = self._results()
            pgconn.exit_pipeline_mode()
        except BaseException as error:
            # What was half said cannot be taken back: the next one must not read its answer.
            said = pgconn.get_error_message()
            pgconn.finish()
            if isinstance(error, psycopg.OperationalError):
                raise psycopg.OperationalError(said) from error
            raise
        return self._value(results)

    def look(self) -> None:
        """Keeps in mind what the server still has prepared, and nothing else."""
        there = (self._answer(_PREPARED) or b"").split()
        self._prepared = {statement: name for statement, name in self._prepared.items() if name in there}

    def _prepare(self, statement: Statement) -> bytes:
        if len(self._prepared) >= PREPARED_MAX:
            # Which tables a group writes is nearly always one of a few dozen combinations; never mind the rest.
            for name in self._prepared.values():
                self._answer(b"DEALLOCATE " + name)
            self._prepared.clear()
        # Never a name again: what was dropped and what was not may have been prepared side by side.
        name = b"fealty_%d" % next(self._numbers)
        types = ", ".join(statement.types)
        self._answer(b"PREPARE " + name + f" ({types}) AS {statement.sql}".encode())
        self._prepared[statement] = name
        return name

    def _answer(self, text: bytes) -> Any:
        try:
            result = self._pgconn.exec_(text)
        except psycopg.OperationalError as error:
            raise psycopg.OperationalError(self._pgconn.get_error_message()) from error
        return self._value([result])

    def _results(self) -> list[PGresult]:
        """All that is answered to what was sent, up to its end. No other thread waits meanwhile."""
        pgconn = self._pgconn
        found: list[PGresult] = []
        while pgconn.flush():
            for _, event in self._either.poll():
                if event & ~select.POLLOUT:
                    pgconn.consume_input()
        while True:
            while pgconn.is_busy():
                self._readable.poll()
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
    """The session of a connection."""
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
    if found is not None and connection.pgconn.status == ConnStatus.OK:
        found.look()


@contextmanager
def rolled_back_on_error(connection: Connection) -> Iterator[None]:
    """For transactions whose BEGIN and COMMIT travel with other statements: leaves none open behind an exception."""
    try:
        yield
    except BaseException:
        pgconn = connection.pgconn
        if pgconn.status == ConnStatus.OK and pgconn.transaction_status != TransactionStatus.IDLE:
            # Past psycopg, which would drop all that is prepared: many a group is decided anew at once.
            pgconn.exec_(b"ROLLBACK")
        raise
