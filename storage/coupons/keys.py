"""The key of the installation under which codes are sealed: made once, and wrapped under its personal key."""

import secrets

from peewee import PostgresqlDatabase

from rules.activity import CODE_KEY_CREATED, by_itself
from storage.activity.commands import record
from storage.coupons.sealing import CODE_KEY_BYTES, CodeSeals
from storage.engine.database import Connection, connection
from storage.engine.ids import new_uuid_text
from storage.engine.keyring import CODE_KEY, DoesNotOpen, Keyring, KeyringError, PersonalKey
from storage.engine.unit import Unit, run
from storage.personal.queries import wrapping_key
from storage.personal.records import CODE_KEYS, as_bytea


def code_seals(database: PostgresqlDatabase, keyring: Keyring) -> CodeSeals:
    """The seals of this installation; whoever asks first makes their key. Raises KeyringError."""
    with connection(database) as books:
        if books.execute(_KEY).fetchone() is None:
            # In a transaction of its own, and read behind it: a key that is rolled back must not have sealed anything.
            run(database, lambda unit: _make(unit, keyring))
        return find_seals(books, keyring)


def find_seals(connection: Connection, keyring: Keyring) -> CodeSeals:
    """The same of an installation that has a key, as one has whose server was ever started. Raises KeyringError."""
    return CodeSeals(find_key(connection, keyring))


def find_key(connection: Connection, keyring: Keyring) -> bytes:
    """That key itself. Raises KeyringError."""
    found = connection.execute(_KEY).fetchone()
    if found is None:
        raise KeyringError("the database has no key of coupon codes: start a server, which makes it")
    key_id, wrapped = found
    try:
        return keyring.key(key_id).unwrap(wrapped, CODE_KEY)
    except DoesNotOpen:
        raise KeyringError(
            "the key of coupon codes in the database is not as it was made: bring the row of code_key from a backup"
        ) from None


def rewrap(unit: Unit, found: Keyring, newest: PersonalKey) -> None:
    """Wraps it under the newest personal key, where there is one that is not."""
    for key_id, wrapped in unit.connection.execute(_WRAPPED_BEFORE, (newest.id,)).fetchall():
        again = newest.wrap(found.key(key_id).unwrap(wrapped, CODE_KEY), CODE_KEY)
        unit.add(CODE_KEYS.changed, {"only_row": True, "key_id": newest.id, "wrapped": as_bytea(again)})


def _make(unit: Unit, keyring: Keyring) -> None:
    key_id = wrapping_key(unit.connection)
    wrapped = keyring.key(key_id).wrap(secrets.token_bytes(CODE_KEY_BYTES), CODE_KEY)
    activity = new_uuid_text()
    # Of two at once the second waits here for the first, whose key is theirs.
    if unit.connection.execute(_MAKE, (key_id, wrapped, unit.now, activity)).fetchone() is not None:
        details = {"personal_key": key_id}
        record(unit, by_itself(CODE_KEY_CREATED), "code-key", details=details, activity=activity)


_KEY = "SELECT key_id, wrapped FROM code_key"

_MAKE = """
INSERT INTO code_key (key_id, wrapped, created_at, activity) VALUES (%s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING true
"""

_WRAPPED_BEFORE = "SELECT key_id, wrapped FROM code_key WHERE key_id <> %s FOR NO KEY UPDATE"
