"""A lane of threads steps behind the wall for one job and out of it after, whatever became of the job."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from storage.engine.database import Connection, Database, StorageUnavailable, TooSlow, connect, connection, cut
from storage.engine.scope import behind_the_wall
from storage.engine.threads import ThreadLane, ThreadRules
from storage.engine.unit import run
from storage.programs.records import ProgramRow
from tests.storage.scene import Scene

# One thread: each job has the connection of the one before.
ONE = ThreadRules("cold", 1, 1, 64, 64, {}, 10.0)
COFFEE = frozenset({"coffee"})
ALL = ["coffee", "tea"]


@pytest.fixture
def books(database: Database) -> Database:
    """Two programs."""
    for program in ALL:
        Scene(database, program=program)
    return database


def _seen(books: Connection) -> list[str]:
    return [program for (program,) in books.execute("SELECT program_id FROM program ORDER BY 1", prepare=True)]


def _on_a_lane(database: Database, use: Callable[[ThreadLane], Awaitable[Any]]) -> None:
    async def use_it() -> None:
        lane = ThreadLane(database, ONE)
        await use(lane)
        await lane.close()

    asyncio.run(use_it())


def _fails(books: Connection) -> None:
    assert _seen(books) == ["coffee"]
    raise KeyError("a fault of ours")


def _refused(books: Connection) -> None:
    books.execute("SELECT 1 / 0")


def _slow(books: Connection) -> None:
    books.execute("SET statement_timeout = '5ms'")
    try:
        books.execute("SELECT pg_sleep(5)")
    finally:
        books.execute("RESET statement_timeout")


def _leaves_a_transaction_open(books: Connection) -> None:
    books.execute("BEGIN")
    assert _seen(books) == ["coffee"]


def _leaves_one_open_that_failed(books: Connection) -> None:
    books.execute("BEGIN")
    books.execute("SELECT 1 / 0")


def _rolls_back(books: Connection) -> None:
    books.execute("BEGIN")
    assert _seen(books) == ["coffee"]
    books.execute("ROLLBACK")


JOBS: dict[Callable[[Connection], None], type[BaseException] | None] = {
    _fails: KeyError,
    _refused: psycopg.errors.DivisionByZero,
    _slow: TooSlow,
    _leaves_a_transaction_open: None,
    _leaves_one_open_that_failed: psycopg.errors.DivisionByZero,
    _rolls_back: None,
    cut: None,
}


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.__name__)
def test_what_one_job_may_see_is_nothing_to_the_next(books: Database, job: Callable[[Connection], None]) -> None:
    """The next is another caller's: it would miss its own, or be shown what is not its own."""

    async def use(lane: ThreadLane) -> None:
        for programs, sees in ((COFFEE, ["coffee"]), (frozenset({"tea"}), ["tea"]), (None, ALL)):
            try:
                await lane.run("somebody", job, COFFEE)
                failed: type[BaseException] | None = None
            except Exception as error:
                failed = type(error)
            assert failed is JOBS[job]
            assert await lane.run("other", _seen, programs) == sees

    _on_a_lane(books, use)


def test_jobs_of_many_callers_that_share_threads_see_what_is_theirs(books: Database) -> None:
    """Statements are prepared once on a connection, and planned for whoever runs them."""

    async def use(_: ThreadLane) -> None:
        lane = ThreadLane(books, ThreadRules("lists", 3, 3, 1_000, 1_000, {}, 10.0))
        wanted = [(COFFEE, ["coffee"]), (frozenset({"tea"}), ["tea"]), (None, ALL), (frozenset[str](), [])] * 40
        found = await asyncio.gather(*(lane.run("somebody", _seen, programs) for programs, _ in wanted))
        assert found == [sees for _, sees in wanted]
        await lane.close()

    _on_a_lane(books, use)


def test_a_connection_that_is_lost_behind_the_wall_is_not_made_anew(books: Database) -> None:
    """A new one would be before it, in the middle of the job, and the rest of it would see everything."""

    def goes_on(held: Connection) -> Any:
        cut(held)
        with pytest.raises(psycopg.OperationalError):
            held.execute("SELECT 1")
        return run(books, lambda unit: _seen(unit.connection))

    async def use(lane: ThreadLane) -> None:
        with pytest.raises(StorageUnavailable, match="lost"):
            await lane.run("somebody", goes_on, COFFEE)
        assert await lane.run("somebody", goes_on, None) == ALL
        assert await lane.run("somebody", lambda held: _seen(connect(books)), COFFEE) == ["coffee"]

    _on_a_lane(books, use)


def test_peewee_and_transactions_are_behind_the_wall_too(books: Database) -> None:
    """They are on the same connection, be it in one statement or in a transaction that is rolled back and run again."""
    with connection(books) as held, behind_the_wall(held, COFFEE):
        assert [row.program_id for row in ProgramRow.select()] == ["coffee"]
        assert run(books, lambda unit: _seen(unit.connection)) == ["coffee"]
        run(books, lambda unit: unit.discard())
        assert run(books, lambda unit: _seen(unit.connection)) == ["coffee"]


def test_where_the_owner_made_no_roles_there_is_no_wall_and_all_goes_on(books: Database, owner_url: str) -> None:
    """An installation of one login that may make no role: the edge is its only wall, as before, and doctor says so."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        for (drop,) in owner.execute(_DROP_POLICIES).fetchall():
            owner.execute(drop.encode())

    async def use(lane: ThreadLane) -> None:
        assert await lane.run("somebody", _seen, COFFEE) == ALL

    _on_a_lane(books, use)


_DROP_POLICIES = """
SELECT format('DROP POLICY %I ON %I', polname, polrelid::regclass) FROM pg_policy WHERE NOT polpermissive
"""
