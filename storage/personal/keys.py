"""Makes the personal key of an installation, and sees that its file and its database belong together."""

from pathlib import Path

from peewee import PostgresqlDatabase

from rules.activity import PERSONAL_KEY_CREATED, by_operator
from storage.activity.commands import record
from storage.engine import keyring
from storage.engine.database import Connection, connection
from storage.engine.keyring import KeyringError, PersonalKey, new_key
from storage.engine.unit import Unit, run
from storage.personal.queries import installed
from storage.personal.records import PERSONAL_KEYS

# Any number, as long as everybody who makes keys takes the same.
KEYS_LOCK = 934_420_932


def require(connection: Connection, path: Path) -> keyring.Keyring:
    """The keys of a file that opens what the database keeps of persons. Raises KeyringError."""
    found = keyring.read(path)
    known = installed(connection)
    if not known:
        raise KeyringError("the database knows no personal key: run `fealty personal-key create`")
    check(path, found, known)
    return keyring.Keyring(found, path)


def ensure(database: PostgresqlDatabase, path: Path) -> PersonalKey | None:
    """Makes the file where there is none, and tells the database of its newest key where that knows of none. Answers
    the key that it was told of; None where all is as it must be already. Raises KeyringError."""
    with connection(database) as books:
        known = installed(books)
    if known:
        check(path, keyring.read(path), known)
        return None
    if not path.exists():
        keyring.write(path, [new_key()])
    # The file first: a key that only the database knew would open nothing.
    newest = keyring.read(path)[0]
    return newest if run(database, lambda unit: _first(unit, path, newest)) else None


def add(unit: Unit, key: PersonalKey) -> None:
    """Tells the database of a key that is in the file: from now on it wraps."""
    activity = record(unit, by_operator(PERSONAL_KEY_CREATED), f"personal-keys/{key.id}")
    unit.add(PERSONAL_KEYS.made, {"id": key.id, "created_at": unit.now.isoformat(), "activity": activity})


def check(path: Path, found: list[PersonalKey], known: list[str]) -> None:
    """Raises KeyringError where the database knows a key that the file has not."""
    missing = sorted(set(known) - {key.id for key in found})
    if missing:
        raise KeyringError(
            f"{path} does not have the personal key {', '.join(missing)}, which this database needs: bring the file"
            " that belongs to it, or set FEALTY_PERSONAL_KEY_FILE"
        )


def _first(unit: Unit, path: Path, key: PersonalKey) -> bool:
    # Whoever comes second waits here for the first, and finds its key known.
    unit.connection.execute("SELECT pg_advisory_xact_lock(%s)", (KEYS_LOCK,))
    if known := installed(unit.connection):
        check(path, keyring.read(path), known)
        return False
    add(unit, key)
    return True
