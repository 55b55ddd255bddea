"""The conservation check finds every kind of wrong figure, and none where there is none."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest

from storage.engine.database import Database, connection, open_database
from storage.ledger.verify import FAULTS_SHOWN, verify
from tests.conftest import fresh_database
from tests.storage.scene import Scene

# The number of the only program.
PROGRAM = 1

# What somebody with the keys to the database, a bug or a restored backup could do. Guards are off while it is done.
TAMPERINGS = {
    "points given": "UPDATE account SET active = active + 1 WHERE id = {account}",
    "points given and called earned": (
        "UPDATE account SET active = active + 1, earned = earned + 1 WHERE id = {account}"
    ),
    "pending points given": "UPDATE account SET pending = pending + 1 WHERE id = {account}",
    "earned points forgotten": "UPDATE account SET earned = earned - 1 WHERE id = {account}",
    "a spending forgotten": "UPDATE account SET spent = spent - 1, expired = expired + 1 WHERE id = {account}",
    "an account removed": "DELETE FROM account WHERE id = {account}",
    "entries not counted": "UPDATE account SET entries = entries - 1 WHERE id = {account}",
    "lots not counted": "UPDATE account SET lots = lots - 1 WHERE id = {account}",
    "an account that is never due": "UPDATE account SET due_at = NULL WHERE id = {account}",
    "an account that is due too late": "UPDATE account SET due_at = due_at + interval '1 year' WHERE id = {account}",
    "points put back into a lot": "UPDATE lot SET remaining = remaining + 1 WHERE account = {account} AND number = 1",
    "a lot made larger": "UPDATE lot SET points = points + 1 WHERE account = {account} AND number = 1",
    "a pending lot made larger": "UPDATE lot SET points = points + 1 WHERE account = {account} AND state = 'PENDING'",
    "a lot opened again": "UPDATE lot SET state = 'ACTIVE' WHERE account = {account} AND state = 'EXPIRED'",
    "a lot closed": "UPDATE lot SET state = 'DEPLETED' WHERE account = {account} AND state = 'PENDING'",
    "a pending lot removed": "DELETE FROM lot WHERE account = {account} AND state = 'PENDING'",
    "an amount changed": "UPDATE entry SET amount = amount + 1 WHERE account = {account} AND seq = 2",
    "a balance rewritten": "UPDATE entry SET active = active + 1 WHERE account = {account} AND seq = 2",
    "a kind rewritten": "UPDATE entry SET kind = 'EXPIRY' WHERE account = {account} AND kind = 'SPEND'",
    "the last entry removed": (
        "DELETE FROM allocation WHERE account = {account} AND seq = {last};"
        "DELETE FROM entry WHERE account = {account} AND seq = {last}"
    ),
    "an entry in the middle removed": (
        "DELETE FROM allocation WHERE account = {account} AND seq = 2;"
        "DELETE FROM entry WHERE account = {account} AND seq = 2"
    ),
    "an allocation changed": "UPDATE allocation SET amount = amount - 1 WHERE account = {account} AND seq = {last}",
    "an allocation moved": "UPDATE allocation SET lot = 3 WHERE account = {account} AND seq = 2",
    "an allocation removed": "DELETE FROM allocation WHERE account = {account} AND seq = {last}",
    "a purchase revalued": "UPDATE transaction SET points = points + 1 WHERE account = {account}",
    "a purchase removed": "DELETE FROM transaction WHERE account = {account}",
    "a purchase without its lot": "UPDATE transaction SET lot = NULL WHERE account = {account}",
}


@pytest.fixture(scope="module")
def books(server_url: str, template: str) -> Iterator[str]:
    """Two customers with every kind of lot and entry, in a database that nobody is connected to: to be copied."""
    with fresh_database(server_url, template) as url:
        database = open_database(url)
        _live(Scene(database, "ada", "ben"))
        database.close()
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database(server_url: str, books: str) -> Iterator[Database]:
    """A copy of these books."""
    with fresh_database(server_url, books) as url:
        opened = open_database(url)
        yield opened
        opened.close()


def _live(made: Scene) -> None:
    for name in ("ada", "ben"):
        made.earn(100, name=name, card="slow")
        made.earn(30, name=name, card="slow")
    made.advance(timedelta(days=12))
    for name in ("ada", "ben"):
        made.do(made.spending(90, name, "slow"))
    made.advance(timedelta(days=60))
    made.sweep()
    for name in ("ada", "ben"):
        made.earn(50, name=name, card="slow", occurred_at=made.balance(name).as_of - timedelta(days=20))
        made.earn(70, name=name, card="slow")
        made.do(made.spending(20, name, "slow"))


def test_books_that_only_we_wrote_are_found_in_order(database: Database) -> None:
    """Whatever time, sweeps and calls did; with the sums that an operator is shown."""
    with connection(database) as books:
        verdict = verify(books)
        assert (verdict.holds, verdict.faults, verdict.shown) == (True, 0, [])
        assert verdict.totals == (2, 8, 500, 140, 60, 220, 80)
        assert verify(books, PROGRAM).totals == verdict.totals
        assert verify(books, PROGRAM + 1).totals == (0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_was_tampered_with_is_found_and_named(database: Database, tampering: str) -> None:
    """An auditor must not have to trust us: each of these would be money."""
    with psycopg.connect(database.database) as books:
        found = books.execute(
            "SELECT a.id, a.entries FROM account a JOIN customer c ON c.id = a.customer"
            " WHERE customer_id = 'ada' AND card_id = 'slow'"
        )
        [(account, last)] = found
        books.execute("SET session_replication_role = replica")
        for table in ("entry", "allocation"):
            books.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only".encode())
        for statement in TAMPERINGS[tampering].format(account=account, last=last).split(";"):
            assert books.execute(statement.encode()).rowcount > 0
    with connection(database) as current:
        verdict = verify(current)
        assert not verdict.holds
        assert all(sentence.startswith(f"account {account}: ") for sentence in verdict.shown)
        assert verify(current, PROGRAM).faults == verdict.faults
        assert verify(current, PROGRAM + 1).holds


def test_thousands_of_faults_are_counted_and_some_are_shown(database: Database) -> None:
    """A wrong migration breaks every account at once; the terminal must stay readable."""
    with psycopg.connect(database.database) as books:
        books.execute("SET session_replication_role = replica")
        books.execute(
            "INSERT INTO lot"
            " (account, number, program, state, points, remaining, activates_at, policy_version, activity)"
            " SELECT 1, 1000 + n, program, 'ACTIVE', 1, 1, activates_at, 1, activity"
            " FROM lot, generate_series(1, 30) AS n WHERE account = 1 AND number = 1"
        )
    with connection(database) as current:
        verdict = verify(current)
    assert verdict.faults > FAULTS_SHOWN == len(verdict.shown)
