"""The table of the activity log. Append-only: the database refuses to change or remove a row."""

from peewee import BigIntegerField, IntegerField, TextField, UUIDField
from playhouse.postgres_ext import DateTimeTZField, JSONField

from storage.engine.database import Table
from storage.engine.sets import RowSet


class ActivityRow(Table):
    """One act. `body` is the record, byte for byte; the other columns are projections of it, for searching, and of an
    event what the customer's history shows of it: `subject` and `details` stand there too."""

    id = UUIDField(primary_key=True)
    program = IntegerField(null=True)
    customer = BigIntegerField(null=True)
    occurred_at = DateTimeTZField()
    recorded_at = DateTimeTZField()
    action = TextField()
    category = TextField()
    type = TextField()
    source = TextField()
    module = TextField(null=True)
    actor_type = TextField()
    actor = TextField()
    outcome = TextField()
    event = TextField(null=True)
    points = BigIntegerField(null=True)
    subject = TextField(null=True)
    details = JSONField(null=True)
    body = TextField()

    class Meta:
        """Its name."""

        table_name = "activity"


ACTIVITIES = RowSet(
    "activity",
    {
        "id": "uuid",
        "program": "integer",
        "customer": "bigint",
        "occurred_at": "timestamptz",
        "action": "text",
        "category": "text",
        "type": "text",
        "source": "text",
        "module": "text",
        "actor_type": "text",
        "actor": "text",
        "outcome": "text",
        "event": "text",
        "points": "bigint",
        "subject": "text",
        "details": "json",
        "body": "text",
    },
    recorded=True,
)

NOTES = RowSet("activity_note", {"activity": "uuid", "note": "text"})
