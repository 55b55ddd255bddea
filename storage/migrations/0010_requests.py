"""A request is called what its caller calls it: any text, no longer only a UUID. The table is written anew."""

from typing import Any

# The version before compares ids as UUIDs.
OLDEST_SERVER = 10


def up(migrator: Any, db: Any) -> None:
    """Writes the table of kept answers anew."""
    db.connection().execute("ALTER TABLE request ALTER COLUMN request_id TYPE text")
