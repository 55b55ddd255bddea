"""`fealty migrate` makes the roles and keeps their rights current, whoever the operator lets it be."""

import re
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from storage import rights
from storage.engine.database import Database, connection, open_database
from storage.migrate import check, migrate
from storage.rights import NotTheOwner, RightsMissing, by_hand, unguarded
from storage.roles import APPLICATION, DOORS, GRANTS, READ, Door, role_name
from tests.databases import fresh_database, make_login, with_database, with_login

OTHER = "other"
# What a migration would make that does what nobody may do freely.
LOOK_AWAY = """
CREATE FUNCTION look_away() RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
AS 'SELECT current_user::text'
"""


@pytest.fixture
def operator(server_url: str) -> Iterator["Operator"]:
    """An operator with an empty database."""
    with ExitStack() as ending:
        yield Operator(server_url, ending)


class Operator:
    """Makes logins and a database that one of them owns, as whoever runs the server."""

    def __init__(self, server_url: str, ending: ExitStack) -> None:
        self._server_url = server_url
        self._ending = ending

    def login(self, attributes: str = "") -> str:
        """A login of its own name."""
        name = f"fealty_test_{secrets.token_hex(6)}"
        make_login(self._server_url, name)
        self._ending.callback(self.run, f'DROP ROLE "{name}"')
        if attributes:
            self.run(f'ALTER ROLE "{name}" {attributes}')
        return name

    def database(self, owner: str) -> str:
        """The URL of an empty database, as that login connects to it."""
        url = self._ending.enter_context(fresh_database(self._server_url))
        self.run(f'ALTER DATABASE "{_name(url)}" OWNER TO "{owner}"')
        return with_login(url, owner)

    def forget(self, url: str, role: str) -> None:
        """Removes a role that no version of ours has."""
        self.run(f'DROP OWNED BY "{role}"', with_database(self._server_url, _name(url)))
        self.run(f'DROP ROLE "{role}"')

    def run(self, statement: str, url: str = "") -> None:
        """A statement of who may do everything."""
        with psycopg.connect(url or self._server_url, autocommit=True) as server:
            server.execute(statement.encode())


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def _as(url: str) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    with psycopg.connect(url, autocommit=True) as books:
        yield books


def _checked(url: str) -> None:
    database = open_database(url)
    try:
        check(database)
    finally:
        database.close()


def _written(url: str) -> list[tuple[Any, ...]]:
    """Which transaction last wrote each row in which rights are kept."""
    with _as(url) as books:
        return [
            *books.execute("SELECT oid, xmin::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"),
            *books.execute("SELECT oid, xmin::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"),
            *books.execute("SELECT oid, xmin::text FROM pg_namespace"),
            *books.execute("SELECT roleid, member, xmin::text FROM pg_auth_members"),
        ]


@pytest.mark.parametrize("attributes", ["CREATEROLE", "SUPERUSER"])
def test_an_owner_who_may_make_roles_needs_nobody(operator: Operator, attributes: str) -> None:
    """What managed PostgreSQL gives is a login that makes roles and is no superuser: one command must do."""
    login = operator.login()
    url = operator.database(owner=operator.login(attributes))
    database = open_database(url)
    migrate(database, login)
    with connection(database) as books:
        assert by_hand(books, login) == []
    database.close()
    _checked(with_login(url, login))
    with _as(with_login(url, login)) as books, pytest.raises(psycopg.errors.InsufficientPrivilege):
        books.execute("UPDATE activity SET body = body")
    found = _written(url)
    migrate(open_database(url), login)
    # Nothing is granted that is granted already: each time, every session would have to plan its statements anew.
    assert _written(url) == found


def test_who_may_make_no_roles_is_told_what_to_have_run(operator: Operator) -> None:
    """In many companies roles are made by others; the schema comes all the same, and nothing is half there."""
    login = operator.login()
    url = operator.database(owner=operator.login())
    database = open_database(url)
    assert migrate(database, login)
    with connection(database) as books:
        needed = by_hand(books, login)
    assert needed[0] == f'CREATE ROLE "{_name(url)}_application" NOLOGIN'
    assert needed[-1] == f'GRANT "{_name(url)}_application" TO "{login}"'
    with pytest.raises(RightsMissing, match=r"lacks .*activity.* and more; run `fealty migrate`"):
        _checked(with_login(url, login))
    for statement in needed:
        operator.run(statement)
    migrate(open_database(url), login)
    _checked(with_login(url, login))


def test_a_login_that_is_not_there_is_the_first_thing_to_make(operator: Operator) -> None:
    """Its password is the operator's to choose; until then all else is made."""
    url = operator.database(owner=operator.login("CREATEROLE"))
    database = open_database(url)
    migrate(database, "nobody at all")
    with connection(database) as books:
        assert by_hand(books, "nobody at all") == [
            "CREATE ROLE \"nobody at all\" LOGIN PASSWORD '…'",
            f'GRANT "{_name(url)}_application" TO "nobody at all"',
        ]


def test_one_login_for_all_goes_on_as_before(operator: Operator) -> None:
    """A database with one login was right until now, and an upgrade may not stop it."""
    owner = operator.login()
    url = operator.database(owner=owner)
    migrate(open_database(url), owner)
    _checked(url)


def test_an_installation_of_before_gets_its_roles_and_keeps_its_rows(operator: Operator) -> None:
    """Its owner stays the owner; whoever the application is from now on finds everything."""
    login = operator.login()
    url = operator.database(owner=operator.login("CREATEROLE"))
    with pytest.MonkeyPatch.context() as before:
        before.setattr(rights, "keep", lambda *_, **__: None)
        migrate(open_database(url))
    with _as(url) as books:
        recorded = books.execute("SELECT id, body FROM activity").fetchall()
    assert migrate(open_database(url), login) == []
    _checked(with_login(url, login))
    with _as(with_login(url, login)) as books:
        assert books.execute("SELECT id, body FROM activity").fetchall() == recorded


def test_rights_are_brought_back_to_what_is_declared(owner_url: str) -> None:
    """What somebody gave by hand in a bad hour is gone after the next deployment, and what was taken is back."""
    name = role_name(_name(owner_url), APPLICATION)
    migrate(open_database(owner_url))
    with _as(owner_url) as books:
        books.execute(f'GRANT UPDATE, TRUNCATE ON activity TO "{name}"'.encode())
        books.execute(f'REVOKE INSERT ON entry FROM "{name}"'.encode())
    migrate(open_database(owner_url))
    with _as(owner_url) as books:
        held = (
            "SELECT has_table_privilege(%s, 'activity', 'UPDATE, TRUNCATE'), has_table_privilege(%s, 'entry', 'INSERT')"
        )
        assert books.execute(held.encode(), (name, name)).fetchone() == (False, True)


def test_an_older_version_takes_no_right_from_a_newer_one(owner_url: str) -> None:
    """Its servers may be started again while those of the newer run, and `fealty up` migrates each time."""
    name = role_name(_name(owner_url), APPLICATION)
    migrate(open_database(owner_url))
    with _as(owner_url) as books:
        books.execute(f'GRANT DELETE ON mail TO "{name}"'.encode())
        books.execute("INSERT INTO schema_migration (name, applied, oldest_server) VALUES ('9999_newer', now(), 1)")
    migrate(open_database(owner_url))
    with _as(owner_url) as books:
        assert books.execute("SELECT has_table_privilege(%s, 'mail', 'DELETE')", (name,)).fetchone() == (True,)


@pytest.mark.process
def test_databases_of_one_server_share_no_role_though_they_are_migrated_at_once(operator: Operator) -> None:
    """A test installation beside the one that counts: who may read the one's log may not read the other's."""
    login = operator.login()
    urls = [operator.database(owner=operator.login("CREATEROLE")) for _ in range(3)]
    with ProcessPoolExecutor(len(urls), get_context("spawn")) as starters:
        assert all(starters.map(_migrate, urls, [login, login, None]))
    for url in urls[:2]:
        _checked(with_login(url, login))
    with _as(with_login(urls[2], login)) as books, pytest.raises(psycopg.errors.InsufficientPrivilege):
        books.execute("SELECT FROM activity")


def _migrate(url: str, login: str | None) -> list[str]:
    return migrate(open_database(url), login)


def test_a_hardened_database_lets_its_roles_in(operator: Operator) -> None:
    """Where PUBLIC may neither connect nor look nor call, as many a guide advises, the roles still may."""
    login, owner = operator.login(), operator.login("CREATEROLE")
    url = operator.database(owner)
    with _as(url) as books:
        books.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
        books.execute(f'REVOKE ALL ON DATABASE "{_name(url)}" FROM PUBLIC'.encode())
        books.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    migrate(open_database(url), login)
    _checked(with_login(url, login))
    with _as(with_login(url, login)) as books:
        [(calls,)] = books.execute(
            "SELECT count(*) FROM pg_proc WHERE has_function_privilege(oid, 'EXECUTE') AND proname ~ '^load_account_'"
        )
        assert calls == 1


@pytest.mark.parametrize("attributes", ["CREATEROLE", "SUPERUSER"])
def test_a_door_acts_with_the_rights_of_its_own_role_and_opens_to_its_callers_only(
    operator: Operator, attributes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What must be possible and may not be done freely has one narrow way: a function of a role of its own."""
    monkeypatch.setattr(rights, "GRANTS", {**GRANTS, OTHER: {"activity": READ | {"DELETE"}}})
    monkeypatch.setattr(rights, "DOORS", {**DOORS, "look_away": Door(OTHER, (APPLICATION,))})
    login, stranger = operator.login(), operator.login()
    url = operator.database(owner=operator.login(attributes))
    migrate(open_database(url), login)
    with _as(url) as books:
        books.execute(LOOK_AWAY.encode())
    migrate(open_database(url), login)
    name = role_name(_name(url), OTHER)
    try:
        with _as(with_login(url, login)) as books:
            assert books.execute("SELECT look_away()").fetchone() == (name,)
            for attempt in (f'SET ROLE "{name}"', "DELETE FROM activity", "ALTER FUNCTION look_away() STRICT"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    books.execute(attempt.encode())
        with _as(with_login(url, stranger)) as books, pytest.raises(psycopg.errors.InsufficientPrivilege):
            books.execute("SELECT look_away()")
        with _as(url) as books:
            made = books.execute("SELECT has_schema_privilege(%s, 'public', 'CREATE')", (name,)).fetchone()
            assert made == (False,)
        found = _written(url)
        migrate(open_database(url), login)
        assert _written(url) == found
    finally:
        operator.forget(url, name)


def test_only_the_owner_migrates(database: Database) -> None:
    """Said before anything is tried, in a sentence that names the setting."""
    with pytest.raises(NotTheOwner, match=r"may not change it: name a login of .* in FEALTY_OWNER_DATABASE_URL"):
        migrate(database)


def test_who_may_make_nothing_is_told_so(operator: Operator) -> None:
    """From PostgreSQL 15 on nobody but the owner of a database may make something in it."""
    url = operator.database(owner=operator.login())
    with pytest.raises(NotTheOwner, match="may not change it"):
        migrate(open_database(with_login(url, operator.login())))


def test_a_missing_right_is_named_before_anything_begins(database: Database, owner_url: str) -> None:
    """Without the sentence each call that needs it would be a fault of ours, with a number in the log."""
    with _as(owner_url) as books:
        books.execute(f'REVOKE INSERT, SELECT ON mail FROM "{urlsplit(database.database).username}"'.encode())
    with pytest.raises(RightsMissing, match="lacks INSERT on mail, SELECT on mail; run `fealty migrate`"):
        check(database)


def _changes(operator: Operator, url: str, login: str) -> None:
    operator.run(f'GRANT UPDATE (body) ON activity TO "{login}"', url)


def _becomes(operator: Operator, url: str, login: str) -> None:
    operator.run(f'ALTER ROLE "{login}" NOINHERIT; GRANT "{urlsplit(url).username}" TO "{login}"')


def _makes(operator: Operator, url: str, login: str) -> None:
    operator.run(f'ALTER ROLE "{login}" CREATEROLE')


def _all(operator: Operator, url: str, login: str) -> None:
    operator.run(f'ALTER ROLE "{login}" SUPERUSER')


def _database(operator: Operator, url: str, login: str) -> None:
    operator.run(f'ALTER DATABASE "{_name(url)}" OWNER TO "{login}"')


@pytest.mark.parametrize(
    ("way", "why"),
    [
        (_changes, "it may change activity"),
        (_becomes, "it can become .*, which (owns|may change) activity"),
        (_makes, "it may make roles"),
        (_all, "it is a superuser"),
        (_database, "it owns its database"),
    ],
)
def test_whoever_could_change_the_log_is_known_whichever_way(
    operator: Operator, way: Callable[[Operator, str, str], None], why: str
) -> None:
    """`fealty doctor` would else call a log safe that is not."""
    login = operator.login()
    url = operator.database(owner=operator.login("CREATEROLE"))
    migrate(open_database(url), login)
    database = open_database(with_login(url, login))
    with connection(database) as books:
        assert unguarded(books) is None
        way(operator, url, login)
        assert re.fullmatch(why, unguarded(books) or "")
    database.close()
