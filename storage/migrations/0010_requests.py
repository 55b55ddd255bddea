"""A request is called what its caller calls it, and a purchase that was corrected knows what it was recorded with."""

from typing import Any

# The version before compares ids of requests as UUIDs.
OLDEST_SERVER = 10


def up(migrator: Any, db: Any) -> None:
    """Writes the table of kept answers anew, and adds a column to purchases."""
    db.connection().execute("ALTER TABLE request ALTER COLUMN request_id TYPE text")
    db.connection().execute("ALTER TABLE transaction ADD COLUMN first_content text")
