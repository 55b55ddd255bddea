"""The outbox."""

from enum import StrEnum

from peewee import BigIntegerField, IntegerField, TextField, UUIDField
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from storage.engine.database import Table
from storage.engine.sets import RowSet


class TaskState(StrEnum):
    """READY: to be sent. SENT: with the broker. The other two are ends."""

    READY = "READY"
    SENT = "SENT"
    DONE = "DONE"
    FAILED = "FAILED"


class TaskRow(Table):
    """One piece of work. `unique_key` names the work: while one is open, another of that key is not written.

    `first_due_at` stays as it was planned; `due_at` is when it is to be sent next. Of work outside the database,
    `begun` counts how often it was begun since something was last recorded of it; before `begun_until` nobody begins
    it.
    """

    id = UUIDField(primary_key=True)
    actor = TextField()
    queue = TextField()
    args = BinaryJSONField()
    unique_key = TextField()
    program = IntegerField(null=True)
    customer = BigIntegerField(null=True)
    state = TextField()
    first_due_at = DateTimeTZField()
    due_at = DateTimeTZField()
    attempts = IntegerField()
    begun = IntegerField()
    begun_until = DateTimeTZField(null=True)
    last_error = TextField(null=True)
    created_at = DateTimeTZField()
    finished_at = DateTimeTZField(null=True)

    class Meta:
        """Its name."""

        table_name = "task"


TASKS = RowSet(
    "task",
    {
        "id": "uuid",
        "actor": "text",
        "queue": "text",
        "args": "jsonb",
        "unique_key": "text",
        "program": "integer",
        "customer": "bigint",
        "state": "text",
        "first_due_at": "timestamptz",
        "due_at": "timestamptz",
        "created_at": "timestamptz",
    },
    unless_exists=True,
)
