"""Brings the schema to this version: Peewee's migrations, under a lock, so that two starters at once both succeed.

A server is as new as the newest migration that it knows: its level. Each migration names the oldest level that may run
on a database that has it (OLDEST_SERVER), and the database keeps that number, for servers that do not have the file.
So the schema is brought up first, under the running servers, and then these are replaced one by one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
from peewee import PostgresqlDatabase
from playhouse.migrations import Runner

from rules.activity import DATABASE_MIGRATED, by_operator
from storage import rights, wall
from storage.access.commands import ensure_server_secret
from storage.activity.commands import record
from storage.engine.database import Connection, connection, patient
from storage.engine.functions import install, missing
from storage.engine.unit import transaction
from storage.functions import FUNCTIONS

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number, as long as every starter takes the same: "FEALTY" read as six letters of base 36.
MIGRATION_LOCK = 934_420_930
# Whoever waits for a table that a migration waits for waits as long: callers have more patience than this.
TABLE_LOCK_TIMEOUT_MS = 3_000
# The key that binds a page token to its list.
PAGE_TOKEN_SECRET = "page-token"  # noqa: S105 - its name, not its value
# The key of the digests by which failed attempts are counted.
ATTEMPT_SECRET = "attempt"  # noqa: S105 - as above


class MigrationsPending(Exception):
    """The database is not at this version's schema."""


class MigrationBlocked(Exception):
    """A migration must change a table that somebody has in use. What was applied before it stays."""


class ServersRunning(Exception):
    """Servers are connected that a pending migration does not allow: each of their calls would fail after it."""


class ServerTooOld(Exception):
    """The database has a migration on which this version may not run."""


class Schema(NamedTuple):
    """What a database has, beside what this version knows, whose newest migration is number `level`.

    `pending` are this version's that were not applied, and functions that are not installed; `newer` those that only
    newer versions know; `oldest_server` is the level that a server must have because of them.
    """

    level: int
    pending: list[str]
    newer: list[str]
    oldest_server: int

    @property
    def refuses_us(self) -> bool:
        """Whether this version is too old for it."""
        return self.oldest_server > self.level


def migrate(database: PostgresqlDatabase, login: str | None = None) -> list[str]:
    """Applies what is pending and answers the names, oldest first. Brings the roles of the database and their rights up
    to date, as far as whoever connects may (storage/rights.py); `login` is whom the application connects as.

    Raises NotTheOwner, ServersRunning, MigrationBlocked, StorageUnavailable.
    """
    with _locked(database) as held:
        rights.check_owner(held)
        runner = _runner(database)
        _check_servers(held, runner)
        applied, is_blocked = _up(runner)
        with transaction(database) as unit:
            # Each time: a starter that died right after `up` must not leave servers without them for ever.
            _keep_oldest_servers(unit.connection, runner)
            ensure_server_secret(PAGE_TOKEN_SECRET)
            ensure_server_secret(ATTEMPT_SECRET)
            if not is_blocked:
                install(unit.connection, FUNCTIONS)
            # What a newer version has given its servers stays theirs.
            newer = any(not migration.path for migration in runner.status())
            rights.keep(unit.connection, login, revokes=not newer)
            if applied:
                record(unit, by_operator(DATABASE_MIGRATED), "database", details={"applied": applied})
        if not is_blocked:
            is_blocked = not _walled(held, replaces=not newer)
    if is_blocked:
        raise MigrationBlocked(
            "a table that a migration must change is in use, and calls would have to wait with it; end what holds it (a"
            " dump, a long transaction), then run `fealty migrate` again"
        )
    return applied


def schema(database: PostgresqlDatabase) -> Schema:
    """Compares. Raises RightsMissing, StorageUnavailable."""
    with connection(database) as held:
        rights.check(held)
        found = _runner(database).status()
        newer = {migration.name: migration.idx for migration in found if not migration.path}
        pending = [migration.name for migration in found if migration.path and not migration.applied]
        # One whose number was not kept is taken to need what it brought.
        kept = held.execute(_OLDEST_SERVERS, (list(newer),)).fetchall() if newer else []
        return Schema(
            level=max(migration.idx for migration in found if migration.path),
            pending=pending or missing(held, FUNCTIONS),
            newer=list(newer),
            oldest_server=max((newer[name] if oldest is None else oldest for name, oldest in kept), default=0),
        )


def check(database: PostgresqlDatabase) -> list[str]:
    """The newer migrations of the database, on which this version may run all the same.

    Raises RightsMissing, MigrationsPending, ServerTooOld, StorageUnavailable.
    """
    found = schema(database)
    if found.pending:
        raise MigrationsPending(
            f"the database lacks {', '.join(found.pending)}; run `fealty migrate`, then start again"
        )
    if found.refuses_us:
        raise ServerTooOld(
            f"the database has {', '.join(found.newer)} and needs servers of schema {found.oldest_server} or newer,"
            f" this one is of schema {found.level}; start the newer version"
        )
    with connection(database) as held:
        wall.check(held)
    return found.newer


@contextmanager
def _locked(database: PostgresqlDatabase) -> Iterator[Connection]:
    with connection(database) as held, patient(held):
        # Whoever waits here waits as long as a migration takes, longer than any statement of a request may.
        held.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        held.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        held.execute(f"SET lock_timeout = {TABLE_LOCK_TIMEOUT_MS}".encode())
        try:
            yield held
        finally:
            held.execute("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))
            database.close()


def _runner(database: PostgresqlDatabase) -> Runner:
    return Runner(database, str(MIGRATIONS))


def _check_servers(held: Connection, runner: Runner) -> None:
    found = runner.status()
    level = max((migration.idx for migration in found if migration.applied), default=0)
    # Of an empty database, nobody is a server yet.
    refusing = [one for one in runner.migrations() if level and not one.applied and level < one.load().OLDEST_SERVER]
    if not refusing:
        return
    [(servers,)] = held.execute(_SERVERS)
    if servers:
        raise ServersRunning(
            f"{refusing[0].name} needs servers of its own level, and older ones are connected ({servers} sessions);"
            " stop servers, workers and clocks, make a backup, then run `fealty migrate` again"
        )


def _up(runner: Runner) -> tuple[list[str], bool]:
    """What was applied, and whether it stopped at a table in use."""
    before = runner.applied()
    try:
        runner.up()
        is_blocked = False
    except psycopg.errors.LockNotAvailable:
        is_blocked = True
    return sorted(set(runner.applied()).difference(before)), is_blocked


def _walled(connection: Connection, replaces: bool) -> bool:
    """Whether the wall between programs is as it should be; False where a table is in use."""
    try:
        wall.raise_on(connection, replaces)
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _keep_oldest_servers(connection: Connection, runner: Runner) -> None:
    for migration in runner.migrations():
        connection.execute(_KEEP_OLDEST_SERVER, (migration.load().OLDEST_SERVER, migration.name))


# The history is Peewee's; the first migration adds the column.
_KEEP_OLDEST_SERVER = "UPDATE schema_migration SET oldest_server = %s WHERE name = %s"
_OLDEST_SERVERS = "SELECT name, oldest_server FROM schema_migration WHERE name = ANY(%s)"

# The lanes of servers, by the names of their sessions (storage/engine/lanes.py).
_SERVERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^fealty(-[0-9a-f]+)? '
"""
