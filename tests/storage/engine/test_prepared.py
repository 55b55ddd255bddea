"""Statements that a connection has prepared, by us and by psycopg, survive whatever ends a transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import permutations
from typing import Any

import psycopg
import pytest

from storage.engine import session as sessions
from storage.engine.database import Connection, Database, connection
from storage.engine.session import Statement, forget, rolled_back_on_error, session
from storage.engine.sockets import blocking
from storage.engine.unit import transaction
from storage.ledger.reading.accounts import snapshot

OURS = Statement("SELECT $1::int + 1", ("int",))
# The second of a number is refused by the commit, not by the statement.
DEFERRED = "CREATE TABLE once (number integer UNIQUE DEFERRABLE INITIALLY DEFERRED)"
TWICE = Statement("INSERT INTO once SELECT $1::int FROM generate_series(1, 2)", ("int",))
WRONG = Statement("SELECT 1 / $1::int", ("int",))  # by zero


class Refused(Exception):
    """What a rule says."""


@pytest.fixture
def books(database: Database) -> Iterator[Connection]:
    """This thread's connection, to a database with a table whose commits can be made to fail."""
    with connection(database) as opened:
        opened.execute(DEFERRED)
        yield opened


def say(books: Connection, statement: Statement, parameters: list[bytes]) -> Any:
    """What is answered to one of our statements."""
    return blocking(session(books).run(statement, parameters))


def of_a_group(database: Database, books: Connection) -> None:
    """Refused between its two statements, as where more lots are needed than were at hand."""

    async def group() -> None:
        async with rolled_back_on_error(session(books)):
            assert await session(books).run(OURS, [b"1"], begin=True) == b"2"
            raise Refused

    blocking(group())


def of_a_group_before_it_began(database: Database, books: Connection) -> None:
    """Nothing is open yet, so that there is nothing to roll back."""

    async def group() -> None:
        async with rolled_back_on_error(session(books)):
            raise Refused

    blocking(group())


def of_a_group_by_its_statement(database: Database, books: Connection) -> None:
    """The database says no."""

    async def group() -> None:
        async with rolled_back_on_error(session(books)):
            await session(books).run(WRONG, [b"0"], begin=True)

    blocking(group())


def of_a_group_by_its_commit(database: Database, books: Connection) -> None:
    """The database says no at the end, and has rolled back by itself."""

    async def group() -> None:
        async with rolled_back_on_error(session(books)):
            await session(books).run(TWICE, [b"1"], begin=True, commit=True)

    blocking(group())


def of_a_unit(database: Database, books: Connection) -> None:
    """Refused by a rule."""
    with transaction(database) as unit:
        assert say(unit.connection, OURS, [b"1"]) == b"2"
        raise Refused


def of_a_unit_that_was_only_asked_about(database: Database, books: Connection) -> None:
    """Rolled back without an error."""
    with transaction(database) as unit:
        assert say(unit.connection, OURS, [b"1"]) == b"2"
        unit.discard()


def of_a_unit_by_its_statement(database: Database, books: Connection) -> None:
    """The database says no, and hears nothing but ROLLBACK until that is said."""
    with transaction(database) as unit:
        say(unit.connection, WRONG, [b"0"])


def of_a_unit_by_its_commit(database: Database, books: Connection) -> None:
    """The database says no at the end."""
    with transaction(database) as unit:
        say(unit.connection, TWICE, [b"1"])


def of_a_reading(database: Database, books: Connection) -> None:
    """Refused in a snapshot."""
    with snapshot(books):
        assert say(books, OURS, [b"1"]) == b"2"
        raise Refused


def to_a_savepoint(database: Database, books: Connection) -> None:
    """A part of a transaction, as where a vacuum has the table."""
    with transaction(database) as unit:
        try:
            with unit.connection.transaction():
                say(unit.connection, WRONG, [b"0"])
        except psycopg.errors.DivisionByZero:
            forget(unit.connection)
        assert say(unit.connection, OURS, [b"1"]) == b"2"


WAYS: list[Callable[[Database, Connection], None]] = [
    of_a_group,
    of_a_group_before_it_began,
    of_a_group_by_its_statement,
    of_a_group_by_its_commit,
    of_a_unit,
    of_a_unit_that_was_only_asked_about,
    of_a_unit_by_its_statement,
    of_a_unit_by_its_commit,
    of_a_reading,
    to_a_savepoint,
]


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except (Refused, psycopg.errors.DivisionByZero):
        pass
    except Exception as error:
        # Peewee has names of its own for what psycopg raises.
        if "once_number_key" not in str(error):
            raise


def _assert_both_answer(books: Connection) -> None:
    assert say(books, OURS, [b"1"]) == b"2"
    assert books.execute("SELECT 3", prepare=True).fetchone() == (3,)
    assert books.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@pytest.mark.parametrize("prepared", [False, True], ids=["psycopg prepared nothing", "psycopg prepared something"])
@pytest.mark.parametrize("way", WAYS)
def test_what_was_prepared_is_there_after_every_rollback(
    database: Database, books: Connection, way: Callable[[Database, Connection], None], prepared: bool
) -> None:
    """psycopg prepares by itself what it has seen often, ROLLBACK too: the sixth is another than the first."""
    for _ in range(8):
        if prepared:
            _assert_both_answer(books)
        with _refused():
            way(database, books)
    _assert_both_answer(books)


def test_what_was_prepared_is_there_after_rollbacks_of_different_kinds(database: Database, books: Connection) -> None:
    """Each has another idea of what is left: none may be wrong about what the one before it left."""
    for first, second in permutations(WAYS, 2):
        for way in (first, second):
            with _refused():
                way(database, books)
        _assert_both_answer(books)


def test_nothing_is_prepared_again_for_a_group_that_was_rolled_back(database: Database, books: Connection) -> None:
    """A group that needs more lots is decided anew at once: planning it anew would cost more than that."""
    _assert_both_answer(books)
    before = _ours(books)
    for way in WAYS[:2]:
        with _refused():
            way(database, books)
    _assert_both_answer(books)
    assert _ours(books) == before


def test_a_connection_keeps_so_many_statements_and_no_more(books: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where rollbacks come in between: what was dropped is not dropped a second time."""
    monkeypatch.setattr(sessions, "PREPARED_MAX", 3)
    for number in range(10):
        assert say(books, Statement(f"SELECT {number} + $1::int", ("int",)), [b"1"]) == b"%d" % (number + 1)
        assert len(_ours(books)) <= 3
        if number % 4 == 3:
            with _refused(), snapshot(books):
                raise Refused
    _assert_both_answer(books)


def _ours(books: Connection) -> list[tuple[str, datetime]]:
    """Names, and when they were prepared."""
    found = books.execute("SELECT name, prepare_time FROM pg_prepared_statements WHERE from_sql ORDER BY 1")
    return found.fetchall()
