"""Callers and their keys. A key's secret is never stored, only its SHA-256."""

from peewee import BlobField, IntegerField, TextField, UUIDField
from playhouse.postgres_ext import DateTimeTZField

from storage.engine.database import Table


class CallerRow(Table):
    """Who may call: `program` is the internal id of the only program it sees, or null for all."""

    id = TextField(primary_key=True)
    type = TextField()
    name = TextField(unique=True)
    role = TextField()
    program = IntegerField(null=True)
    created_at = DateTimeTZField()
    activity = UUIDField()

    class Meta:
        """Its name."""

        table_name = "caller"


class ApiKeyRow(Table):
    """One key of a caller."""

    id = TextField(primary_key=True)
    caller = TextField()
    secret_hash = BlobField()
    created_at = DateTimeTZField()
    expires_at = DateTimeTZField(null=True)
    revoked_at = DateTimeTZField(null=True)
    activity = UUIDField()

    class Meta:
        """Its name."""

        table_name = "api_key"


class ServerSecretRow(Table):
    """A random value that all server processes share."""

    name = TextField(primary_key=True)
    value = BlobField()

    class Meta:
        """Its name."""

        table_name = "server_secret"
