"""Operations, and the accounts that each still has to go through."""

from typing import Any

# Servers that do not know of operations redate within the call, as before.
OLDEST_SERVER = 4

OPERATIONS = """
CREATE TABLE operation (
    id               uuid        PRIMARY KEY,
    program          integer     NOT NULL REFERENCES program,
    kind             text        NOT NULL CHECK (kind IN ('REDATE_LOTS')),
    subject          text        NOT NULL,
    arguments        jsonb       NOT NULL,
    settings_version integer     NOT NULL,
    actor_type       text        NOT NULL,
    actor            text        NOT NULL,
    source           text        NOT NULL,
    reason_code      text        NOT NULL,
    acting_user      text        NOT NULL,
    state            text        NOT NULL CHECK (state IN ('RUNNING', 'SUCCEEDED', 'CANCELLED', 'FAILED')),
    accounts_done    bigint      NOT NULL CHECK (accounts_done BETWEEN 0 AND accounts_total),
    accounts_total   bigint      NOT NULL,
    figures          jsonb       NOT NULL,
    error            text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    ended_at         timestamptz,
    activity         uuid        NOT NULL REFERENCES activity,
    end_activity     uuid        REFERENCES activity,
    CHECK ((state = 'RUNNING') = (ended_at IS NULL) AND (state = 'RUNNING') = (end_activity IS NULL)),
    CHECK ((state = 'FAILED') = (error IS NOT NULL)),
    CHECK (state <> 'SUCCEEDED' OR accounts_done = accounts_total)
) WITH (fillfactor = 70);
CREATE INDEX operation_of_program ON operation (program, created_at, id);
"""

# No foreign keys: to check one on account would be to lock each account of a program in the call that asks, and the
# rows live only as long as their operation runs.
ACCOUNTS = """
CREATE TABLE operation_account (
    operation   uuid    NOT NULL,
    account     bigint  NOT NULL,
    lots        integer NOT NULL,
    lots_done   integer NOT NULL DEFAULT 0 CHECK (lots_done BETWEEN 0 AND lots),
    is_changed  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (operation, account)
);
"""


def up(migrator: Any, db: Any) -> None:
    """Makes both tables."""
    for part in (OPERATIONS, ACCOUNTS):
        db.connection().execute(part)
