"""Schemas are brought up once, whoever starts, and nobody serves on an old one."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psycopg
import pytest
from playhouse.migrations import Migration

from rules.refusals import ProgramNotFound
from storage import migrate as migrations
from storage.access.queries import server_secret
from storage.activity.records import ActivityRow
from storage.engine.commands import once
from storage.engine.database import Database, StorageUnavailable, connection, open_database
from storage.engine.unit import Unit, run, transaction
from storage.migrate import (
    MIGRATION_LOCK,
    MIGRATIONS,
    PAGE_TOKEN_SECRET,
    MigrationBlocked,
    MigrationsPending,
    ServersRunning,
    ServerTooOld,
    check,
    migrate,
    schema,
)
from storage.programs import queries
from storage.programs.commands import CreateProgram
from tests.databases import as_owner
from tests.storage.scene import CALLER, SETTINGS, Scene, asked


@pytest.fixture
def database_url(database_url: str) -> str:
    """A migrated database of this test's own, as its owner connects to it, who may migrate it further."""
    return as_owner(database_url)


@pytest.fixture
def empty(empty_database_url: str) -> Database:
    """A database without tables."""
    return open_database(empty_database_url)


class Newer:
    """A newer version of us, as far as migrations go. Leaves the present one in charge."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def migrate(self, name: str, oldest_server: int) -> None:
        """Applies one migration more, which changes a table."""
        column = name.removeprefix("00")
        sql = f"ALTER TABLE program ADD COLUMN column_{column} integer"
        text = f"OLDEST_SERVER = {oldest_server}\n\n\ndef up(migrator, db):\n    db.connection().execute({sql!r})\n"
        (self._folder / f"{name}.py").write_text(text)
        with pytest.MonkeyPatch.context() as version:
            version.setattr(migrations, "MIGRATIONS", self._folder)
            migrate(self._database)


@pytest.fixture
def newer(database: Database, tmp_path: Path) -> Newer:
    """A version that has all of our migrations."""
    shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    return Newer(database, tmp_path / "migrations")


def test_an_empty_database_is_told_what_it_lacks_and_brought_up(empty: Database) -> None:
    """The sentence names the command, for whoever reads the log of a server that did not start."""
    with pytest.raises(MigrationsPending, match=r"0001_books.*fealty migrate"):
        check(empty)
    names = schema(empty).pending
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


def test_each_migration_names_the_oldest_server_that_may_run_on_it(database: Database) -> None:
    """Without the number a server that does not have the file could only guess."""
    files = Migration.load_directory(str(MIGRATIONS))
    assert all(1 <= file.load().OLDEST_SERVER <= file.idx for file in files)
    with connection(database) as books:
        kept = books.execute("SELECT name, oldest_server FROM schema_migration").fetchall()
    assert sorted(kept) == [(file.name, file.load().OLDEST_SERVER) for file in files]


def test_a_server_runs_on_a_newer_schema_that_allows_it(database: Database, newer: Newer) -> None:
    """Servers are replaced one by one after the schema: one that is restarted in between must come up."""
    newer.migrate("0098_wider", oldest_server=1)
    newer.migrate("0099_longer", oldest_server=schema(database).level)
    assert check(database) == ["0098_wider", "0099_longer"]


def test_a_server_that_is_too_old_for_the_schema_does_not_start(database: Database, newer: Newer) -> None:
    """It would write what newer ones misread. The sentence says what to start."""
    newer.migrate("0098_wider", oldest_server=1)
    newer.migrate("0099_other", oldest_server=99)
    with pytest.raises(ServerTooOld, match=r"0099_other.* schema 99 .*start the newer version"):
        check(database)


def test_a_newer_migration_whose_number_was_not_kept_yet_is_taken_to_need_its_own_server(
    database: Database, newer: Newer
) -> None:
    """A starter may die between the two; whoever starts next must not guess that all is well."""
    newer.migrate("0099_wider", oldest_server=1)
    with connection(database) as books:
        books.execute("UPDATE schema_migration SET oldest_server = NULL WHERE name = '0099_wider'")
    with pytest.raises(ServerTooOld):
        check(database)
    newer.migrate("0099_wider", oldest_server=1)
    assert check(database) == ["0099_wider"]


def test_a_migration_does_not_wait_long_for_a_table_in_use(
    database: Database, newer: Newer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that needs the table would queue up behind it, for as long as somebody's dump takes."""
    monkeypatch.setattr(migrations, "TABLE_LOCK_TIMEOUT_MS", 50)
    with psycopg.connect(database.database) as dump:
        dump.execute("SELECT count(*) FROM program")
        with pytest.raises(MigrationBlocked, match="run `fealty migrate` again"):
            newer.migrate("0099_wider", oldest_server=1)
        assert check(database) == []
    newer.migrate("0099_wider", oldest_server=1)
    assert check(database) == ["0099_wider"]


def test_a_migration_that_connected_servers_cannot_live_with_is_not_applied(database: Database, newer: Newer) -> None:
    """Each of their calls would fail, and nobody would know why; who stops them first loses nothing."""
    with psycopg.connect(database.database, application_name="fealty-0123abcd writer"):
        with pytest.raises(ServersRunning, match="stop servers, workers and clocks"):
            newer.migrate("0099_wider", oldest_server=99)
        assert check(database) == []
    newer.migrate("0099_wider", oldest_server=99)
    with pytest.raises(ServerTooOld):
        check(database)


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


def _only_asked(unit: Unit) -> None:
    once(unit, CreateProgram("tea", SETTINGS, None, asked("tea", validate_only=True)))
