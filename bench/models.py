"""The tables of a purchase as Peewee models, for the usual way to record one. What they leave out has a default."""

from peewee import BigIntegerField, BlobField, CompositeKey, IntegerField, TextField, UUIDField
from playhouse.postgres_ext import BinaryJSONField, DateTimeTZField

from storage.engine.database import Table


class AccountRow(Table):
    """An account."""

    id = BigIntegerField(primary_key=True)
    program = IntegerField()
    customer = BigIntegerField()
    card_id = TextField()
    active = BigIntegerField()
    earned = BigIntegerField()
    version = BigIntegerField()
    lots = IntegerField()
    entries = BigIntegerField()
    due_at = DateTimeTZField(null=True)

    class Meta:
        """Its name."""

        table_name = "account"


class LotRow(Table):
    """A lot."""

    account = BigIntegerField()
    number = IntegerField()
    program = IntegerField()
    state = TextField()
    points = BigIntegerField()
    remaining = BigIntegerField()
    activates_at = DateTimeTZField()
    expires_at = DateTimeTZField(null=True)
    settings_version = IntegerField()
    issued_at = DateTimeTZField()
    transaction_id = TextField(null=True)
    activity = UUIDField()

    class Meta:
        """Its name and key."""

        table_name = "lot"
        primary_key = CompositeKey("account", "number")


class EntryRow(Table):
    """An entry."""

    account = BigIntegerField()
    seq = BigIntegerField()
    program = IntegerField()
    kind = TextField()
    amount = BigIntegerField()
    active_after = BigIntegerField()
    held_after = BigIntegerField()
    debt_after = BigIntegerField()
    occurred_at = DateTimeTZField()
    recorded_at = DateTimeTZField()
    transaction_id = TextField(null=True)
    activity = UUIDField()
    lot = IntegerField()

    class Meta:
        """Its name and key."""

        table_name = "entry"
        primary_key = CompositeKey("account", "seq")


class TransactionRow(Table):
    """A purchase."""

    program = IntegerField()
    transaction_id = TextField()
    account = BigIntegerField()
    amount_minor = BigIntegerField()
    currency_code = TextField()
    lines = BinaryJSONField(null=True)
    points = BigIntegerField()
    lot = IntegerField(null=True)
    settings_version = IntegerField()
    occurred_at = DateTimeTZField()
    recorded_at = DateTimeTZField()
    decided = TextField()
    accepts_at = DateTimeTZField(null=True)
    activity = UUIDField()

    class Meta:
        """Its name and key."""

        table_name = "transaction"
        primary_key = CompositeKey("program", "transaction_id")


class RequestRow(Table):
    """A kept answer."""

    caller = TextField()
    method = TextField()
    request_id = UUIDField()
    content_hash = BlobField()
    response = TextField()
    recorded_at = DateTimeTZField()

    class Meta:
        """Its name and key."""

        table_name = "request"
        primary_key = CompositeKey("caller", "method", "request_id")
