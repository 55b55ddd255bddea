"""Positions: every committed activity gets one and one only, in the order of its customer's acts."""

import threading
from collections.abc import Iterator

import psycopg
import pytest

from storage.activity import positions
from storage.activity.commands import Scope, record
from storage.engine.database import Connection, Database, connection
from storage.engine.unit import transaction
from tests.databases import as_owner, by_owner
from tests.storage.activity.positioning import (
    MANY,
    ORIGIN,
    PROGRAM,
    act,
    act_in,
    assign,
    assigned_now,
    begun,
    one,
    read_from,
    run_all,
)


@pytest.fixture
def books(database: Database) -> Iterator[Connection]:
    """A connection of its own, with nothing that waits for a position: migrations and keys have theirs."""
    with connection(database) as found:
        assign(database)
        yield found


def test_what_is_committed_in_another_order_than_it_was_begun_gets_its_positions(database: Database) -> None:
    """By id or instant the one that began first would stand behind a reader who has already passed."""
    assign(database)
    with begun(database, "first") as commit_first:
        with begun(database, "second") as commit_second:
            commit_second()
            assert assigned_now(database) == ["second"]
        assert assigned_now(database) == []
        commit_first()
    assert assigned_now(database) == ["first"]


def test_a_transaction_that_commits_very_late_is_not_lost(database: Database) -> None:
    """However many snapshots were kept between its beginning and its end."""
    assign(database)
    with begun(database, "late") as commit:
        for number in range(20):
            act(database, f"early {number}")
            assert assigned_now(database) == [f"early {number}"]
        commit()
    assert assigned_now(database) == ["late"]
    assert assigned_now(database) == []


def test_what_was_rolled_back_leaves_no_gap(database: Database, books: Connection) -> None:
    """A reader may conclude from a missing number that something is missing."""
    before = positions.newest(books)
    with begun(database, "never"):
        act(database, "one")
        assign(database)
    act(database, "two")
    assign(database)
    assert [position for position, _ in read_from(books, before)] == [before + 1, before + 2]


def test_a_position_once_read_is_never_anothers(database: Database, books: Connection) -> None:
    """A cursor is a promise: what came before it stays what it was, though late ones come after."""
    before = positions.newest(books)
    with begun(database, "late") as commit:
        act(database, "one")
        act(database, "two")
        assign(database)
        first = read_from(books, before)
        commit()
        assign(database)
    assert [subject for _, subject in first] == ["one", "two"]
    assert read_from(books, before) == [*first, (before + 3, "late")]


def test_a_step_that_is_cut_loses_nothing_and_repeats_nothing(database: Database, books: Connection) -> None:
    """Also where more is written between the parts, and what was begun before all of it is committed in the end."""
    before = positions.newest(books)
    with begun(database, "late") as commit:
        for number in range(7):
            act(database, f"{number}")
        assert assign(database, 3) == 3
        act(database, "7")
        assert assign(database, 3) == 3
        commit()
        assert assign(database, 3) == 3
        assert assign(database, 3) == 0
    # The late one was recorded before all others, and comes with what had no position yet.
    assert read_from(books, before) == list(enumerate([*map(str, range(6)), "late", "6", "7"], start=before + 1))


def test_a_step_that_is_just_full_is_whole(database: Database, books: Connection) -> None:
    """Taken for a part, it would be looked through again by every look until something new is written."""
    for number in range(6):
        act(database, f"{number}")
    kept = "SELECT snapshot FROM activity_placed"
    before = one(books, kept)
    assert assign(database, 3) == 3
    assert one(books, kept) == before
    assert assign(database, 3) == 3
    assert one(books, kept) != before


def test_several_assigners_at_once_number_each_activity_once(database: Database, books: Connection) -> None:
    """Every watcher of every server gives positions before it reads."""
    before = positions.newest(books)
    written = threading.Event()

    def write(name: str) -> None:
        for number in range(40):
            act(database, f"{name} {number}")
        database.close()

    def keep_assigning() -> None:
        while not written.is_set():
            assign(database, 7)
        database.close()

    assigners = [threading.Thread(target=keep_assigning) for _ in range(4)]
    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    run_all([*assigners, *writers], wait_for=writers, then=written.set)
    while assign(database, 7):
        pass
    found = read_from(books, before)
    assert [position for position, _ in found] == list(range(before + 1, before + 161))
    assert sorted(subject for _, subject in found) == sorted(f"{name} {n}" for name in "abcd" for n in range(40))


def test_who_comes_while_another_assigns_does_not_wait(database: Database, database_url: str) -> None:
    """A assigner that hangs must not hold up every stream of every server."""
    assign(database)
    act(database, "one")
    with psycopg.connect(database_url) as hanging:
        hanging.execute("SELECT FROM activity_placed FOR UPDATE")
        assert assign(database) == 0
    assert assigned_now(database) == ["one"]


def test_the_positions_of_a_customer_have_the_order_of_its_acts(database: Database, books: Connection) -> None:
    """A spending before the purchase that paid for it would make no sense to whoever builds on the stream.

    Writers take their customer's lock, then the time, as the ledger does; assigners run between them all the while.
    """
    made = "CREATE TABLE held (customer bigint PRIMARY KEY, acts bigint NOT NULL); GRANT ALL ON held TO PUBLIC"
    by_owner(database.database, made)
    books.execute("INSERT INTO held SELECT number, 0 FROM generate_series(1, 3) AS number")
    before = positions.newest(books)
    written = threading.Event()

    def write(seed: int) -> None:
        for number in range(60):
            customer = (seed + number) % 3 + 1
            with transaction(database) as unit:
                take = "UPDATE held SET acts = acts + 1 WHERE customer = %s RETURNING acts, clock_timestamp()"
                [(act, unit.now)] = unit.connection.execute(take, (customer,))
                record(unit, ORIGIN, f"{act}.a", Scope(PROGRAM, customer))
                record(unit, ORIGIN, f"{act}.b", Scope(PROGRAM, customer))
        database.close()

    def keep_assigning() -> None:
        while not written.is_set():
            assign(database, 5)
        database.close()

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    run_all([threading.Thread(target=keep_assigning), *writers], wait_for=writers, then=written.set)
    while assign(database, 5):
        pass
    for customer in (1, 2, 3):
        found = positions.after(books, PROGRAM, customer, before, MANY).found
        acts = len(found) // 2
        assert [positioned.activity.body["subject"] for positioned in found] == [
            f"{act}.{part}" for act in range(1, acts + 1) for part in "ab"
        ]
    assert len(read_from(books, before)) == 4 * 60 * 2


def test_a_look_that_finds_nothing_writes_nothing(database: Database, books: Connection) -> None:
    """Watchers look all the time: none of it may cost a transaction number or a page of the log."""
    with transaction(database) as unit:
        assert positions.assign(unit.connection, MANY) == 0
        assert one(unit.connection, "SELECT pg_current_xact_id_if_assigned()") is None


def test_a_reader_sees_its_program_or_customer_only(database: Database, books: Connection) -> None:
    """And what comes after its position, as much as it asked for."""
    before = positions.newest(books)
    for subject, program, customer in (("a", 1, 1), ("b", 2, 2), ("c", 1, None), ("d", 1, 3), ("e", None, None)):
        with transaction(database) as unit:
            record(unit, ORIGIN, subject, Scope(program, customer))
    assign(database)

    def read(program: int | None, customer: int | None, position: int = before, size: int = MANY) -> str:
        found = positions.after(books, program, customer, position, size).found
        return "".join(positioned.activity.body["subject"] for positioned in found)

    assert (read(None, None), read(1, None), read(1, 3), read(2, 2)) == ("abcde", "acd", "d", "b")
    assert (read(1, None, size=2), read(1, None, before + 1), read(1, None, before + 5)) == ("ac", "cd", "")


def test_tending_makes_looks_shorter_and_changes_nothing_else(database: Database, books: Connection) -> None:
    """It summarizes what was written since; a vacuum in the way is let pass."""
    for number in range(3):
        act(database, f"{number}")
    with transaction(database) as unit:
        positions.tend(unit.connection)
    assert assign(database) == 3
    with psycopg.connect(as_owner(database.database)) as vacuum:
        vacuum.execute("LOCK TABLE activity IN SHARE UPDATE EXCLUSIVE MODE")
        with transaction(database) as unit:
            positions.tend(unit.connection)
            act_in(unit, "four")
    assert assigned_now(database) == ["four"]


def test_positions_are_never_taken_back(owner_url: str) -> None:
    """The database itself refuses: a cursor would lie."""
    for statement in (
        "UPDATE activity_place SET position = 0",
        "DELETE FROM activity_place",
        "TRUNCATE activity_place",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            by_owner(owner_url, statement)


def test_whoever_settles_waits_for_those_who_are_giving_positions(database: Database) -> None:
    """An export that began while the clock was giving some would lack what was recorded just before it."""
    assign(database)
    act(database, "just before")
    found: list[tuple[int, bool]] = []

    def settle() -> None:
        with transaction(database) as unit:
            found.append(positions.settle(unit.connection, 100))

    with transaction(database) as clock:
        before = positions.newest(clock.connection)
        assert positions.assign(clock.connection, 100) == 1
        settling = threading.Thread(target=settle)
        settling.start()
        settling.join(0.2)
        assert settling.is_alive()
    settling.join()
    assert found == [(before + 1, False)]
