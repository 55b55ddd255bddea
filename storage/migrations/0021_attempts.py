"""Attempts that failed, as far as server processes have told each other."""

from typing import Any

# Older servers count none: nobody who calls them is limited.
OLDEST_SERVER = 18

# Unlogged: it is written every second under attack, and after a crash of the database servers go on with what they know
# by themselves. Rows change more often than they are made, which leaves room for it in their pages.
ATTEMPTS = """
CREATE UNLOGGED TABLE attempt (
    key       bytea       NOT NULL,
    window_at timestamptz NOT NULL,
    failures  integer     NOT NULL,
    closed_by bigint,
    PRIMARY KEY (key, window_at)
) WITH (fillfactor = 70);
"""


def up(migrator: Any, db: Any) -> None:
    """Makes the table."""
    db.connection().execute(ATTEMPTS)
