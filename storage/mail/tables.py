"""Mails, as they stand."""

from enum import StrEnum

from peewee import BigIntegerField, IntegerField, TextField, UUIDField
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from storage.engine.database import Table
from storage.engine.sets import RowSet


class MailTemplate(StrEnum):
    """What is written: the name of a template of the workers."""

    TEST = "test"


class MailState(StrEnum):
    """PLANNED: it is to be sent, or tried again. SENT: a mail server has taken it. FAILED: it was given up."""

    PLANNED = "PLANNED"
    SENT = "SENT"
    FAILED = "FAILED"


class MailRow(Table):
    """One mail to one customer, whose address is read when it is sent. `arguments` fill the template, and hold no
    personal data. `tries` counts how often somebody began to send it; `error` is the name of what it failed with."""

    id = UUIDField(primary_key=True)
    program = IntegerField()
    customer = BigIntegerField()
    template = TextField()
    arguments = BinaryJSONField()
    state = TextField()
    tries = IntegerField()
    error = TextField(null=True)
    created_at = DateTimeTZField()
    ended_at = DateTimeTZField(null=True)
    activity = UUIDField()
    end_activity = UUIDField(null=True)

    class Meta:
        """Its name."""

        table_name = "mail"


MAILS = RowSet(
    "mail",
    {
        "id": "uuid",
        "program": "integer",
        "customer": "bigint",
        "template": "text",
        "arguments": "jsonb",
        "created_at": "timestamptz",
        "activity": "uuid",
    },
)
