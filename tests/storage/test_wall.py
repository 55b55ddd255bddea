"""The second wall: behind it PostgreSQL shows the rows of some programs and of no others, whatever it is asked."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

import storage
from storage import rights, wall
from storage.engine.commands import SeesAll
from storage.engine.database import Connection, Database, connection, open_database
from storage.engine.scope import behind_the_wall
from storage.migrate import MigrationBlocked, check, migrate
from storage.organizations.commands import DeletePartner
from storage.programs.commands import CreateProgram
from storage.rights import RightsMissing
from storage.roles import APPLICATION, SCOPED, role_name
from storage.wall import BESIDE, HIDDEN, NOBODYS
from tests.databases import as_application, as_owner, by_owner, fresh_database
from tests.storage.scene import Scene
from tests.storage.test_roles import OWNERS_ONLY

COFFEE = frozenset({"coffee"})
# Tables with a program, by that column.
OF_PROGRAMS = """
SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND a.attname = CASE c.relname WHEN 'program' THEN 'id' ELSE 'program' END
"""
TABLES = "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
POLICIES = "SELECT oid, xmin::text FROM pg_policy UNION ALL SELECT oid, xmin::text FROM pg_class ORDER BY 1"


@pytest.fixture(scope="module")
def scene(server_url: str, template: str) -> Iterator[Scene]:
    """Two programs, `coffee` and `tea`, in which the same has happened; the tests here leave no trace."""
    with fresh_database(server_url, template) as url:
        database = open_database(as_application(url, template))
        scenes = [Scene(database, "ada", "ben", program=program) for program in ("coffee", "tea")]
        for one in scenes:
            _live(one)
        yield scenes[0]
        database.close()


def _live(scene: Scene) -> None:
    scene.earn(100, transaction_id="t1")
    scene.do(scene.spending(40))
    scene.do(scene.hold(10))
    scene.do(scene.refund("t1", 20))
    scene.do(scene.transfer(10))
    scene.offer()
    scene.template()
    scene.archive("slow")


def _numbers(books: Connection) -> dict[str, int]:
    return dict(books.execute("SELECT program_id, id FROM program").fetchall())


def _columns(books: Connection) -> dict[str, str]:
    return dict(books.execute(OF_PROGRAMS.encode()).fetchall())


def _count(books: Connection, table: str, column: str, program: int) -> int:
    [(count,)] = books.execute(f'SELECT count(*) FROM "{table}" WHERE {column} = {program}'.encode())
    return int(count)


def test_every_table_is_behind_the_wall_or_reached_by_one_that_is(scene: Scene) -> None:
    """A table that a migration adds must not be the hole: it has a program, or somebody says whose its rows are."""
    with connection(scene.database) as books:
        assert wall.stands(books)
        guarded = set(_columns(books))
        tables = {table for (table,) in books.execute(TABLES.encode())} - OWNERS_ONLY
        columns = set(books.execute("SELECT table_name::text, column_name::text FROM information_schema.columns"))
    assert not guarded & (set(BESIDE) | NOBODYS)
    assert tables - guarded == set(BESIDE) | NOBODYS
    assert guarded >= HIDDEN
    assert {(table, column) for table, (column, _) in BESIDE.items()} <= columns
    assert {of for _, of in BESIDE.values()} <= guarded


def test_behind_the_wall_nothing_of_another_program_is_seen(scene: Scene) -> None:
    """No query has to remember to ask for the program: what it forgets is not shown."""
    with connection(scene.database) as books:
        numbers, columns = _numbers(books), _columns(books)
        asked = [(table, column, number) for table, column in columns.items() for number in numbers.values()]
        before = {(table, number): _count(books, table, column, number) for table, column, number in asked}
        with behind_the_wall(books, COFFEE):
            behind = {(table, number): _count(books, table, column, number) for table, column, number in asked}
            [(others,)] = books.execute("SELECT count(DISTINCT account) FROM allocation")
        assert {(table, number): _count(books, table, column, number) for table, column, number in asked} == before
        [(all_of_them,)] = books.execute("SELECT count(DISTINCT account) FROM allocation")
    coffee, tea = numbers["coffee"], numbers["tea"]
    assert {table for table in columns if before[table, tea]} >= {"activity", "customer", "entry", "reward", "program"}
    for table in columns:
        assert behind[table, tea] == 0, table
        assert behind[table, coffee] == before[table, coffee], table
    # A view of its owner's would show all.
    assert 0 < others < all_of_them


def test_what_is_of_no_program_is_the_installations_own(scene: Scene) -> None:
    """Who is let in to the database, say, is nothing that a partner reads."""
    with connection(scene.database) as books:
        assert books.execute("SELECT FROM activity WHERE program IS NULL").fetchall()
        with behind_the_wall(books, COFFEE):
            assert not books.execute("SELECT FROM activity WHERE program IS NULL").fetchall()


@pytest.mark.parametrize("programs", [frozenset[str](), frozenset({"milk"}), frozenset({"coffee,2", "'", "2"})])
def test_who_may_see_no_program_sees_no_row(scene: Scene, programs: frozenset[str]) -> None:
    """Whose programs are gone, or were never there, must not be taken for somebody who sees all."""
    with connection(scene.database) as books:
        columns = _columns(books)
        with behind_the_wall(books, programs):
            for table in columns:
                assert not books.execute(f'SELECT FROM "{table}"'.encode()).fetchall(), table


def test_several_programs_are_seen_together(scene: Scene) -> None:
    """Partners have several."""
    with connection(scene.database) as books, behind_the_wall(books, COFFEE | {"tea", "milk"}):
        assert set(_numbers(books)) == {"coffee", "tea"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {0} SET {1} = {1} WHERE {1} = {2}",
        "DELETE FROM {0} WHERE {1} = {2}",
        "SELECT FROM {0} WHERE {1} = {2} FOR UPDATE",
    ],
)
def test_behind_the_wall_nothing_of_another_program_is_changed(scene: Scene, statement: str) -> None:
    """A command that took the wrong name for its caller's own finds nothing there."""
    with connection(scene.database) as books:
        numbers, columns = _numbers(books), _columns(books)
        tried = 0
        with behind_the_wall(books, COFFEE):
            for table, column in columns.items():
                try:
                    done = books.execute(statement.format(f'"{table}"', column, numbers["tea"]).encode())
                except InsufficientPrivilege:
                    continue
                tried += 1
                assert done.rowcount == 0, table
    assert tried > 3


def test_nothing_is_written_into_another_program(scene: Scene) -> None:
    """Not even by moving there what is one's own."""
    with connection(scene.database) as books:
        tea = _numbers(books)["tea"]
        with behind_the_wall(books, COFFEE):
            for statement in (
                f"UPDATE customer SET program = {tea}",
                f"INSERT INTO legal_hold SELECT (jsonb_populate_record(NULL::legal_hold, '{{\"program\": {tea}}}')).*",
                f"INSERT INTO unchecked_codes (program, since) VALUES ({tea}, now())",
            ):
                with pytest.raises(InsufficientPrivilege, match="row-level security"):
                    books.execute(statement.encode())


def test_the_commands_that_see_all_are_few_and_known() -> None:
    """Each is a hole that somebody looked through: it checks by itself whom it obeys, and tests of its own say so."""
    names = [module.name for module in walk_packages(storage.__path__, "storage.") if "migrations" not in module.name]
    found = {one for name in names for one in vars(import_module(name)).values() if isinstance(one, type)}
    assert {one.__name__ for one in found if hasattr(one, "sees_all")} - {SeesAll.__name__} == {
        CreateProgram.__name__,
        DeletePartner.__name__,
    }


def test_before_the_wall_the_planner_knows_nothing_of_it(scene: Scene) -> None:
    """What is hot runs there, and pays nothing: neither a look at a setting nor a row that is tested."""
    query = b"EXPLAIN (VERBOSE, COSTS OFF) SELECT display_name FROM customer WHERE id = 7"
    with connection(scene.database) as books:
        plan = [line for (line,) in books.execute(query)]
        with behind_the_wall(books, COFFEE):
            behind = "\n".join(line for (line,) in books.execute(query))
    assert not any("program" in line or "Filter" in line for line in plan), plan
    assert any("Index Cond: (customer.id = 7)" in line for line in plan)
    assert "fealty.programs" in behind
    # Once a statement, not for each row.
    assert "InitPlan" in behind


def test_to_migrate_again_locks_no_table(owner_url: str) -> None:
    """Each deployment does, under running servers: what is as it should be is left alone."""
    migrate(open_database(owner_url))
    with psycopg.connect(owner_url, autocommit=True) as owner:
        found = owner.execute(POLICIES).fetchall()
        migrate(open_database(owner_url))
        assert owner.execute(POLICIES).fetchall() == found


def test_the_wall_is_brought_back_to_what_is_declared(owner_url: str) -> None:
    """What somebody took away in a bad hour, and what is of a version that said something else, is put right."""
    migrate(open_database(owner_url))
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE lot DISABLE ROW LEVEL SECURITY")
        owner.execute("DROP POLICY open ON entry")
        owner.execute("CREATE POLICY scoped_00000000 ON account AS RESTRICTIVE USING (false)")
        owner.execute("CREATE POLICY ours ON hold USING (true)")
        assert not _stands(owner_url)
        migrate(open_database(owner_url))
        assert _stands(owner_url)
        # What is not ours stays.
        assert owner.execute("SELECT FROM pg_policy WHERE polname = 'ours'").fetchall()


def test_a_table_in_use_is_walled_in_by_the_next_migration(owner_url: str) -> None:
    """A dump that runs must not stop the servers behind a lock that waits for it; what was done before stays."""
    migrate(open_database(owner_url))
    by_owner(owner_url, "ALTER TABLE lot DISABLE ROW LEVEL SECURITY; ALTER TABLE account DISABLE ROW LEVEL SECURITY")
    with psycopg.connect(owner_url) as dump:
        dump.execute("SELECT FROM lot")
        with pytest.raises(MigrationBlocked):
            migrate(open_database(owner_url))
    with psycopg.connect(owner_url) as owner:
        walled = "SELECT relrowsecurity FROM pg_class WHERE relname IN ('account', 'lot') ORDER BY relname"
        assert owner.execute(walled).fetchall() == [(True,), (False,)]
    migrate(open_database(owner_url))
    assert _stands(owner_url)


def _stands(url: str) -> bool:
    opened = open_database(url)
    try:
        with connection(opened) as books:
            return wall.stands(books)
    finally:
        opened.close()


def test_no_server_begins_that_cannot_shut_itself_in(database: Database, template: str) -> None:
    """Each call of a limited caller would be a fault of ours; or nobody would notice, and there were no wall."""
    by_owner(database.database, f'REVOKE "{role_name(template, SCOPED)}" FROM "{role_name(template, APPLICATION)}"')
    try:
        with pytest.raises(RightsMissing, match=r"cannot step behind the wall .*; run `fealty migrate`"):
            check(database)
    finally:
        _let_step(database, template)
    check(database)


def test_no_server_begins_that_is_shut_in_for_good(database: Database, template: str) -> None:
    """Who has the rights of that role without stepping into it sees no row of any program: all calls would fail."""
    scoped, application = role_name(template, SCOPED), role_name(template, APPLICATION)
    with psycopg.connect(as_owner(database.database), autocommit=True) as owner:
        if owner.info.server_version < rights.GRANTS_SAY_HOW:
            owner.execute(f'ALTER ROLE "{application}" INHERIT'.encode())
        else:
            owner.execute(f'GRANT "{scoped}" TO "{application}" WITH INHERIT TRUE'.encode())
    try:
        with pytest.raises(RightsMissing, match="cannot step behind the wall"):
            check(database)
    finally:
        _let_step(database, template)
    check(database)


def _let_step(database: Database, template: str) -> None:
    """As `fealty migrate` does; the roles of all tests' databases are those of the template."""
    with psycopg.connect(as_owner(database.database), autocommit=True) as owner:
        books: Any = owner
        for statement in rights._stepping(books, role_name(template, SCOPED), role_name(template, APPLICATION)):
            owner.execute(statement.encode())


def test_an_older_version_leaves_a_newer_ones_wall_alone(owner_url: str) -> None:
    """Its servers may be started again while those of the newer run, and `fealty up` migrates each time."""
    migrate(open_database(owner_url))
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("ALTER POLICY open ON lot RENAME TO open_newer")
        owner.execute("INSERT INTO schema_migration (name, applied, oldest_server) VALUES ('9999_newer', now(), 1)")
        found = owner.execute(POLICIES).fetchall()
        migrate(open_database(owner_url))
        assert owner.execute(POLICIES).fetchall() == found


def test_the_rights_of_who_steps_in_are_the_applications(scene: Scene, template: str) -> None:
    """What a command may not do before the wall it may not do behind it either, such as changing the log."""
    with scene.another_connection() as books:
        books.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role_name(template, SCOPED))))
        for statement in ("UPDATE activity SET body = ''", "DELETE FROM entry", "TRUNCATE customer"):
            with pytest.raises(InsufficientPrivilege):
                books.execute(statement.encode())
