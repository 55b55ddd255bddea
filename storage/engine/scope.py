"""Whose rows a session sees: behind the wall between programs (storage/wall.py), those of some programs only."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.pq import TransactionStatus

from storage.engine.database import Connection, StorageUnavailable

# The internal ids of the programs whose rows are shown, separated by commas. Where it says nothing, there are none.
SETTING = "fealty.programs"


@contextmanager
def behind_the_wall(connection: Connection, programs: frozenset[str] | None) -> Iterator[None]:
    """Shows this session the rows of these programs and of no others, until the end; None: all that there are.

    Where the database has no wall, because its owner made no roles, everything is shown. A connection that is lost
    meanwhile is not made anew (storage.engine.database.connect), and one that cannot be brought out again is closed.
    """
    if programs is None:
        yield
        return
    connection.is_behind_the_wall = True
    try:
        connection.execute(_STEP_IN, (list(programs),), prepare=True)
        yield
    finally:
        _step_out(connection)


def _step_out(connection: Connection) -> None:
    try:
        # What is set inside of a transaction comes back with its end.
        if connection.info.transaction_status is TransactionStatus.IDLE:
            with suppress(psycopg.Error, StorageUnavailable):
                connection.execute(_STEP_OUT)
                return
        connection.close()
    finally:
        connection.is_behind_the_wall = False


# The programs are looked up before the role is taken on, in which they could not be seen. Which role the wall stands
# before, it says itself: a copy of a database has that of its original.
_STEP_IN = f"""
SELECT set_config('{SETTING}', coalesce((
           SELECT string_agg(id::text, ',') FROM program WHERE program_id = ANY(%s)
       ), ''), false),
       set_config('role', coalesce((
           SELECT r.rolname FROM pg_policy p JOIN pg_roles r ON r.oid = ANY(p.polroles)
           WHERE p.polrelid = to_regclass('program') LIMIT 1
       ), 'none'), false)
"""  # noqa: S608 - our own words

_STEP_OUT = f"RESET ROLE; RESET {SETTING}"
