"""Followers: each activity is taken once and once only, wherever a follower is stopped."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.activity import followers
from storage.engine.database import Connection, Database, connection
from storage.engine.unit import transaction
from tests.databases import by_owner
from tests.storage.activity.positioning import act, assign


class Taking:
    """A follower that notes which positions it took, in the same transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        made = "CREATE TABLE IF NOT EXISTS taken (position bigint PRIMARY KEY); GRANT ALL ON taken TO PUBLIC"
        by_owner(database.database, made)

    def advance(self, limit: int, *, stop: bool = False) -> int:
        """A step; with `stop` one that comes to nothing after it was made."""
        with transaction(self._database) as unit:
            taken = followers.advance(unit.connection, "test", self.take, limit)
            if stop:
                raise InterruptedError
            return taken

    def taken(self) -> list[int]:
        """The positions that were taken, in order."""
        with connection(self._database) as books:
            return [position for (position,) in books.execute("SELECT position FROM taken ORDER BY position")]

    @staticmethod
    def take(books: Connection, after: int, upto: int) -> None:
        """What it makes of them."""
        # Its primary key refuses what is taken twice.
        books.execute("INSERT INTO taken SELECT generate_series(%s::bigint, %s)", (after + 1, upto))


def test_each_activity_is_taken_once_also_where_a_step_was_stopped(database: Database) -> None:
    """A count that a crash makes wrong is one that nobody can trust again."""
    following = Taking(database)
    for number in range(7):
        act(database, f"act {number}")
    newest = assign(database)
    with pytest.raises(InterruptedError):
        following.advance(3, stop=True)
    assert following.taken() == []
    steps = []
    while taken := following.advance(3):
        steps.append(taken)
    assert all(step == 3 for step in steps[:-1])
    assert following.taken() == list(range(1, sum(steps) + 1))
    assert sum(steps) >= newest
    act(database, "one more")
    assert following.advance(3) == 0
    assign(database)
    assert following.advance(3) == 1


def test_while_one_advances_another_waits_for_nothing_and_takes_nothing(database: Database) -> None:
    """Two clocks may believe for a moment that both act."""
    following = Taking(database)
    act(database, "act")
    assign(database)
    assert following.advance(1) == 1

    def second() -> int:
        try:
            return following.advance(100)
        finally:
            database.close()

    with transaction(database) as unit, ThreadPoolExecutor(1) as other:
        assert followers.advance(unit.connection, "test", following.take, 100)
        assert other.submit(second).result() == 0


def test_it_takes_everything_once_more_where_it_begins_anew(database: Database) -> None:
    """What it made was emptied in the same transaction, and grows again to the same."""
    following = Taking(database)
    act(database, "act")
    assign(database)
    following.advance(100)
    before = following.taken()
    with transaction(database) as unit:
        unit.connection.execute("DELETE FROM taken")
        followers.begin_anew(unit.connection, "test")
    following.advance(100)
    assert following.taken() == before
