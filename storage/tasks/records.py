"""The outbox."""

from dataclasses import replace
from enum import StrEnum

from storage.engine.records import Record


class TaskState(StrEnum):
    """READY: to be sent. SENT: with the broker. The other two are ends."""

    READY = "READY"
    SENT = "SENT"
    DONE = "DONE"
    FAILED = "FAILED"


# One piece of work. `unique_key` names the work: while one is open, another of that key is not written. `first_due_at`
# stays as it was planned; `due_at` is when it is to be sent next. Of work outside the database, `begun` counts how
# often it was begun since something was last recorded of it; before `begun_until` nobody begins it.
TASKS: Record[None] = Record(
    "task",
    None,
    key={"id": "uuid"},
    changes=["state", "due_at"],
    beside={
        "actor": "text",
        "queue": "text",
        "args": "jsonb",
        "unique_key": "text",
        "program": "integer?",
        "customer": "bigint?",
        "state": "text",
        "first_due_at": "timestamptz",
        "due_at": "timestamptz",
        "created_at": "timestamptz",
    },
    apart={
        "attempts": "integer",
        "begun": "integer",
        "begun_until": "timestamptz?",
        "last_error": "text?",
        "finished_at": "timestamptz?",
    },
)

PLANNED = replace(TASKS.made, unless_exists=True)
