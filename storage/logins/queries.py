"""Reads a user's own logins."""

from datetime import datetime
from typing import NamedTuple

from storage.access.authenticating import LOGIN_IDLE_S
from storage.engine.database import Connection


class OwnLogin(NamedTuple):
    """A login that is not over, as its user sees it."""

    id: str
    created_at: datetime
    used_at: datetime
    ends_at: datetime
    ip_address: str
    user_agent: str
    restricted: bool


def page(connection: Connection, person: str, after: str, limit: int) -> list[OwnLogin]:
    """Those of a user, the newest first, behind the one of that id (empty: from the first)."""
    return [OwnLogin(*row) for row in connection.execute(_PAGE, (person, after, after, limit)).fetchall()]


_PAGE = f"""
SELECT l.id, l.created_at, u.used_at, l.ends_at, l.ip_address, l.user_agent, l.restricted
FROM login l LEFT JOIN credential_use c ON c.credential = l.id
CROSS JOIN LATERAL (SELECT coalesce(c.used_at, l.created_at) AS used_at) AS u
WHERE l.person = %s AND l.ended_at IS NULL AND l.ends_at > now() AND u.used_at > now() - interval '{LOGIN_IDLE_S} s'
    AND (%s = '' OR (l.created_at, l.id) < (SELECT created_at, id FROM login WHERE id = %s))
ORDER BY l.created_at DESC, l.id DESC LIMIT %s
"""  # noqa: S608 - a number of ours
