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
    connection.execute(_ADVANCE, (0, name))


_REACHED = "SELECT position FROM activity_follower WHERE name = %s"
_BEGIN = "INSERT INTO activity_follower (name, position) VALUES (%s, 0) ON CONFLICT DO NOTHING"
_ADVANCE = "UPDATE activity_follower SET position = %s WHERE name = %s"
