"""How the command line opens the books: at this version's schema or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli.settings import Settings
from rules.access import ActorType, Caller, Role
from storage import migrate
from storage.engine.database import Database, connection, open_database
from storage.programs import queries as programs
from storage.programs.queries import Program

OPERATOR = Caller("operator", ActorType.ADMINISTRATOR, Role.ADMINISTRATOR)


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database, connected. Raises StorageUnavailable, MigrationsPending."""
    database = open_database(settings.database)
    try:
        migrate.check(database)
        with connection(database):
            yield database
    finally:
        database.close()


def require_current_schema(settings: Settings) -> None:
    """Raises StorageUnavailable, MigrationsPending."""
    with opened(settings):
        pass


def program(program_id: str) -> Program:
    """The program of that id; needs the database connected. Raises ProgramNotFound."""
    return programs.get(program_id, OPERATOR)
