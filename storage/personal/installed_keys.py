"""Keys of the installation that are not of one person: each made once, and wrapped under its personal key."""

import secrets
from typing import Any, NamedTuple

from peewee import PostgresqlDatabase

from rules.activity import Kind, by_itself
from storage.activity.commands import record
from storage.engine.database import Connection, connection
from storage.engine.ids import new_uuid_text
from storage.engine.keyring import DoesNotOpen, Keyring, KeyringError, PersonalKey
from storage.engine.records import Record
from storage.engine.unit import Unit, run
from storage.personal.queries import wrapping_key
from storage.personal.records import as_bytea


class InstalledKey(NamedTuple):
    """One of them: its table of one row, as what it is wrapped, how many bytes it has, which activity says that it was
    made, of what subject, and what people call it."""

    table: Record[Any]
    label: bytes
    size: int
    made: Kind
    subject: str
    called: str

    def ensure(self, database: PostgresqlDatabase, keyring: Keyring) -> bytes:
        """The key; whoever asks first makes it. Raises KeyringError."""
        with connection(database) as books:
            if books.execute(self._sql(_KEY)).fetchone() is None:
                # In a transaction of its own, and read behind it: one that is rolled back must have sealed nothing.
                run(database, lambda unit: self._install(unit, keyring))
            return self.find(books, keyring)

    def find(self, connection: Connection, keyring: Keyring) -> bytes:
        """The same of an installation that has it, as one has whose server was ever started. Raises KeyringError."""
        found = connection.execute(self._sql(_KEY)).fetchone()
        if found is None:
            raise KeyringError(f"the database has no {self.called}: start a server, which makes it")
        key_id, wrapped = found
        try:
            return keyring.key(key_id).unwrap(wrapped, self.label)
        except DoesNotOpen:
            raise KeyringError(
                f"the {self.called} in the database is not as it was made: bring the row of {self.table.table} from a"
                " backup"
            ) from None

    def within(self, unit: Unit, keyring: Keyring) -> bytes:
        """The key, for what a transaction seals; the first that asks makes it, and where it is taken back, so is all
        that was sealed under it. Raises KeyringError."""
        if unit.connection.execute(self._sql(_KEY)).fetchone() is None:
            self._install(unit, keyring)
        return self.find(unit.connection, keyring)

    def rewrap(self, unit: Unit, found: Keyring, newest: PersonalKey) -> None:
        """Wraps it under the newest personal key, where there is one that is not."""
        for key_id, wrapped in unit.connection.execute(self._sql(_WRAPPED_BEFORE), (newest.id,)).fetchall():
            again = newest.wrap(found.key(key_id).unwrap(wrapped, self.label), self.label)
            unit.add(self.table.changed, {"only_row": True, "key_id": newest.id, "wrapped": as_bytea(again)})

    def _install(self, unit: Unit, keyring: Keyring) -> None:
        key_id = wrapping_key(unit.connection)
        wrapped = keyring.key(key_id).wrap(secrets.token_bytes(self.size), self.label)
        activity = new_uuid_text()
        # Of two at once the second waits here for the first, whose key is theirs.
        if unit.connection.execute(self._sql(_MAKE), (key_id, wrapped, unit.now, activity)).fetchone() is not None:
            details = {"personal_key": key_id}
            record(unit, by_itself(self.made), self.subject, details=details, activity=activity)

    def _sql(self, query: str) -> bytes:
        return query.format(table=self.table.table).encode()


_KEY = "SELECT key_id, wrapped FROM {table}"

_MAKE = """
INSERT INTO {table} (key_id, wrapped, created_at, activity) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING true
"""

_WRAPPED_BEFORE = "SELECT key_id, wrapped FROM {table} WHERE key_id <> %s FOR NO KEY UPDATE"
