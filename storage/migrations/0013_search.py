"""The activity log is found by who did it, by what kind of act it was, how it ended, and what it was about."""

from typing import Any

# Nothing but indexes.
OLDEST_SERVER = 11

# Written with every purchase, which costs it 3 us.
OF_ALL = """
CREATE INDEX activity_of_actor ON activity (program, actor, recorded_at, id);
"""

# A purchase is in none of these: it is of the kind of most entries, has no module, succeeds, and has a customer.
OF_SOME = """
CREATE INDEX activity_of_kind ON activity (program, type, category, recorded_at, id)
    WHERE type <> 'ORDER' OR category <> 'ORDERS';
CREATE INDEX activity_of_module ON activity (program, module, recorded_at, id) WHERE module IS NOT NULL;
CREATE INDEX activity_of_outcome ON activity (program, outcome, recorded_at, id) WHERE outcome <> 'SUCCEEDED';
CREATE INDEX activity_of_subject ON activity (coalesce(subject, body::jsonb ->> 'subject'), recorded_at, id)
    WHERE customer IS NULL;
"""


def up(migrator: Any, db: Any) -> None:
    """Makes the indexes; meanwhile nothing can be recorded, which takes some 5 s for a million activities."""
    for part in (OF_ALL, OF_SOME):
        db.connection().execute(part)
