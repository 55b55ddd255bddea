"""Only the owner of the database can change what was recorded; the application cannot, whatever it is made to say."""

from collections.abc import Iterator
from itertools import product

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from storage.activity.records import ActivityRow
from storage.engine.database import Database, connection, open_database
from storage.rights import login_of
from storage.roles import APPEND, APPLICATION, AUDITOR, GRANTS, LOG, READ, RETENTION, SEALER, role_name
from tests.databases import as_application, as_owner, fresh_database
from tests.storage.scene import Scene

# Tables that only `fealty migrate` reads.
OWNERS_ONLY = {"sql_function"}
RECORDED = [*LOG, "entry", "split", "refund", "program_version"]
# What somebody would try who can have the application say what they like; `{0}` is a table, `{1}` a column of it.
ATTEMPTS = {
    "change": "UPDATE {0} SET {1} = {1}",
    "remove": "DELETE FROM {0}",
    "empty": "TRUNCATE {0} CASCADE",
    "lock": "SELECT 1 FROM {0} FOR UPDATE",
    "silence every trigger": "SET session_replication_role = replica",
    "silence the trigger": "ALTER TABLE {0} DISABLE TRIGGER ALL",
    "drop the trigger": "DROP TRIGGER append_only ON {0}",
    "make another trigger": "CREATE TRIGGER other BEFORE INSERT ON {0} EXECUTE FUNCTION refuse_change()",
    "replace what the trigger does": "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql"
    " AS 'BEGIN RETURN NULL; END'",
    "swallow what is added": "CREATE RULE nothing AS ON INSERT TO {0} DO INSTEAD NOTHING",
    "drop the table": "DROP TABLE {0} CASCADE",
    "rename the table": "ALTER TABLE {0} RENAME TO other",
    "take the table": "ALTER TABLE {0} OWNER TO CURRENT_USER",
    "give itself the right": "GRANT UPDATE ON {0} TO CURRENT_USER; UPDATE {0} SET {1} = {1}",
    "put a table before it": "CREATE TABLE public.other ()",
    "make a role": "CREATE ROLE other",
    "write beside the database": "COPY {0} TO '/tmp/other'",
    "run a program": "COPY {0} TO PROGRAM 'true'",
    "say that migrations were applied": "UPDATE schema_migration SET name = name",
}


@pytest.fixture(scope="module")
def scene(server_url: str, template: str) -> Iterator[Scene]:
    """A customer with a history, as the application sees it. What the tests here try must leave no trace."""
    with fresh_database(server_url, template) as url:
        made = Scene(open_database(as_application(url, template)))
        made.earn(100)
        made.do(made.spending(40))
        yield made
        made.database.close()


def _as_application(scene: Scene) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(scene.database.database, autocommit=True)


def _guarded(scene: Scene) -> list[str]:
    """The tables whose trigger refuses each change."""
    found = scene.rows("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'")
    return sorted(table for (table,) in found)


@pytest.mark.parametrize(
    ("table", "attempt"),
    [pair for pair in product(RECORDED, ATTEMPTS) if pair != ("activity_note", "drop the trigger")],
)
def test_the_application_cannot_change_what_was_recorded(scene: Scene, table: str, attempt: str) -> None:
    """Whoever finds a way to have a server run SQL of theirs can add to the log, and take nothing back."""
    [[column]] = scene.rows(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum = 1", [f'"{table}"']
    )
    before = scene.contents()
    with _as_application(scene) as books, pytest.raises(InsufficientPrivilege) as refused:
        books.execute(ATTEMPTS[attempt].format(table, column).encode())
    # By PostgreSQL's privileges, before any trigger of ours is asked.
    assert "append-only" not in str(refused.value)
    assert scene.contents() == before


@pytest.mark.parametrize("become", ["SET ROLE {}", "SET SESSION AUTHORIZATION {}"])
def test_the_application_cannot_become_the_owner(scene: Scene, become: str) -> None:
    """The rights of the owner are worth something only where one cannot step into them."""
    with scene.another_connection() as owned:
        owner = owned.info.user
    statement = sql.SQL(become).format(sql.Identifier(owner))
    with _as_application(scene) as books, pytest.raises(InsufficientPrivilege):
        books.execute(statement)


def test_the_application_can_change_nothing_that_is_append_only(scene: Scene) -> None:
    """A table that gets the guard in a migration must not get a right to be changed in the table of grants."""
    guarded = _guarded(scene)
    assert {*guarded} >= {"activity", "activity_place", "entry"}
    # Of what its door drops, another trigger sees to it that it is due.
    for rights in (GRANTS[role] for role in set(GRANTS) - {RETENTION}):
        assert all(rights.get(table, READ) <= APPEND for table in guarded)


def test_every_table_is_given_to_the_application_or_left_to_the_owner(scene: Scene) -> None:
    """A migration that forgets to say so would be found by the first call that needs the table."""
    kinds = "relkind IN ('r', 'p', 'v', 'm') AND relnamespace = 'public'::regnamespace"
    tables = {table for (table,) in scene.rows(f"SELECT relname::text FROM pg_class WHERE {kinds}")}
    assert tables - OWNERS_ONLY == {table for table in GRANTS[APPLICATION] if not table.endswith("_seq")}


def test_a_declared_right_is_one_on_something_that_is_there(scene: Scene) -> None:
    """A name with a slip in it would be granted to nobody, and nobody would notice."""
    there = {name for (name,) in scene.rows("SELECT relname::text FROM pg_class")}
    assert {name for rights in GRANTS.values() for name in rights} <= there


@pytest.mark.parametrize("role", [AUDITOR, SEALER])
def test_who_reads_the_log_reads_nothing_else_and_writes_nothing(scene: Scene, template: str, role: str) -> None:
    """An auditor needs no customer's address; what will seal the log needs no more than the log either."""
    with scene.another_connection() as books:
        books.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role_name(template, role))))
        for table in LOG:
            books.execute(f"SELECT * FROM {table}".encode()).fetchall()
            for attempt in ("INSERT INTO {0} SELECT * FROM {0}", "UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"):
                with pytest.raises(InsufficientPrivilege):
                    books.execute(attempt.format(table, "activity" if table != "activity" else "id").encode())
        for table in set(GRANTS[APPLICATION]) - set(LOG):
            with pytest.raises(InsufficientPrivilege):
                books.execute(f'SELECT * FROM "{table}"'.encode())


def test_a_table_of_the_session_deceives_nobody_else(scene: Scene) -> None:
    """The application may make temporary tables; one that is called as the log's index must not be the clock's."""
    [[function]] = scene.rows("SELECT proname FROM pg_proc WHERE proname ~ '^summarize_activity_'")
    with _as_application(scene) as books:
        books.execute("CREATE TEMP TABLE activity (written_by bigint)")
        books.execute("CREATE INDEX activity_written_by ON activity (written_by)")
        books.execute(f"SELECT {function}()".encode())


def test_bodies_are_dropped_with_the_rights_of_a_role_that_is_nobody(scene: Scene, template: str) -> None:
    """Were the door the owner's, a hole in it would be one in everything."""
    [[owner]] = scene.rows("SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'drop_bodies'")
    assert owner == role_name(template, RETENTION)
    [[can_login]] = scene.rows("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", [owner])
    assert not can_login


@pytest.mark.parametrize(
    ("database", "role", "name"),
    [
        ("fealty", APPLICATION, "fealty_application"),
        ("my club", AUDITOR, "my club_auditor"),
        ("x" * 63, SEALER, "x" * 47 + "_75220b47_sealer"),
    ],
)
def test_roles_are_called_after_their_database(database: str, role: str, name: str) -> None:
    """Roles belong to the server: those of two databases on it must not be the same ones."""
    assert role_name(database, role) == name


def test_long_names_of_databases_make_names_of_roles_that_differ() -> None:
    """PostgreSQL cuts what is too long, in the middle of a letter too, and two databases would share their roles."""
    one, other = (role_name("ü" * 31 + end, APPLICATION) for end in "ab")
    assert one != other
    assert max(len(name.encode()) for name in (one, other)) <= 63


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("postgresql://till@db.example/club", "till"),
        ("postgresql://my%20till:a%40b@/club?host=%2Ftmp", "my till"),
        ("postgresql://db.example/club?user=till", "till"),
        ("postgresql://db.example/club", "somebody"),
    ],
)
def test_the_login_is_whom_the_driver_would_log_in_as(monkeypatch: pytest.MonkeyPatch, url: str, login: str) -> None:
    """It is granted the rights: taken wrongly from the URL, somebody else would have them."""
    monkeypatch.setenv("PGUSER", "somebody")
    assert login_of(url) == login


def test_what_the_application_adds_is_there(database: Database) -> None:
    """The fixture of all tests is the application's role: were it the owner's, they would find no missing right."""
    with connection(database) as books:
        assert books.info.user.endswith(f"_{APPLICATION}")
        with psycopg.connect(as_owner(database.database)) as owned:
            assert owned.info.user != books.info.user
        assert [row.action for row in ActivityRow.select()] == ["database.migrated"]
