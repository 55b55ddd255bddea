"""Exports of the log that workers write into files."""

from typing import Any

# Older servers would not know what such an operation is, where they list operations.
OLDEST_SERVER = 18

KIND = """
ALTER TABLE operation DROP CONSTRAINT operation_kind_check;
ALTER TABLE operation ADD CONSTRAINT operation_kind_check CHECK (kind IN ('REDATE_LOTS', 'EXPORT_ACTIVITIES'));
"""

# `asked` may name persons: it is forgotten as the operation ends.
EXPORTS = """
CREATE TABLE activity_export (
    operation   uuid        PRIMARY KEY REFERENCES operation,
    asked       jsonb,
    upto        bigint,
    before      timestamptz NOT NULL,
    after_at    timestamptz,
    after_id    uuid,
    rows        bigint      NOT NULL DEFAULT 0,
    bytes       bigint      NOT NULL DEFAULT 0
);
"""


def up(migrator: Any, db: Any) -> None:
    """Lets operations be of that kind, and makes the table of how far each is."""
    for part in (KIND, EXPORTS):
        db.connection().execute(part)
