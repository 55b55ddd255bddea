"""To which state unlocking or unarchiving brings a user back."""

from typing import Any

# Older servers lock nobody.
OLDEST_SERVER = 27

RETURNS_TO = """
ALTER TABLE app_user
    ADD COLUMN returns_to text CHECK (returns_to IN ('INVITED', 'ACTIVE'));
CREATE INDEX role_assignment_scope ON role_assignment (scope_kind, scope) WHERE until_at IS NULL;
CREATE INDEX api_key_made_for ON api_key (made_for) WHERE made_for IS NOT NULL AND revoked_at IS NULL;
"""


def up(migrator: Any, db: Any) -> None:
    """Adds the column, and finds whom a partner sees, and whose keys are to be revoked."""
    db.connection().execute(RETURNS_TO)
