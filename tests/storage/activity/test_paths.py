"""Questions that an index answers: they look at what they show, and not at what lies between."""

from collections.abc import Iterator

import pytest

from rules.access import ActorType
from rules.activity import Kind, Origin
from storage.activity import pages
from storage.activity.commands import Outcome, Scope, record
from storage.activity.filters import Filter
from storage.activity.look import Search
from storage.engine.database import Connection, Database, connection
from storage.engine.unit import transaction
from tests.storage.activity.living import KINDS, READER, Entry, entries, lived, matches
from tests.storage.members import merge
from tests.storage.scene import Scene

# Of what no filter here asks for, recorded last.
NOISE = 400
RARE: dict[str, Filter] = {
    "an actor": Filter(actors=("rare",)),
    "an actor and what most of them do": Filter(actors=("rare",), types=("ORDER",)),
    "a kind, and an actor who did much else": Filter(actors=("busy",), types=("SCAN",), categories=("BOOKINGS",)),
    "a type": Filter(types=("SCAN",)),
    "a category": Filter(categories=("BOOKINGS", "PAYMENTS")),
    "a module": Filter(modules=("TIERS",)),
    "an outcome": Filter(outcomes=("DENIED", "FAILED")),
    "a thing of a customer": Filter(subjects=("programs/coffee/customers/ada/transactions/t-9",)),
    "a thing of nobody": Filter(subjects=("programs/coffee/cards/points", "programs/coffee")),
    "what is nowhere": Filter(types=("VISIT",), subjects=("programs/coffee/cards/none",)),
}


@pytest.fixture
def log(database: Database) -> list[Entry]:
    """Few of all that is asked for, under much that is not."""
    lived(database, 30)
    with transaction(database) as unit:
        for _ in range(3):
            for who, kind, subject, outcome in (
                ("rare", KINDS[1], "programs/coffee/customers/ada/transactions/t-9", Outcome.SUCCEEDED),
                ("busy", Kind("pass.scanned", "BOOKINGS", "SCAN", "TIERS"), "programs/coffee", Outcome.FAILED),
                ("busy", KINDS[2], "programs/coffee/cards/points", Outcome.SUCCEEDED),
            ):
                customer = _ada(database) if "/customers/" in subject else None
                record(unit, _by(who, kind), subject, Scope(1, customer), outcome=outcome)
    with transaction(database) as unit:
        for number in range(NOISE):
            subject = f"programs/coffee/customers/ben/transactions/{number}"
            record(unit, _by("busy", KINDS[1]), subject, Scope(1, _ada(database) + 1))
    return entries()


def _by(actor: str, kind: Kind) -> Origin:
    return Origin(ActorType.SERVICE, actor, "API", kind)


def _ada(database: Database) -> int:
    with connection(database) as books:
        [(number,)] = books.execute("SELECT c.id FROM customer c WHERE c.program = 1 AND c.customer_id = 'ada'")
        return int(number)


@pytest.fixture
def books(database: Database) -> Iterator[Connection]:
    """A connection."""
    with connection(database) as opened:
        yield opened


@pytest.mark.parametrize("whose", ["coffee", ""])
@pytest.mark.parametrize("asked", RARE)
def test_what_is_rare_is_found_without_looking_at_what_is_common(
    log: list[Entry], books: Connection, asked: str, whose: str
) -> None:
    """A page that goes through all that happened since takes a hundred times as long, and comes back short."""
    books.execute("ANALYZE activity")
    picked = [one.id for one in log if (one.program == "coffee" or not whose) and matches(one, RARE[asked])][::-1]
    with books.transaction():
        before = _read(books)
        found = pages.page(books, Search(whose, filters=[RARE[asked]]), READER, None, 3, 50)
        read = _read(books) - before
    assert [one.id for one in found.activities] == picked[:3]
    assert picked or asked == "what is nowhere"
    assert read < NOISE / 2


def _read(books: Connection) -> int:
    of_activities = "FROM pg_stat_xact_user_tables WHERE relname = 'activity'"
    [(number,)] = books.execute(f"SELECT seq_tup_read + idx_tup_fetch {of_activities}")
    return int(number)


def test_a_purchase_of_a_customer_that_was_merged_is_found_with_what_was_done_since(
    database: Database, books: Connection
) -> None:
    """Its refund stands in the timeline of the customer that holds its points now."""
    merge(Scene(database, "ada", "ben"))
    subject = "programs/coffee/customers/ada/transactions/t-1"
    with transaction(database) as unit:
        for customer in (_ada(database), _ada(database) + 1):
            record(unit, _by("till", KINDS[1]), subject, Scope(1, customer))
    found = pages.page(books, Search("coffee", filters=[Filter(subjects=(subject,))]), READER, None, 20, 100)
    assert len(found.activities) == 2
