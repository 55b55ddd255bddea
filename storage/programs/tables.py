"""Programs, and every version their settings ever had."""

from peewee import CompositeKey, IntegerField, TextField, UUIDField
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from storage.engine.database import Table


class ProgramRow(Table):
    """A program as it stands. `program_id` is its public id; `test_clock_at` is null where it is live."""

    id = IntegerField(primary_key=True)
    program_id = TextField(unique=True)
    version = IntegerField()
    settings = BinaryJSONField()
    test_clock_at = DateTimeTZField(null=True)
    created_at = DateTimeTZField()
    updated_at = DateTimeTZField()
    activity = UUIDField()

    class Meta:
        """Its name."""

        table_name = "program"


class ProgramVersionRow(Table):
    """Settings as they were from one change to the next. Append-only."""

    program = IntegerField()
    version = IntegerField()
    settings = BinaryJSONField()
    recorded_at = DateTimeTZField()
    activity = UUIDField()

    class Meta:
        """Its name and key."""

        table_name = "program_version"
        primary_key = CompositeKey("program", "version")
