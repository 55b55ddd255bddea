"""Brings the schema to this version: Peewee's migrations, under a lock, so that two starters at once both succeed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peewee import PostgresqlDatabase
from playhouse.migrations import Runner

from rules.activity import DATABASE_MIGRATED, by_operator
from storage.access.commands import ensure_server_secret
from storage.activity.commands import record
from storage.engine.database import connection
from storage.engine.unit import transaction

MIGRATIONS = Path(__file__).parent / "migrations"
# Any number, as long as every starter takes the same: "FEALTY" read as six letters of base 36.
MIGRATION_LOCK = 934_420_930
# The key that binds a page token to its list.
PAGE_TOKEN_SECRET = "page-token"  # noqa: S105 - its name, not its value


class MigrationsPending(Exception):
    """The database is not at this version's schema."""


def migrate(database: PostgresqlDatabase) -> list[str]:
    """Applies what is pending and answers the names, oldest first. Raises StorageUnavailable."""
    with _locked(database):
        applied = _runner(database).up()
        with transaction(database) as unit:
            # Each time: a starter that died right after `up` must not leave servers without it for ever.
            ensure_server_secret(PAGE_TOKEN_SECRET)
            if applied:
                record(unit, by_operator(DATABASE_MIGRATED), "database", details={"applied": applied})
        return list(applied)


def pending(database: PostgresqlDatabase) -> list[str]:
    """The names of migrations that were not applied. Raises StorageUnavailable."""
    with connection(database):
        return [found.name for found in _runner(database).status() if found.path and not found.applied]


def check(database: PostgresqlDatabase) -> None:
    """Raises MigrationsPending, StorageUnavailable."""
    if names := pending(database):
        raise MigrationsPending(f"the database lacks {', '.join(names)}; run `fealty migrate`, then start again")


@contextmanager
def _locked(database: PostgresqlDatabase) -> Iterator[None]:
    with connection(database) as held:
        # Whoever waits here waits as long as a migration takes, longer than any statement of a request may.
        held.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        held.execute("SELECT pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        try:
            yield
        finally:
            held.execute("SELECT pg_advisory_unlock(%s)", (MIGRATION_LOCK,))
            database.close()


def _runner(database: PostgresqlDatabase) -> Runner:
    return Runner(database, str(MIGRATIONS))
