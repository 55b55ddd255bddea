"""Operations, as they stand."""

from enum import StrEnum

from peewee import BigIntegerField, IntegerField, TextField, UUIDField
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from storage.engine.database import Table


class OperationKind(StrEnum):
    """What it does, in the words of the contract."""

    REDATE_LOTS = "REDATE_LOTS"


class OperationState(StrEnum):
    """RUNNING: workers take its steps. The others are ends."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class OperationRow(Table):
    """One operation. `arguments` are what was asked, for its steps; `figures` what it has changed so far."""

    id = UUIDField(primary_key=True)
    program = IntegerField()
    kind = TextField()
    subject = TextField()
    arguments = BinaryJSONField()
    settings_version = IntegerField()
    actor_type = TextField()
    actor = TextField()
    source = TextField()
    reason_code = TextField()
    acting_user = TextField()
    state = TextField()
    accounts_done = BigIntegerField()
    accounts_total = BigIntegerField()
    figures = BinaryJSONField()
    error = TextField(null=True)
    created_at = DateTimeTZField()
    updated_at = DateTimeTZField()
    ended_at = DateTimeTZField(null=True)
    activity = UUIDField()
    end_activity = UUIDField(null=True)

    class Meta:
        """Its name."""

        table_name = "operation"
