"""Functions of the database: each version finds its own, and takes none from another that runs or ran last."""

from pathlib import Path

import pytest

from storage.engine.database import Database, connection, open_database
from storage.engine.functions import Functions, digest, install, missing
from storage.functions import FUNCTIONS
from storage.migrate import MigrationsPending, check, migrate

ONE = """
-- Says what it is.
CREATE FUNCTION tell() RETURNS text LANGUAGE sql AS $$ SELECT 'VERSION' $$;

-- Says it twice.
CREATE FUNCTION tell_twice() RETURNS text LANGUAGE sql AS $$ SELECT {tell}() || {tell}() $$;
"""


def version(folder: Path, name: str) -> tuple[Functions]:
    """Functions that say `name`."""
    path = folder / f"{name}.sql"
    path.write_text(ONE.replace("VERSION", name))
    return (Functions(path),)


def test_two_versions_live_side_by_side_each_with_its_own(database: Database, tmp_path: Path) -> None:
    """Servers are replaced one by one: the old ones must not meet the functions of the new."""
    old, new = version(tmp_path, "old"), version(tmp_path, "new")
    with connection(database) as books:
        for functions in (old, new):
            install(books, functions)
        said = [books.execute(f"SELECT {one['tell_twice']}()".encode()).fetchone() for (one,) in (old, new)]
    assert said == [("oldold",), ("newnew",)]
    assert old[0]["tell"] != new[0]["tell"]


def test_what_no_version_uses_goes_but_the_one_before_and_those_that_run_stay(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """Else each release would leave its functions behind; or a server that starts again would not find its own."""
    first, second, third, fourth = (version(tmp_path, name) for name in ("first", "second", "third", "fourth"))
    running = open_database(database_url, digest(first))
    with connection(running) as used:
        [pid] = used.execute("SELECT pg_backend_pid()").fetchone() or ()
        with connection(database) as books:
            for functions in (first, second, third, fourth):
                install(books, functions)
                books.execute("UPDATE sql_function SET installed_at = installed_at - interval '8 days'")
            assert [bool(missing(books, one)) for one in (first, second, third, fourth)] == [False, True, False, False]
    running.close()
    with connection(database) as books:
        while books.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone() is not None:
            continue  # Its session ends a moment after its connection.
        install(books, fourth)
        assert [bool(missing(books, one)) for one in (first, second, third, fourth)] == [True, True, False, False]


def test_a_server_without_its_functions_does_not_start_and_says_what_helps(database: Database) -> None:
    """`fealty migrate` brings them; without them every call would fail, each with another text of PostgreSQL's."""
    [name] = list(FUNCTIONS[-1].sql)[-1:]
    with connection(database) as books:
        books.execute(f"DROP FUNCTION {name}".encode())
    with pytest.raises(MigrationsPending, match=name):
        check(database)
    migrate(database)
    assert check(database) == []
