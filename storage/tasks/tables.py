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
    """One piece of work. `unique_key` names the work: while one is open, another of that key is not written."""

    id = UUIDField(primary_key=True)
    actor = TextField()
    queue = TextField()
    args = BinaryJSONField()
    unique_key = TextField()
    program = IntegerField(null=True)
    customer = BigIntegerField(null=True)
    state = TextField()
    due_at = DateTimeTZField()
    attempts = IntegerField()
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
        "due_at": "timestamptz",
        "created_at": "timestamptz",
    },
    unless_exists=True,
)
