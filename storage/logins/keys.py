"""The key of the installation by which logging in is trusted."""

from peewee import PostgresqlDatabase

from rules.activity import ACCESS_KEY_CREATED
from storage.engine.database import Connection
from storage.engine.keyring import ACCESS_KEY, Keyring
from storage.logins.records import ACCESS_KEYS
from storage.logins.sealing import ACCESS_KEY_BYTES, AccessKeys
from storage.personal.installed_keys import InstalledKey

KEY = InstalledKey(ACCESS_KEYS, ACCESS_KEY, ACCESS_KEY_BYTES, ACCESS_KEY_CREATED, "access-key", "key of logging in")


def access_keys(database: PostgresqlDatabase, keyring: Keyring) -> AccessKeys:
    """The keys of this installation; whoever asks first makes them. Raises KeyringError."""
    return AccessKeys(KEY.ensure(database, keyring))


def find_access_keys(connection: Connection, keyring: Keyring) -> AccessKeys:
    """The same of an installation that has them. Raises KeyringError."""
    return AccessKeys(KEY.find(connection, keyring))
