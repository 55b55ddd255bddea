"""The conservation check finds every kind of wrong figure, and none where there is none; so does rebuilding."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from storage.engine.database import Database, connection, open_database
from storage.ledger.verify import FAULTS_SHOWN, verify
from storage.ledger.verifying.rebuild import rebuild
from tests.databases import fresh_database
from tests.storage.deep import Deep

pytestmark = pytest.mark.long

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
    "held points let go": "UPDATE account SET held = held - 1 WHERE id = {account}",
    "a debt forgiven": "UPDATE account SET debt = debt - 1 WHERE id = {owing}",
    "a debt forgotten": "UPDATE shortfall SET remaining = remaining - 1 WHERE account = {owing} AND kind = 'DEBT'",
    "a debt said to be repaid": (
        "UPDATE shortfall SET remaining = remaining - 1 WHERE account = {owing} AND kind = 'DEBT';"
        "UPDATE account SET debt = debt - 1 WHERE id = {owing}"
    ),
    "points taken away and called revoked": (
        "UPDATE account SET active = active - 1, revoked = revoked + 1 WHERE id = {account}"
    ),
    "points called moved": "UPDATE account SET moved = moved + 1, earned = earned - 1 WHERE id = {account}",
    "an account opened for somebody suspended": "UPDATE account SET state = 'SUSPENDED' WHERE id = {account}",
    "a group of lots without its expiry": "DELETE FROM sliding_expiry WHERE account = {sliding}",
    "a shared expiry moved": (
        "UPDATE sliding_expiry SET expires_at = expires_at - interval '1 year' WHERE account = {sliding}"
    ),
    "a hold made larger": "UPDATE hold SET points = points + 1 WHERE account = {account} AND state = 'ACTIVE'",
    "a hold closed": "UPDATE hold SET state = 'RELEASED', ended_at = expires_at WHERE account = {account}",
    "a hold that ends too late": (
        "UPDATE hold SET expires_at = expires_at - interval '1 hour' WHERE account = {account} AND state = 'ACTIVE'"
    ),
    "a hold that pins another lot": "UPDATE pin SET lot = 1 WHERE account = {account}",
    "a hold that captured more": "UPDATE hold SET captured = captured + 1 WHERE account = {owing}",
    "a spending made smaller": "UPDATE spending SET points = points - 1 WHERE account = {account}",
    "a spending removed": "DELETE FROM spending WHERE account = {owing}",
    "a spending given back twice": (
        "UPDATE spending SET rolled_back = rolled_back + 1, restored = restored + 1 WHERE account = {owing}"
    ),
    "a refund made larger": "UPDATE refund SET points = points + 1, debt = debt + 1 WHERE account = {owing}",
    "a refund that took it elsewhere": (
        "UPDATE refund SET own_lot = own_lot + 1, debt = debt - 1 WHERE account = {owing}"
    ),
    "a refund removed": "DELETE FROM refund WHERE account = {owing}",
    "a refund not counted": "UPDATE transaction SET refunds = refunds - 1 WHERE account = {owing}",
    "money not counted": "UPDATE transaction SET refunded_minor = refunded_minor - 1 WHERE account = {owing}",
    "pending points not cancelled": (
        "UPDATE lot SET cancelled = cancelled - 1, remaining = remaining + 1"
        " WHERE account = {account} AND cancelled > 0 AND state = 'PENDING'"
    ),
    "a cancellation forgotten": "DELETE FROM cancellation WHERE account = {account}",
    "a cancellation made larger": "UPDATE cancellation SET points = points + 1 WHERE account = {account}",
    "a write-off forgotten": "DELETE FROM write_off WHERE account = {owing}",
    "more written off than was given up": "UPDATE write_off SET points = points + 1 WHERE account = {owing}",
    "a lot made from none": "UPDATE lot SET origin = 99, origin_account = {owing} WHERE account = {account}",
    "points put back into a lot": "UPDATE lot SET remaining = remaining + 1 WHERE account = {account} AND number = 1",
    "a lot made larger": "UPDATE lot SET points = points + 1 WHERE account = {account} AND number = 1",
    "a pending lot made larger": (
        "UPDATE lot SET points = points + 1 WHERE account = {account} AND state = 'PENDING' AND cancelled = 0"
    ),
    "a lot opened again": "UPDATE lot SET state = 'ACTIVE' WHERE account = {account} AND state = 'EXPIRED'",
    "a lot closed": "UPDATE lot SET state = 'DEPLETED' WHERE account = {account} AND state = 'PENDING'",
    "a pending lot removed": "DELETE FROM lot WHERE account = {account} AND state = 'PENDING'",
    "an amount changed": "UPDATE entry SET amount = amount + 1 WHERE account = {account} AND seq = 2",
    "a balance rewritten": "UPDATE entry SET active_after = active_after + 1 WHERE account = {account} AND seq = 2",
    "a kind rewritten": "UPDATE entry SET kind = 'EXPIRY' WHERE account = {account} AND kind = 'SPEND'",
    "the last entry removed": "DELETE FROM entry WHERE account = {account} AND seq = {last}",
    "an entry in the middle removed": "DELETE FROM entry WHERE account = {account} AND seq = 2",
    "an allocation changed": "UPDATE split SET amount = amount - 1 WHERE account = {account} AND ordinal = 1",
    "an allocation moved": "UPDATE entry SET lot = 3 WHERE account = {account} AND seq = 2",
    "an allocation removed": "UPDATE entry SET lot = NULL WHERE account = {account} AND seq = {last}",
    "a purchase revalued": "UPDATE transaction SET points = points + 1 WHERE account = {account}",
    "a purchase removed": "DELETE FROM transaction WHERE account = {account}",
    "a purchase without its lot": "UPDATE transaction SET lot = NULL WHERE account = {account}",
}


@pytest.fixture(scope="module")
def books(server_url: str, template: str) -> Iterator[str]:
    """Two customers with every kind of lot and entry, in a database that nobody is connected to: to be copied."""
    with fresh_database(server_url, template) as url:
        database = open_database(url)
        _live(Deep(database, "ada", "ben"))
        database.close()
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database(server_url: str, books: str) -> Iterator[Database]:
    """A copy of these books."""
    with fresh_database(server_url, books) as url:
        opened = open_database(url)
        yield opened
        opened.close()


def _live(made: Deep) -> None:
    for name in ("ada", "ben"):
        made.earn(100, name=name, card="slow")
        made.earn(30, name=name, card="slow")
        made.earn(200, name=name, card="owing", transaction_id=f"owed-{name}")
        made.earn(60, name=name, card="sliding")
    made.advance(timedelta(days=12))
    for name in ("ada", "ben"):
        made.do(made.spending(90, name, "slow"))
        _owe(made, name)
    made.advance(timedelta(days=60))
    made.sweep()
    for name in ("ada", "ben"):
        made.earn(50, name=name, card="slow", occurred_at=made.balance(name).as_of - timedelta(days=20))
        made.earn(70, name=name, card="slow")
        made.do(made.spending(20, name, "slow"))
        made.earn(40, name=name, card="slow", transaction_id=f"part-{name}")
        made.do(made.refund(f"part-{name}", 10, name))
        made.do(made.hold(15, name, "slow"))
        made.earn(60, name=name, card="sliding", occurred_at=made.balance(name).as_of - timedelta(days=20))


def _owe(made: Deep, name: str) -> None:
    """A spending partly given back, a captured hold, a refund of more than is left, of which a part is given up."""
    made.do(made.spending(120, name, "owing"))
    made.do(made.rollback(2, 20, name, "owing"))
    made.do(made.hold(50, name, "owing"))
    made.do(made.capture(1, 40, name, "owing"))
    made.do(made.refund(f"owed-{name}", 150, name))
    made.do(made.write_off(1, 5, name, "owing"))


def test_books_that_only_we_wrote_are_found_in_order(database: Database) -> None:
    """Whatever time, sweeps and calls did; with the sums that an operator is shown."""
    with connection(database) as books:
        verdict = verify(books)
        assert (verdict.holds, verdict.faults, verdict.shown) == (True, 0, [])
        assert verdict.totals == (6, 16, 1200, 200, 180, 500, 200, 120, 30, 170, 0, 0)
        assert verify(books, PROGRAM).totals == verdict.totals
        assert verify(books, PROGRAM + 1).totals == (0,) * 12


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_was_tampered_with_is_found_and_named(database: Database, tampering: str) -> None:
    """An auditor must not have to trust us: each of these would be money."""
    with psycopg.connect(database.database) as books:
        accounts, last = _defenceless(books)
        for statement in TAMPERINGS[tampering].format(**accounts, last=last).split(";"):
            assert books.execute(statement.encode()).rowcount > 0
    with connection(database) as current:
        verdict = verify(current)
        assert not verdict.holds
        assert {int(sentence.split(":")[0].removeprefix("account ")) for sentence in verdict.shown} <= {
            *accounts.values()
        }
        assert verify(current, PROGRAM).faults == verdict.faults
        assert verify(current, PROGRAM + 1).holds


# The first two agree with all else that stands in the books: rebuilding alone finds them.
REBUILT = {
    "an amount of money changed": "UPDATE transaction SET amount_minor = amount_minor + 100 WHERE account = {account}",
    "a purchase said to be earned under other settings": (
        'UPDATE transaction SET lines = \'[["p", "", 1, 5, 7]]\' WHERE account = {account}'
    ),
    "points given and called earned": (
        "UPDATE account SET active = active + 1, earned = earned + 1 WHERE id = {account}"
    ),
    "an amount changed": "UPDATE entry SET amount = amount + 1 WHERE account = {account} AND seq = 2",
    "an account removed": "DELETE FROM account WHERE id = {account}",
    "the last entry removed": "DELETE FROM entry WHERE account = {account} AND seq = {last}",
}


@pytest.mark.parametrize("tampering", REBUILT)
def test_rebuilding_finds_what_does_not_follow_from_what_was_bought(database: Database, tampering: str) -> None:
    """Figures that agree with each other may still be wrong together: the purchase says what it was worth."""
    with psycopg.connect(database.database) as books:
        accounts, last = _defenceless(books)
        assert books.execute(REBUILT[tampering].format(**accounts, last=last).encode()).rowcount > 0
    with connection(database) as current:
        rebuilt = rebuild(current)
        assert not rebuilt.holds
        assert all(sentence.startswith(f"account {accounts['account']}: ") for sentence in rebuilt.shown)
        assert rebuild(current, PROGRAM).faults == rebuilt.faults
        assert rebuild(current, PROGRAM + 1) == (0, 0, 0, [])


def _defenceless(books: "psycopg.Connection[tuple[Any, ...]]") -> tuple[dict[str, int], int]:
    """Takes the guards away. Answers ada's accounts, by what a tampering calls them, and how many entries one has."""
    found = books.execute(
        "SELECT a.card_id, a.id, a.entries FROM account a JOIN customer c ON c.id = a.customer"
        " WHERE customer_id = 'ada'"
    ).fetchall()
    names = {card.replace("slow", "account"): account for card, account, _ in found}
    books.execute("SET session_replication_role = replica")
    for table in ("entry", "split", "refund", "pin", "cancellation", "write_off"):
        books.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only".encode())
    checks = books.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )
    for table, name in checks.fetchall():
        books.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
    return names, next(entries for card, _, entries in found if card == "slow")


def test_thousands_of_faults_are_counted_and_some_are_shown(database: Database) -> None:
    """A wrong migration breaks every account at once; the terminal must stay readable."""
    with psycopg.connect(database.database) as books:
        books.execute("SET session_replication_role = replica")
        books.execute(
            "INSERT INTO lot"
            " (account, number, program, state, points, remaining, activates_at, settings_version, issued_at, activity)"
            " SELECT 1, 1000 + n, program, 'ACTIVE', 1, 1, activates_at, 1, issued_at, activity"
            " FROM lot, generate_series(1, 30) AS n WHERE account = 1 AND number = 1"
        )
    with connection(database) as current:
        verdict = verify(current)
    assert verdict.faults > FAULTS_SHOWN == len(verdict.shown)
