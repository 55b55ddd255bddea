"""How the command line opens the books: at a schema that this version may run on, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from cli.failures import Failure
from cli.settings import Settings
from rules import activity
from rules.access import Role, in_role
from storage import migrate
from storage.engine.database import Database, StorageUnavailable, connection, open_database
from storage.personal import keys
from storage.programs import queries as programs
from storage.programs.queries import Program

log = structlog.get_logger()

OPERATOR = in_role(activity.OPERATOR, activity.OPERATOR, Role.ADMINISTRATOR)


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database, connected. Raises StorageUnavailable, RightsMissing, MigrationsPending, ServerTooOld."""
    database = open_database(settings.database)
    try:
        migrate.check(database)
        with connection(database):
            yield database
    finally:
        database.close()


@contextmanager
def owned(settings: Settings) -> Iterator[Database]:
    """The database as the owner of its schema connects to it, for what changes the schema. Connects nothing yet.

    Raises Failure where it is away and has a URL of its own, which nobody would look for; else StorageUnavailable.
    """
    database = open_database(settings.owner_database)
    try:
        yield database
    except StorageUnavailable as error:
        if settings.owner_database_url is None:
            raise
        where = f"PostgreSQL at {settings.owner_database_shown} cannot be used ({error})"
        raise Failure(f"{where}: start it, or correct FEALTY_OWNER_DATABASE_URL") from error
    finally:
        database.close()


def require_schema(settings: Settings) -> None:
    """For processes, which say so where the schema is newer than they are.

    Raises StorageUnavailable, RightsMissing, MigrationsPending, ServerTooOld.
    """
    database = open_database(settings.database)
    try:
        if newer := migrate.check(database):
            log.info("the schema is newer than this version, which may run on it", migrations=newer)
    finally:
        database.close()


def require_keys(settings: Settings) -> None:
    """For servers, which keep and show what persons told us. Raises StorageUnavailable, KeyringError."""
    database = open_database(settings.database)
    try:
        with connection(database) as held:
            keys.require(held, settings.personal_keys)
    finally:
        database.close()


def program(program_id: str) -> Program:
    """The program of that id; needs the database connected. Raises ProgramNotFound."""
    return programs.get(program_id, OPERATOR)
