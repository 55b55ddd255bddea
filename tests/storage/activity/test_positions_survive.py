"""Positions where things went wrong: a dump was restored elsewhere, the state was lost, an assigner was killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg
import pytest

from storage.activity import positions
from storage.engine.database import Connection, Database, connection
from tests.databases import by_owner
from tests.storage.activity.positioning import act, assign, assigned_now, one, read_from

CHECKOUT = Path(__file__).parents[3]
# Another process takes one step, says so, and waits to be killed before it commits.
ASSIGNER = """
import sys, time
from storage.activity.positions import assign
from storage.engine.database import Connection
with Connection.connect(sys.argv[1]) as books:
    print(assign(books, 10_000), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def books(database: Database) -> Iterator[Connection]:
    """A connection of its own, with nothing that waits for a position: migrations and keys have theirs."""
    with connection(database) as found:
        assign(database)
        yield found


def test_books_that_were_restored_elsewhere_lose_nothing_and_repeat_nothing(
    database: Database, books: Connection
) -> None:
    """Numbers of transactions mean nothing on another server: there the log's own may be still to come.

    What a dump brings is made here by hand: a state and activities of another system, whose numbers lie behind us,
    before us, and just where ours are about to be.
    """
    before = positions.newest(books)
    current = int(one(books, "SELECT pg_current_xact_id()::text::bigint"))
    _restored(database, (3, *range(current + 1, current + 50), current + 10_000_000))
    books.execute("UPDATE activity_placed SET system = 'another'")
    assert (assign(database), assign(database)) == (52, 0)
    books.execute("UPDATE activity_placed SET system = 'another', snapshot = '5:5:'")
    _restored(database, (4, current + 51, current + 10_000_001))
    assert (assign(database), assign(database)) == (4, 0)
    for number in range(60):
        act(database, f"new {number}")
        assert assigned_now(database) == [f"new {number}"]
    assert one(books, "SELECT pg_current_xact_id()::text::bigint") > current + 51
    assert one(books, "SELECT count(DISTINCT activity) FROM activity_place") == positions.newest(books)
    assert positions.newest(books) == before + 52 + 4 + 60


def test_a_restored_log_gets_its_positions_in_parts_too(database: Database, books: Connection) -> None:
    """The part that has its positions already is told from the rest by them alone."""
    before = positions.newest(books)
    for number in range(5):
        act(database, f"{number}")
    books.execute("UPDATE activity_placed SET system = 'another'")
    assert [assign(database, 2) for _ in range(4)] == [2, 2, 1, 0]
    assert [subject for _, subject in read_from(books, before)] == list(map(str, range(5)))


def test_assigning_goes_on_where_its_state_is_lost(database: Database, books: Connection) -> None:
    """A dump of some tables only is still a dump that somebody will restore."""
    act(database, "one")
    assign(database)
    last = positions.newest(books)
    by_owner(database.database, "DELETE FROM activity_placed")
    act(database, "two")
    assert assign(database) == 1
    assert read_from(books, last) == [(last + 1, "two")]


@pytest.mark.process
def test_an_assigner_that_is_killed_in_the_middle_has_given_nothing(
    database: Database, database_url: str, books: Connection
) -> None:
    """The positions and the state are one transaction: the next assigner gives the same ones to the same activities."""
    before = positions.newest(books)
    for number in range(3):
        act(database, f"{number}")
    with subprocess.Popen(
        [sys.executable, "-c", ASSIGNER, database_url], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as assigner:
        assert assigner.stdout is not None
        assert assigner.stdout.readline() == "3\n"
        assert read_from(books, before) == []
        os.kill(assigner.pid, signal.SIGKILL)
    act(database, "3")
    # PostgreSQL may notice a moment later that the assigner is gone, and keep its lock until then.
    while not assign(database):
        pass
    assert [subject for _, subject in read_from(books, before)] == list(map(str, range(4)))


def _restored(database: Database, numbers: Iterable[int]) -> None:
    """Activities as a dump brings them: with the numbers of transactions of another system."""
    act(database, "template")
    with psycopg.connect(database.database) as dump:
        dump.execute("CREATE TEMP TABLE brought AS SELECT * FROM activity WHERE body LIKE '%\"template\"%' LIMIT 1")
        for number in numbers:
            dump.execute("UPDATE brought SET id = gen_random_uuid(), written_by = %s", (number,))
            dump.execute("INSERT INTO activity SELECT * FROM brought")
