"""A part of a transaction that may fail by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.pq import ConnStatus

from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.engine.unit import Unit


@contextmanager
def part(unit: Unit) -> Iterator[Unit]:
    """A unit of its own within a unit's transaction: written at its end, or with an exception undone.

    The exception goes on to the caller, who may go on with the unit as if the part had not been.
    """
    connection = unit.connection
    connection.execute("SAVEPOINT part")
    try:
        own = Unit(connection, unit.now)
        yield own
        own.write()
    except BaseException:
        if connection.pgconn.status == ConnStatus.OK:
            # Past psycopg, which would drop all that is prepared; PostgreSQL drops nothing.
            blocking(session(connection).say(b"ROLLBACK TO SAVEPOINT part"))
            connection.execute("RELEASE SAVEPOINT part")
        raise
    connection.execute("RELEASE SAVEPOINT part")
