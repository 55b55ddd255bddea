"""How far those have come who make something of the log behind its writers."""

from typing import Any

# Older servers make nothing of the log and need nothing of it.
OLDEST_SERVER = 11

FOLLOWERS = """
CREATE TABLE activity_follower (
    name        text        PRIMARY KEY,
    position    bigint      NOT NULL
);
"""


def up(migrator: Any, db: Any) -> None:
    """Makes the table."""
    db.connection().execute(FOLLOWERS)
