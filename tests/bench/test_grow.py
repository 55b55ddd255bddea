"""A grown database is worth measuring only if it is one that Fealty could have written, with every index it makes."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from bench.bare import Definition, bare, definitions
from bench.grow import TABLES, Grown, grow
from bench.growing import AMOUNT_MINOR, SPENT
from rules.calendar import Rounding
from rules.programs import Card, EarnRate, ExpiryPolicy, Settings
from storage.engine.database import Database
from tests.storage.scene import START, Scene

CARD = Card("points", "Points", 0, EarnRate(1, 100, "USD"), None, ExpiryPolicy(12, Rounding.MONTH))
CUSTOMERS = 20
ENTRIES = 600


@pytest.fixture
def scene(database: Database) -> Scene:
    """Ada, who has bought and spent, and others with accounts that nothing ever happened to."""
    names = [f"c{number}" for number in range(CUSTOMERS)]
    scene = Scene(database, "ada", *names, settings=Settings("Coffee club", "Europe/Prague", (CARD,)))
    buy(scene, "ada")
    buy(scene, "ada")
    scene.do(scene.spending(SPENT, card="points"))
    scene.execute(
        "INSERT INTO account (program, customer, card_id) SELECT program, id, 'points' FROM customer"
        " WHERE customer_id <> 'ada'"
    )
    return scene


def buy(scene: Scene, name: str) -> None:
    """Records a purchase as the benchmark does."""
    scene.earn(AMOUNT_MINOR, name=name, card="points", currency="USD")


def grown(scene: Scene) -> Grown:
    """The same, after most of a year."""
    with scene.another_connection() as books:
        return grow(books, ENTRIES)


def found(scene: Scene) -> list[Definition]:
    """All indexes and keys of the tables that grow."""
    with scene.another_connection() as books:
        return definitions(books, TABLES)


def test_grown_books_add_up_and_go_on(scene: Scene) -> None:
    """Else the figures would be of books that nobody has."""
    what = grown(scene)
    assert what.entries == pytest.approx(ENTRIES, rel=0.05)
    scene.assert_conserved()
    buy(scene, "c3")
    scene.do(scene.spending(SPENT, name="c3", card="points"))
    scene.advance(timedelta(days=500))
    scene.sweep()
    scene.assert_conserved()
    assert scene.balance("c3", "points").active == 0


def test_few_have_much_and_most_have_some(scene: Scene) -> None:
    """A page is read of accounts of every size, the newest entries no older than the newest that the server wrote."""
    grown(scene)
    sizes = [len(scene.entries(f"c{number}", "points")) for number in range(CUSTOMERS)]
    assert sorted(sizes, reverse=True) == sizes
    assert sizes[0] > 4 * sizes[-1] > 0
    newest = scene.entries("c0", "points")[0].entry.occurred_at
    assert timedelta() < START - newest < timedelta(days=20)


def test_records_have_the_form_of_those_the_server_wrote(scene: Scene) -> None:
    """A reader takes their bodies apart: they must be the server's own, to the last key."""
    grown(scene)
    rows = scene.rows(
        "SELECT customer = 1, body::json ->> 'id' = id::text, event, body FROM activity WHERE event <> ''"
    )
    keys: dict[Any, set[Any]] = {True: set(), False: set()}
    for is_ada, names_itself, _, body in rows:
        assert names_itself
        keys[is_ada].add(tuple(part.partition(":")[0] for part in body.split(',"')))
    assert keys[True] == keys[False]


def test_every_index_and_key_comes_back(scene: Scene) -> None:
    """The server is measured with all it has to keep up."""
    before = found(scene)
    grown(scene)
    assert found(scene) == before
    assert {definition.kind for definition in before} >= {"p", "f", "i"}


def test_what_comes_back_otherwise_is_noticed(scene: Scene) -> None:
    """A row measured without an index would be a lie."""

    def tamper(books: "psycopg.Connection[Any]") -> None:
        with bare(books, TABLES):
            books.execute("CREATE INDEX one_more ON entry (recorded_at)")

    with scene.another_connection() as books, pytest.raises(RuntimeError, match="not those that were there"):
        tamper(books)
