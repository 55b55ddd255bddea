"""The key under which the codes of coupons lie sealed, wrapped under the personal key."""

from typing import Any

# Older servers have no coupons. Their `fealty personal-key rotate` would wait for ever for this key to be wrapped anew,
# and does no harm.
OLDEST_SERVER = 18

# Made before the record of it: of two that make it at once only one writes a record.
CODE_KEY = """
CREATE TABLE code_key (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    key_id     text        NOT NULL REFERENCES personal_key,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    activity   uuid        NOT NULL REFERENCES activity DEFERRABLE INITIALLY DEFERRED
);
"""

# With it each code would be lost: it only changes under what it is wrapped.
GUARD = """
CREATE TRIGGER unchangeable BEFORE UPDATE OF only_row, created_at, activity OR DELETE OR TRUNCATE ON code_key
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE code_key ENABLE ALWAYS TRIGGER unchangeable;
"""


def up(migrator: Any, db: Any) -> None:
    """Makes the table, and its guard."""
    for part in (CODE_KEY, GUARD):
        db.connection().execute(part)
