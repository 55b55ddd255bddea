"""Statements that travel together: prepared once on a connection, sent as one text, answered in one round trip.

psycopg's own execute costs some 50 µs of Python a statement and a round trip for each BEGIN and COMMIT. The hot
path has two statements to a transaction and thousands of transactions a second.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, Escaping, ExecStatus

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
        self._escaping = Escaping(self._pgconn)
        self._prepared: dict[Statement, bytes] = {}

    def run(self, statement: Statement, parameters: Sequence[bytes], begin: bool = False, commit: bool = False) -> Any:
        """Runs a statement and answers the first column of its first row, as bytes, or None.

        With `begin` a transaction opens before it, with `commit` it ends after it; all in one round trip. Raises
        what psycopg raises; an open transaction is then the caller's to roll back.
        """
        name = self._prepared.get(statement) or self._prepare(statement)
        literals = b", ".join([self._escaping.escape_literal(parameter) for parameter in parameters])
        text = b"EXECUTE " + name + b"(" + literals + b")"
        if begin:
            text = b"BEGIN; " + text
        if commit:
            # The rows of a statement are of no use once the transaction has ended: COMMIT answers none.
            text += b"; COMMIT"
        return self._answer(text)

    def _prepare(self, statement: Statement) -> bytes:
        if len(self._prepared) >= PREPARED_MAX:
            # Which tables a group writes is nearly always one of a few dozen combinations; never mind the rest.
            for name in self._prepared.values():
                self._answer(b"DEALLOCATE " + name)
            self._prepared.clear()
        name = b"fealty_%d" % len(self._prepared)
        types = ", ".join(statement.types)
        self._answer(b"PREPARE " + name + f" ({types}) AS {statement.sql}".encode())
        self._prepared[statement] = name
        return name

    def _answer(self, text: bytes) -> Any:
        try:
            result = self._pgconn.exec_(text)
        except psycopg.OperationalError as error:
            raise psycopg.OperationalError(self._pgconn.get_error_message()) from error
        if result.status not in _ANSWERED:
            if self._pgconn.status != ConnStatus.OK:
                # A connection that broke has no state to tell by; what it said is all there is.
                raise psycopg.OperationalError(self._pgconn.get_error_message())
            raise error_from_result(result)
        return result.get_value(0, 0) if result.ntuples else None


_sessions: WeakKeyDictionary[Any, Session] = WeakKeyDictionary()


def session(connection: Connection) -> Session:
    """The session of a connection."""
    found = _sessions.get(connection)
    if found is None:
        found = _sessions[connection] = Session(connection)
    return found


def forget(connection: Connection) -> None:
    """Drops all that the connection has prepared; call it after each rollback, which makes psycopg do so too.

    psycopg then deallocates everything, ours with its own, but only where it had prepared something itself.
    """
    _sessions.pop(connection, None)
    if connection.pgconn.status == ConnStatus.OK:
        connection.pgconn.exec_(b"DEALLOCATE ALL")


@contextmanager
def rolled_back_on_error(connection: Connection) -> Iterator[None]:
    """For transactions whose BEGIN and COMMIT travel with other statements: leaves none open behind an exception."""
    try:
        yield
    except BaseException:
        if not connection.closed and not connection.broken:
            connection.rollback()
            forget(connection)
        raise
