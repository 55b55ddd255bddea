"""Schemas are brought up once, whoever starts, and nobody serves on an old one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest

from rules.refusals import ProgramNotFound
from storage.access.queries import server_secret
from storage.activity.tables import ActivityRow
from storage.engine.database import Database, StorageUnavailable, connection, open_database
from storage.engine.requests import Answer
from storage.engine.unit import Unit, run, transaction
from storage.migrate import MIGRATION_LOCK, PAGE_TOKEN_SECRET, MigrationsPending, check, migrate, pending
from storage.programs import queries
from storage.programs.commands import CreateProgram, create
from tests.storage.scene import CALLER, ORIGIN, SETTINGS, Scene, request


@pytest.fixture
def empty(empty_database_url: str) -> Database:
    """A database without tables."""
    return open_database(empty_database_url)


def test_an_empty_database_is_told_what_it_lacks_and_brought_up(empty: Database) -> None:
    """The sentence names the command, for whoever reads the log of a server that did not start."""
    with pytest.raises(MigrationsPending, match=r"0001_books.*fealty migrate"):
        check(empty)
    names = pending(empty)
    assert migrate(empty) == names
    check(empty)
    assert migrate(empty) == []
    with connection(empty):
        assert len(server_secret(PAGE_TOKEN_SECRET)) == 32
        assert [row.action for row in ActivityRow.select()] == ["database.migrated"]


def test_two_starters_at_once_both_succeed(empty_database_url: str) -> None:
    """A rolling deployment starts several; one migrates and the other waits and finds nothing to do."""
    together = threading.Barrier(3)
    database = open_database(empty_database_url)

    def start(_: int) -> list[str]:
        together.wait()
        return migrate(database)

    with ThreadPoolExecutor(3) as starters:
        applied = sorted(starters.map(start, range(3)))
    assert applied[:2] == [[], []]
    assert applied[2]
    with connection(database):
        assert ActivityRow.select().count() == 1


def test_a_starter_that_died_in_between_leaves_nothing_to_mend(empty: Database) -> None:
    """Killed after the tables and before the server's secret: the next one completes it, or no server ever starts."""
    migrate(empty)
    with connection(empty) as books:
        books.execute("DELETE FROM server_secret")
    migrate(empty)
    with connection(empty):
        assert len(server_secret(PAGE_TOKEN_SECRET)) == 32


def test_the_lock_is_given_back(empty: Database, empty_database_url: str) -> None:
    """A starter that kept it would block every later deployment."""
    migrate(empty)
    with psycopg.connect(empty_database_url) as other:
        assert other.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK]).fetchone() == (True,)


def test_a_database_that_is_not_there_is_said_to_be_away() -> None:
    """Not a traceback of the driver: one kind of exception, which names no password."""
    database = open_database("postgresql://somebody:hunter2@127.0.0.1:1/fealty")
    with pytest.raises(StorageUnavailable) as away:
        check(database)
    assert "hunter2" not in str(away.value)


def test_a_thread_goes_on_after_a_transaction_that_was_refused(database: Database) -> None:
    """A rollback makes the driver forget what it prepared; what we prepared must not be missed then."""
    scene = Scene(database)
    for _ in range(3):
        with pytest.raises(ProgramNotFound), transaction(database):
            queries.get("tea", CALLER)
        scene.earn(10)
        scene.earn(10, validate_only=True)
        run(database, _only_asked)
        scene.advance(scene.balance().as_of - scene.balance().as_of)
    assert scene.balance().active == 30
    scene.assert_conserved()


def test_a_transaction_that_lost_its_connection_is_away_and_the_next_one_works(database: Database) -> None:
    """PostgreSQL was restarted: one caller hears of it, and nobody after."""
    scene = Scene(database)
    with psycopg.connect(database.database, autocommit=True) as neighbour:
        neighbour.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(StorageUnavailable), transaction(database) as unit:
        unit.connection.execute("SELECT 1")
    scene.earn(10)
    assert scene.balance().active == 10


def test_a_transaction_that_was_cut_off_because_we_slept_is_away_not_a_fault(database: Database) -> None:
    """A laptop was closed in the middle of a call: the caller may retry, and the next call finds a fresh connection."""
    scene = Scene(database)
    with pytest.raises(StorageUnavailable):
        run(database, partial(_sleeps, database.database))
    scene.earn(10)
    assert scene.balance().active == 10


def _sleeps(url: str, unit: Unit) -> None:
    unit.connection.execute("SET idle_in_transaction_session_timeout = 20")
    with psycopg.connect(url, autocommit=True) as neighbour:
        ours = [unit.connection.info.backend_pid]
        while neighbour.execute("SELECT FROM pg_stat_activity WHERE pid = %s", ours).fetchone() is not None:
            pass
    unit.connection.execute("SELECT 1")


def _only_asked(unit: Unit) -> Answer[int]:
    command = CreateProgram("tea", SETTINGS, None)
    create(unit, command, CALLER, ORIGIN, request(command), validate_only=True)
    return Answer(1, None)
