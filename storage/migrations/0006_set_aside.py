"""Accounts that a sweep could not settle, so that it goes on without them. A row stands as long as that lasts."""

from typing import Any

# Servers that do not know of it sweep as before.
OLDEST_SERVER = 4

SET_ASIDE = """
CREATE TABLE set_aside (
    account  bigint      PRIMARY KEY REFERENCES account,
    program  integer     NOT NULL REFERENCES program,
    since    timestamptz NOT NULL,
    error    text        NOT NULL,
    tries    integer     NOT NULL,
    retry_at timestamptz NOT NULL
);
CREATE INDEX set_aside_of_program ON set_aside (program, retry_at);
"""


def up(migrator: Any, db: Any) -> None:
    """Makes the table."""
    db.connection().execute(SET_ASIDE)
