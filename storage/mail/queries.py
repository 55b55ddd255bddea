"""Reads how mails fare."""

from datetime import datetime, timedelta
from typing import NamedTuple

from storage.engine.database import Connection
from storage.mail.commands import ACTOR


class Mails(NamedTuple):
    """How many wait to be sent, since when the oldest should have been, and how many were given up lately, by error."""

    waiting: int
    oldest_due_at: datetime | None
    failed: dict[str, int]


def mails(connection: Connection, lately: timedelta) -> Mails:
    """As they stand, in all programs."""
    waiting, oldest_due_at = connection.execute(_WAITING, (ACTOR,)).fetchone() or (0, None)
    return Mails(waiting, oldest_due_at, dict(connection.execute(_FAILED, (lately,)).fetchall()))


_WAITING = """
SELECT count(*), min(first_due_at) FROM task
WHERE actor = %s AND state IN ('READY', 'SENT') AND first_due_at <= now()
"""

_FAILED = """
SELECT error, count(*) FROM mail WHERE state = 'FAILED' AND ended_at > now() - %s GROUP BY error ORDER BY count(*) DESC
"""
