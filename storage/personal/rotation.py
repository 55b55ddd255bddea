"""Replaces the personal key of an installation: a new one comes, customers' keys and those of the installation are
wrapped under it, the old goes.

What is encrypted under those keys stays as it is. Stopped anywhere, it leaves file and database in agreement, and
goes on from there when it is asked for again. Servers go on meanwhile: they take the newest key that the database
knows, and read the file again where they do not have it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from peewee import PostgresqlDatabase
from psycopg.errors import ForeignKeyViolation

from rules.activity import PERSONAL_KEY_ROTATED, by_operator
from storage.activity.commands import record
from storage.approvals import sealing as approvals
from storage.coupons import keys as codes
from storage.engine import keyring
from storage.engine.database import Busy, Connection, connection
from storage.engine.keyring import Keyring, KeyringError, PersonalKey, new_key, subject_key
from storage.engine.unit import Unit, run
from storage.logins import keys as logins
from storage.passes import keys as passes
from storage.personal.keys import KEYS_LOCK, add, require
from storage.personal.queries import installed
from storage.personal.records import SUBJECT_KEYS, as_bytea

# Some 30 ms.
BATCH = 500


class Rotated(NamedTuple):
    """The key that wraps now, and how many customers' keys this run wrapped under it."""

    key_id: str
    wrapped: int


def prepare(database: PostgresqlDatabase, path: Path) -> str:
    """Adds the key to come to the file and answers its id: for servers on other hosts, which are given the file before
    the database knows of it. Asked again, the same key. Raises KeyringError."""
    with connection(database) as books, _alone(books):
        require(books, path)
        return _coming(path, installed(books)).id


def rotate(database: PostgresqlDatabase, path: Path, batch: int = BATCH) -> Rotated:
    """Rotates, or ends a rotation that was stopped. Raises KeyringError."""
    with connection(database) as books, _alone(books):
        require(books, path)
        known = installed(books)
        if len(known) == 1:
            coming = _coming(path, known)
            run(database, lambda unit: add(unit, coming))
        found = keyring.load(path)
        newest = found.key(installed(books)[-1])
        wrapped = 0
        while True:
            wrapped += _rewrap_all(database, found, newest, batch)
            if _dropped(database, newest):
                break
        keyring.write(path, [newest])
        return Rotated(newest.id, wrapped)


def _rewrap_all(database: PostgresqlDatabase, found: Keyring, newest: PersonalKey, batch: int) -> int:
    for key in (codes.KEY, passes.KEY, logins.KEY, approvals.KEY):
        run(database, partial(key.rewrap, found=found, newest=newest))
    wrapped, customers = 0, [0]
    while customers:
        customers = run(database, partial(rewrap, found=found, newest=newest, after=customers[-1], limit=batch))
        wrapped += len(customers)
    return wrapped


def rewrap(unit: Unit, found: Keyring, newest: PersonalKey, after: int, limit: int) -> list[int]:
    """Wraps the keys of up to `limit` customers behind `after` under the newest; answers whose, in their order."""
    rows = unit.connection.execute(_WRAPPED_BEFORE, (newest.id, after, limit)).fetchall()
    for customer, key_id, wrapped in rows:
        what = subject_key(customer)
        again = newest.wrap(found.key(key_id).unwrap(wrapped, what), what)
        unit.add(SUBJECT_KEYS.changed, {"customer": customer, "key_id": newest.id, "wrapped": as_bytea(again)})
    return [customer for customer, _, _ in rows]


def _coming(path: Path, known: list[str]) -> PersonalKey:
    """The key that stands in the file before those that the database knows; made where there is none."""
    keys = keyring.read(path)
    if keys[0].id in known:
        keys = [new_key(), *(key for key in keys if key.id in known)]
        keyring.write(path, keys)
    return keys[0]


def _dropped(database: PostgresqlDatabase, newest: PersonalKey) -> bool:
    """Whether the database knows only the newest key now. The foreign key refuses it where somebody who began before
    has wrapped under an older one, or is about to."""
    try:
        run(database, lambda unit: _drop(unit, newest))
    except (ForeignKeyViolation, Busy):
        return False
    return True


def _drop(unit: Unit, newest: PersonalKey) -> None:
    dropped = [key_id for (key_id,) in unit.connection.execute(_DROP, (newest.id,))]
    details = {"dropped": sorted(dropped)}
    record(unit, by_operator(PERSONAL_KEY_ROTATED), f"personal-keys/{newest.id}", details=details)


@contextmanager
def _alone(books: Connection) -> Iterator[None]:
    [(is_ours,)] = books.execute("SELECT pg_try_advisory_lock(%s)", (KEYS_LOCK,))
    if not is_ours:
        raise KeyringError("somebody else is changing the personal keys of this database: try again later")
    try:
        yield
    finally:
        books.execute("SELECT pg_advisory_unlock(%s)", (KEYS_LOCK,))


_WRAPPED_BEFORE = """
SELECT customer, key_id, wrapped FROM subject_key WHERE key_id <> %s AND customer > %s
ORDER BY customer LIMIT %s FOR NO KEY UPDATE
"""

_DROP = "DELETE FROM personal_key WHERE id <> %s RETURNING id"
