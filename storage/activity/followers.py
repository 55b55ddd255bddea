"""Those who make something of the log behind its writers: they take each activity once, seconds after it was recorded.

A follower goes along the positions (positions.py), which have no gaps. How far it has come stands in the same
transaction as what it made of it: so nothing is taken twice or left out, wherever it is stopped.
"""

from collections.abc import Callable
from typing import TypeAlias

from storage.activity import positions
from storage.engine.database import Connection

# Takes the activities from behind one position up to another, in the transaction of the connection.
Take: TypeAlias = Callable[[Connection, int, int], None]


def advance(connection: Connection, name: str, take: Take, limit: int) -> int:
    """Has a follower take up to `limit` activities more, in the caller's transaction; answers how many. Fewer: there
    were no more. Where somebody else is advancing it, this takes none and does not wait."""
    found = connection.execute(_REACHED, (name,)).fetchone()
    if found is None:
        connection.execute(_BEGIN, (name,))
    elif found[0] == positions.newest(connection):
        # Most looks find nothing. They take no lock and write nothing.
        return 0
    held = connection.execute(f"{_REACHED} FOR UPDATE SKIP LOCKED", (name,)).fetchone()
    if held is None:
        return 0
    # A statement after the lock: all that was given a position before it can be read.
    after = int(held[0])
    upto = min(after + limit, positions.newest(connection))
    if upto > after:
        take(connection, after, upto)
        connection.execute(_ADVANCE, (upto, name))
    return upto - after


def reached(connection: Connection, name: str) -> int:
    """The last position that a follower has taken, 0 where it has not begun."""
    found = connection.execute(_REACHED, (name,)).fetchone()
    return int(found[0]) if found is not None else 0


def begin_anew(connection: Connection, name: str) -> None:
    """Has a follower take everything once more, in the caller's transaction, which empties what it has made."""
    connection.execute(_BEGIN_ANEW, (name,))


def note_complete(connection: Connection, name: str) -> None:
    """Notes up to when a follower has taken everything, in the caller's transaction, if it has: all that was
    committed by then. Whoever asks for what it made is told."""
    (at,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
    # In this order: all that was committed by then has a position by the time that the newest is asked for.
    if positions.all_given(connection) and reached(connection, name) >= positions.newest(connection):
        connection.execute(_NOTE_COMPLETE, (at, name))


def hold(connection: Connection, name: str) -> None:
    """Has a follower take nothing until the caller's transaction ends; waits for the step in hand."""
    connection.execute(f"{_REACHED} FOR UPDATE", (name,))


_REACHED = "SELECT position FROM activity_follower WHERE name = %s"
_BEGIN = "INSERT INTO activity_follower (name, position) VALUES (%s, 0) ON CONFLICT DO NOTHING"
_ADVANCE = "UPDATE activity_follower SET position = %s WHERE name = %s"
_BEGIN_ANEW = "UPDATE activity_follower SET position = 0, complete_at = NULL WHERE name = %s"
# Whoever has the row in hand is not waited for.
_NOTE_COMPLETE = """
UPDATE activity_follower SET complete_at = %s
WHERE name = (SELECT name FROM activity_follower WHERE name = %s FOR UPDATE SKIP LOCKED)
"""
