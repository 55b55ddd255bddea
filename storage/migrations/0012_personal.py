"""Changed personal values lie beside the activity log, encrypted, each customer's under a key of their own."""

from typing import Any

# Older servers keep of such a change that there was one, as before.
OLDEST_SERVER = 11

KEYS = """
CREATE TABLE personal_key (
    id         text        PRIMARY KEY,
    created_at timestamptz NOT NULL,
    activity   uuid        NOT NULL REFERENCES activity
);
-- A customer is made behind the record of it, and so behind the key that the record needs.
CREATE TABLE subject_key (
    customer   bigint      PRIMARY KEY REFERENCES customer DEFERRABLE INITIALLY DEFERRED,
    key_id     text        NOT NULL REFERENCES personal_key,
    wrapped    bytea       NOT NULL
);
"""

VALUES = """
CREATE TABLE personal_value (
    activity   uuid        NOT NULL REFERENCES activity,
    field      text        NOT NULL,
    side       text        NOT NULL CHECK (side IN ('before', 'after')),
    ciphertext bytea       NOT NULL,
    PRIMARY KEY (activity, field, side)
);
"""

# They can be removed one by one, never changed; of a subject's key, only under what it is wrapped.
GUARD = """
CREATE TRIGGER unchangeable BEFORE UPDATE{of} OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER unchangeable;
"""


def up(migrator: Any, db: Any) -> None:
    """Makes the tables, and their guards."""
    for part in (KEYS, VALUES):
        db.connection().execute(part)
    for table, of in (("personal_key", ""), ("subject_key", " OF customer"), ("personal_value", "")):
        db.connection().execute(GUARD.format(table=table, of=of))
