"""Customers, and what other systems call them. Everything about a person stands in these two tables only."""

from peewee import BigIntegerField, CompositeKey, IntegerField, TextField, UUIDField
from playhouse.postgres_ext import DateTimeTZField

from storage.engine.database import Table


class CustomerRow(Table):
    """A member of one program; `customer_id` is the public id. `merged_into` is null where it is itself."""

    id = BigIntegerField(primary_key=True)
    program = IntegerField()
    customer_id = TextField()
    state = TextField()
    merged_into = BigIntegerField(null=True)
    display_name = TextField()
    email = TextField()
    phone_number = TextField()
    language_code = TextField()
    version = IntegerField()
    created_at = DateTimeTZField()
    updated_at = DateTimeTZField()
    activity = UUIDField()

    class Meta:
        """Its name."""

        table_name = "customer"


class ExternalIdRow(Table):
    """One id of a customer in another system; taken once in a program."""

    program = IntegerField()
    source = TextField()
    external_id = TextField()
    customer = BigIntegerField()

    class Meta:
        """Its name and key."""

        table_name = "customer_external_id"
        primary_key = CompositeKey("program", "source", "external_id")
