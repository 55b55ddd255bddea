"""The check of the books finds every wrong figure of coupons, redemptions and stocks, and none where there is none."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest

from storage.engine.database import Database, connection, open_database
from storage.ledger.verify import verify
from storage.stock import commands as stocks
from tests.databases import fresh_database
from tests.storage.coupons.standing import campaign, coupon, redemption
from tests.storage.members import merge
from tests.storage.scene import START, Scene

pytestmark = pytest.mark.long

# Which noun is named, and what somebody with the keys to the database, a bug or a restored backup could do.
TAMPERINGS = {
    "a use forgotten": ("coupon", "UPDATE coupon SET uses = 0 WHERE id = '{own}'"),
    "a use made up": ("coupon", "UPDATE coupon SET uses = uses + 1 WHERE id = '{fresh}'"),
    "a use counted twice where slots count": ("coupon", "UPDATE coupon SET uses = 1 WHERE id = '{shared}'"),
    "a reservation forgotten": ("coupon", "UPDATE coupon SET reserved = 0 WHERE id = '{reserved}'"),
    "a reservation that nobody made": ("coupon", "UPDATE coupon SET reserved = reserved + 1 WHERE id = '{fresh}'"),
    "money put on a gift card": ("coupon", "UPDATE coupon SET balance_minor = balance_minor + 1 WHERE id = '{card}'"),
    "a gift card that began with more": (
        "coupon",
        "UPDATE coupon SET initial_minor = initial_minor + 1 WHERE id = '{card}'",
    ),
    "a gift card without its balance": ("coupon", "UPDATE coupon SET balance_minor = NULL WHERE id = '{card}'"),
    "a redemption of a gift card made smaller": (
        "coupon",
        "UPDATE redemption SET discount_minor = discount_minor - 1 WHERE coupon = '{card}' AND state = 'REDEEMED'",
    ),
    "a coupon of somebody who was merged": (
        "coupon",
        "UPDATE coupon SET customer = (SELECT id FROM customer WHERE customer_id = 'cyd') WHERE id = '{fresh}'",
    ),
    "a coupon of another program's customer": (
        "coupon",
        "UPDATE coupon SET customer = (SELECT id FROM customer WHERE customer_id = 'eve') WHERE id = '{fresh}'",
    ),
    "a coupon voided before it was used": (
        "redemption",
        "UPDATE coupon SET voided_at = '2024-12-31T00:00:00Z' WHERE id = '{own}'",
    ),
    "a redemption under terms that never were": (
        "redemption",
        "UPDATE redemption SET version = 9 WHERE coupon = '{own}'",
    ),
    "a version of the terms removed": ("redemption", "DELETE FROM coupon_campaign_version WHERE campaign = {campaign}"),
    "points for another's account": (
        "redemption",
        "UPDATE redemption SET account = (SELECT a.id FROM account a JOIN customer c ON c.id = a.customer"
        " WHERE customer_id = 'ben') WHERE points > 0",
    ),
    "points for no account": ("redemption", "UPDATE redemption SET account = NULL WHERE points > 0"),
    "a redemption of somebody who was merged": (
        "redemption",
        "UPDATE redemption SET customer = (SELECT id FROM customer WHERE customer_id = 'cyd') WHERE coupon = '{own}'",
    ),
    "a reservation that was redeemed": (
        "redemption",
        "UPDATE redemption SET redeemed_at = created_at WHERE coupon = '{reserved}'",
    ),
    "a reservation without an end": (
        "redemption",
        "UPDATE redemption SET expires_at = NULL WHERE coupon = '{reserved}'",
    ),
    "a redemption that has ended": ("redemption", "UPDATE redemption SET ended_at = created_at WHERE coupon = '{own}'"),
    "a redemption of no time": ("redemption", "UPDATE redemption SET redeemed_at = NULL WHERE coupon = '{own}'"),
    "a release of no time": ("redemption", "UPDATE redemption SET ended_at = NULL WHERE state = 'RELEASED'"),
    "an expired one that was redeemed": (
        "redemption",
        "UPDATE redemption SET redeemed_at = created_at WHERE state = 'EXPIRED'",
    ),
    "a rollback of nothing": ("redemption", "UPDATE redemption SET redeemed_at = NULL WHERE state = 'ROLLED_BACK'"),
    "a reservation of somebody who was closed": (
        "redemption",
        "UPDATE customer SET state = 'CLOSED' WHERE customer_id = 'ada'",
    ),
    "a claim that cost more": ("claim", "UPDATE claim SET points = points + 1"),
    "a claim of somebody who was merged": (
        "claim",
        "UPDATE claim SET customer = (SELECT id FROM customer WHERE customer_id = 'cyd')",
    ),
    "a claim removed": ("stock", "DELETE FROM claim WHERE state = 'CLAIMED'"),
    "a piece put back that was kept": (
        "stock",
        "UPDATE reward_version SET terms = jsonb_set(terms, '{{cancel_policy,keeps_stock}}', 'true')",
    ),
    "uses of a shared code forgotten": ("stock", "UPDATE stock_slot SET taken = taken - 1 WHERE stock = {of_shared}"),
    "uses of a campaign made up": (
        "stock",
        "UPDATE stock_slot SET taken = taken + 1 WHERE stock = {of_campaign} AND slot = 1",
    ),
    "slots removed": ("stock", "DELETE FROM stock_slot WHERE stock = {of_shared} AND slot > 0"),
    "a stock without slots": ("stock", "DELETE FROM stock_slot WHERE stock = {of_shared}"),
    "slots of more than there is": (
        "stock",
        "UPDATE stock_slot SET capacity = capacity + 1 WHERE stock = {of_shared} AND slot = 1",
    ),
    "a slot without a limit": (
        "stock",
        "UPDATE stock_slot SET capacity = NULL WHERE stock = {of_shared} AND slot = 1",
    ),
    "more taken of a slot than it has": (
        "stock",
        "UPDATE stock_slot SET taken = 0 WHERE stock = {of_shared};"
        "UPDATE stock_slot SET taken = (SELECT count(*) FROM redemption WHERE coupon = '{shared}'"
        " AND state IN ('REDEEMED', 'RESERVED')) WHERE stock = {of_shared} AND slot = 2",
    ),
    "a redemption removed": ("stock", "DELETE FROM redemption WHERE coupon = '{shared}' AND state = 'REDEEMED'"),
    "a redemption rolled back by half": (
        "stock",
        "UPDATE redemption SET state = 'ROLLED_BACK', ended_at = created_at WHERE coupon = '{shared}'"
        " AND state = 'REDEEMED'",
    ),
}


@pytest.fixture(scope="module")
def books(server_url: str, template: str) -> Iterator[str]:
    """Two programs with coupons of every kind, in a database that nobody is connected to: to be copied."""
    with fresh_database(server_url, template) as url:
        database = open_database(url)
        scene = Scene(database, "ada", "ben", "cyd", "dan")
        _live(scene)
        merge(scene, "cyd", "dan")
        other = Scene(database, "eve", program="tea")
        redemption(other, coupon(other, campaign(other), "eve"), "eve")
        database.close()
        yield urlsplit(url).path.removeprefix("/")


@pytest.fixture
def database(server_url: str, books: str) -> Iterator[Database]:
    """A copy of these books."""
    with fresh_database(server_url, books) as url:
        opened = open_database(url)
        yield opened
        opened.close()


def _live(scene: Scene) -> None:
    for name in ("ada", "ben"):
        scene.earn(10, name)
    scene.offer("mug", "plain", 2, stock=20)
    claims = [scene.do(scene.claim("mug", "ben", "plain")).value.claim for _ in range(3)]
    scene.advance(timedelta(hours=1))
    scene.do(scene.cancelling(claims[0]))
    spring = campaign(scene)
    own, reserved, void = (coupon(scene, spring, "ada") for _ in range(3))
    coupon(scene, spring)
    redemption(scene, own)
    redemption(scene, reserved, state="RESERVED")
    ended = coupon(scene, spring, "ben")
    for state in ("RELEASED", "EXPIRED", "ROLLED_BACK"):
        redemption(scene, ended, "ben", state=state)
    redemption(scene, void, state="ROLLED_BACK")
    scene.execute("UPDATE coupon SET voided_at = %s WHERE id = %s", [START + timedelta(days=1), void.id])
    card = coupon(scene, campaign(scene, "gifts"), "ada", initial_minor=900, balance_minor=900)
    redemption(scene, card, discount_minor=300)
    redemption(scene, card, discount_minor=200, state="RESERVED")
    redemption(scene, card, discount_minor=100, state="ROLLED_BACK")
    shared = coupon(scene, campaign(scene, "summer", capacity=1000), capacity=16)
    for state in ("REDEEMED", "RESERVED", "RESERVED", "EXPIRED"):
        redemption(scene, shared, "ben", state=state)
    [[account]] = scene.rows(
        "SELECT a.id FROM account a JOIN customer c ON c.id = a.customer WHERE customer_id = 'ada'"
    )
    redemption(scene, coupon(scene, spring), account=account, points=10)


def test_books_that_only_we_wrote_are_found_in_order(database: Database) -> None:
    """With how many coupons and redemptions were gone through, of both programs or of one."""
    with connection(database) as books:
        verdict = verify(books)
        assert (verdict.holds, verdict.shown) == (True, [])
        assert verdict.totals[-2:] == (9, 15)
        assert verify(books, 2).totals[-2:] == (1, 1)


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_was_tampered_with_is_found_and_named(database: Database, tampering: str) -> None:
    """An auditor must not have to trust us: each of these would be money."""
    noun, statements = TAMPERINGS[tampering]
    with psycopg.connect(database.database) as books:
        names = _names(books)
        _defenceless(books)
        for statement in statements.format(**names).split(";"):
            assert books.execute(statement.encode()).rowcount > 0
    with connection(database) as current:
        verdict = verify(current)
        assert noun in {sentence.split()[0] for sentence in verdict.shown}, verdict.shown
        assert verify(current, 1).faults == verdict.faults
        assert verify(current, 2).holds


def test_a_limit_that_was_lowered_below_what_is_taken_is_no_fault(database: Database) -> None:
    """Nothing is left of it, and nothing is taken away from anybody."""
    with connection(database) as books, books.transaction():
        [[stock, campaign_]] = books.execute(
            "SELECT coupon.stock, campaign FROM coupon WHERE stock IS NOT NULL"
        ).fetchall()
        stocks.resize(books, stock, 2)
        books.execute("UPDATE coupon_campaign SET version = 2 WHERE id = %s", (campaign_,))
    with connection(database) as current:
        assert verify(current).holds


def _names(books: "psycopg.Connection[tuple[object, ...]]") -> dict[str, object]:
    """What a tampering calls them."""
    found = books.execute(
        """SELECT
             (SELECT id::text FROM coupon WHERE uses = 1 AND initial_minor IS NULL AND program = 1
              AND customer IS NOT NULL),
             (SELECT id::text FROM coupon WHERE uses = 0 AND reserved = 0 AND customer IS NULL AND stock IS NULL
              AND program = 1),
             (SELECT id::text FROM coupon WHERE reserved = 1 AND initial_minor IS NULL),
             (SELECT id::text FROM coupon WHERE initial_minor IS NOT NULL),
             (SELECT id::text FROM coupon WHERE stock IS NOT NULL),
             (SELECT stock FROM coupon WHERE stock IS NOT NULL),
             (SELECT id FROM coupon_campaign WHERE campaign_id = 'spring' AND program = 1),
             (SELECT stock FROM coupon_campaign WHERE campaign_id = 'spring' AND program = 1)"""
    ).fetchone()
    assert found is not None
    names = ("own", "fresh", "reserved", "card", "shared", "of_shared", "campaign", "of_campaign")
    return dict(zip(names, found, strict=True))


def _defenceless(books: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Takes the guards away."""
    books.execute("SET session_replication_role = replica")
    guards = books.execute(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'"
    )
    for table, name in guards.fetchall():
        books.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"'.encode())
    checks = books.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
    )
    for table, name in checks.fetchall():
        books.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
