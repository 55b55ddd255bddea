"""The key of the installation by which phones, links and mails are trusted."""

from peewee import PostgresqlDatabase

from rules.activity import WALLET_KEY_CREATED
from storage.engine.database import Connection
from storage.engine.keyring import WALLET_KEY, Keyring
from storage.passes.records import WALLET_KEYS
from storage.passes.sealing import WALLET_KEY_BYTES, WalletKeys
from storage.personal.installed_keys import InstalledKey

KEY = InstalledKey(WALLET_KEYS, WALLET_KEY, WALLET_KEY_BYTES, WALLET_KEY_CREATED, "wallet-key", "key of passes")


def wallet_keys(database: PostgresqlDatabase, keyring: Keyring) -> WalletKeys:
    """The keys of this installation; whoever asks first makes them. Raises KeyringError."""
    return WalletKeys(KEY.ensure(database, keyring))


def find_wallet_keys(connection: Connection, keyring: Keyring) -> WalletKeys:
    """The same of an installation that has them. Raises KeyringError."""
    return WalletKeys(KEY.find(connection, keyring))
