"""Mails, and tasks that do something outside the database or are first due later."""

from typing import Any

# Older servers and workers neither plan mails nor take them, and work on all other tasks as before.
OLDEST_SERVER = 4

TASKS = """
ALTER TABLE task
    ADD COLUMN first_due_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN begun        integer     NOT NULL DEFAULT 0,
    ADD COLUMN begun_until  timestamptz;
"""

# Of the person it is for, a mail keeps who that is, and nothing else.
MAIL = """
CREATE TABLE mail (
    id           uuid        PRIMARY KEY,
    program      integer     NOT NULL REFERENCES program,
    customer     bigint      NOT NULL REFERENCES customer,
    template     text        NOT NULL,
    arguments    jsonb       NOT NULL,
    state        text        NOT NULL DEFAULT 'PLANNED' CHECK (state IN ('PLANNED', 'SENT', 'FAILED')),
    tries        integer     NOT NULL DEFAULT 0,
    error        text,
    created_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    activity     uuid        NOT NULL REFERENCES activity,
    end_activity uuid        REFERENCES activity,
    CHECK ((state = 'PLANNED') = (ended_at IS NULL) AND (state = 'PLANNED') = (end_activity IS NULL)),
    CHECK ((state = 'FAILED') = (error IS NOT NULL))
);
CREATE INDEX mail_of_customer ON mail (customer, created_at);
CREATE INDEX mail_failed ON mail (ended_at) WHERE state = 'FAILED';
"""


def up(migrator: Any, db: Any) -> None:
    """Widens the table of tasks, and makes that of mails."""
    for part in (TASKS, MAIL):
        db.connection().execute(part)
