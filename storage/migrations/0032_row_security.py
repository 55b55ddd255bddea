"""Before each program stands a wall: the policies are kept by storage/wall.py, for roles are not made by migrations."""

from typing import Any

# Older workers copy coupons into their table, which PostgreSQL refuses where rows are guarded.
OLDEST_SERVER = 32

# It shows what whoever asks may see, not all that its owner may.
ALLOCATION = "ALTER VIEW allocation SET (security_invoker = true)"


def up(migrator: Any, db: Any) -> None:
    """Has the view ask as whoever asks."""
    db.connection().execute(ALLOCATION)
