"""The key of the installation under which codes are sealed."""

from peewee import PostgresqlDatabase

from rules.activity import CODE_KEY_CREATED
from storage.coupons.sealing import CODE_KEY_BYTES, CodeSeals
from storage.engine.database import Connection
from storage.engine.keyring import CODE_KEY, Keyring
from storage.personal.installed_keys import InstalledKey
from storage.personal.records import CODE_KEYS

KEY = InstalledKey(CODE_KEYS, CODE_KEY, CODE_KEY_BYTES, CODE_KEY_CREATED, "code-key", "key of coupon codes")


def code_seals(database: PostgresqlDatabase, keyring: Keyring) -> CodeSeals:
    """The seals of this installation; whoever asks first makes their key. Raises KeyringError."""
    return CodeSeals(KEY.ensure(database, keyring))


def find_seals(connection: Connection, keyring: Keyring) -> CodeSeals:
    """The same of an installation that has a key. Raises KeyringError."""
    return CodeSeals(KEY.find(connection, keyring))
