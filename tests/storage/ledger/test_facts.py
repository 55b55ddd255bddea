"""What no entry tells of has rows of its own: what was taken back or given up, and which entries are one movement."""

from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from rules.refusals import GroupRefused
from storage.engine.database import Database
from tests.databases import as_owner
from tests.storage import members
from tests.storage.deep import DAY, Deep, lived

pytestmark = pytest.mark.long

CANCELLATIONS = """
SELECT c.customer_id, a.card_id, x.lot, x.points, x.occurred_at, x.activity::text
FROM cancellation x JOIN account a ON a.id = x.account JOIN customer c ON c.id = a.customer
ORDER BY x.recorded_at, x.activity
"""
MOVEMENTS = """
SELECT m.kind, giver.customer_id, went.amount, getter.customer_id, came.amount
FROM movement m
JOIN entry went ON went.account = m.source AND went.seq = m.source_seq
JOIN entry came ON came.account = m.target AND came.seq = m.target_seq
JOIN account a ON a.id = m.source JOIN customer giver ON giver.id = a.customer
JOIN account b ON b.id = m.target JOIN customer getter ON getter.id = b.customer
ORDER BY went.recorded_at
"""
# What was filled in must be what is written from here on.
ROWS = {
    "cancellation": "SELECT * FROM cancellation ORDER BY account, lot, activity",
    "write_off": "SELECT * FROM write_off ORDER BY account, shortfall, activity",
    "movement": "SELECT * FROM movement ORDER BY source, source_seq",
    "activity": "SELECT id, subject, details::text FROM activity ORDER BY id",
}
AS_BEFORE = """
-- A later guard, which was not there when this migration ran.
ALTER TABLE activity DISABLE TRIGGER only_dropped;
DROP TABLE cancellation, write_off, movement;
ALTER TABLE activity DROP COLUMN subject, DROP COLUMN details
"""
TAMPERINGS = {
    "a movement removed": "DELETE FROM movement WHERE kind = 'TRANSFER'",
    "a movement of a merge removed": "DELETE FROM movement WHERE kind = 'UNMERGE'",
    "a movement to another entry": "UPDATE movement SET target_seq = target_seq + 100 WHERE kind = 'TRANSFER'",
    "what was cancelled elsewhere counted twice": "UPDATE lot SET cancelled = cancelled + 30 WHERE state = 'PENDING'",
    "a merge that was undone forgotten": "DELETE FROM customer_unmerge",
    "a cancellation of the wrong refund": "UPDATE cancellation SET points = points + 1",
}


@pytest.fixture
def database_url(database_url: str) -> str:
    """A migrated database of this test's own, as its owner connects to it, who may migrate it."""
    return as_owner(database_url)


@pytest.fixture
def scene(database: Database) -> Deep:
    """Two customers."""
    return Deep(database)


def merged_and_parted(scene: Deep) -> None:
    """Points were transferred, pending ones refunded while a merge had them away, and active ones came back."""
    scene.earn(100, card="slow", transaction_id="t")
    scene.earn(50)
    scene.do(scene.transfer(20))
    members.merge(scene)
    scene.pass_time(DAY)
    scene.do(scene.refund("t", 30, "ben"))
    members.unmerge(scene)


def test_whatever_takes_pending_points_back_leaves_a_row(scene: Deep) -> None:
    """A correction, a rejection, somebody by hand, two refunds: each as many points as it took, when it took them."""
    for name in ("updated", "rejected", "by-hand", "refunded"):
        scene.earn(100, card="slow", transaction_id=name)
    acts = []
    for act, lot, points in (
        (scene.correction("updated", 150), 1, 100),
        (scene.decision("rejected", False), 2, 100),
        (scene.lot(3, False, card="slow"), 3, 100),
        (scene.refund("refunded", 30), 4, 30),
        (scene.refund("refunded"), 4, 70),
    ):
        scene.pass_time(timedelta(hours=1))
        acts.append(("ada", "slow", lot, points, scene.now, scene.do(act).activity))
    assert scene.rows(CANCELLATIONS) == acts
    scene.assert_conserved()


def test_what_is_refunded_while_a_merge_has_it_away_is_cancelled_where_it_was(scene: Deep) -> None:
    """The lot that comes back has lost it too; the row stands once."""
    merged_and_parted(scene)
    found = [row[:4] for row in scene.rows(CANCELLATIONS)]
    assert found == [("ben", "slow", 1, 30)]
    assert [(lot["cancelled"], lot["remaining"]) for lot in members.lots(scene, "ada", "slow")] == [(30, 70)]
    scene.assert_conserved()


def test_both_entries_of_a_movement_are_joined(scene: Deep) -> None:
    """A transfer, a merge, its way back: without the other side nobody could say to whom points went."""
    merged_and_parted(scene)
    assert scene.rows(MOVEMENTS) == [
        ("TRANSFER", "ada", -20, "ben", 20),
        ("MERGE", "ada", -30, "ben", 30),
        ("UNMERGE", "ben", -30, "ada", 30),
    ]


def test_each_part_of_a_shortfall_that_is_given_up_leaves_a_row(scene: Deep) -> None:
    """The row of the shortfall has their sum, and no instants."""
    scene.earn(100, card="owing", transaction_id="t")
    scene.pass_time(11 * DAY)
    scene.do(scene.spending(80, card="owing"))
    scene.do(scene.refund("t"))
    first = (30, scene.now, scene.do(scene.write_off(1, 30, card="owing")).activity)
    scene.pass_time(DAY)
    last = (50, scene.now, scene.do(scene.write_off(1, card="owing")).activity)
    query = "SELECT points, occurred_at, activity::text FROM write_off WHERE shortfall = 1 ORDER BY recorded_at"
    assert scene.rows(query) == [first, last]
    scene.assert_conserved()


def test_what_was_only_asked_for_or_refused_together_leaves_none(scene: Deep) -> None:
    """A row of what never happened would change every balance of the past."""
    scene.earn(100, card="slow", transaction_id="t")
    scene.earn(10)
    scene.do(scene.refund("t", 30, validate_only=True))
    scene.do(scene.transfer(5, validate_only=True))
    outcomes = scene.all_or_nothing(scene.decision("t", False), scene.transfer(5), scene.spending(99))
    assert type(outcomes[0]) is GroupRefused
    for table in ("cancellation", "movement", "write_off"):
        assert scene.rows(f"SELECT FROM {table}") == []


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_rows_that_contradict_lots_and_entries_are_found(scene: Deep, tampering: str) -> None:
    """`fealty ledger verify` must not trust them more than the rest."""
    merged_and_parted(scene)
    scene.assert_conserved()
    with scene.another_connection() as books:
        books.execute("SET session_replication_role = replica")
        for table in ("movement", "cancellation", "customer_unmerge"):
            books.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only".encode())
        books.execute("ALTER TABLE lot DROP CONSTRAINT lot_check")
        assert books.execute(TAMPERINGS[tampering].encode()).rowcount > 0
    with pytest.raises(AssertionError, match="account"):
        scene.assert_conserved()


@pytest.mark.parametrize("seed", range(2))
def test_books_that_were_written_before_are_filled_in_from_their_bodies(database: Database, seed: int) -> None:
    """An upgrade loses no instant: the rows are those that would have been written at the time. This test may go with
    the first migration that changes what this one reads."""
    scene = lived(database, seed)
    written = {table: scene.rows(query) for table, query in ROWS.items()}
    assert all(written.values())
    scene.execute(AS_BEFORE)
    facts: Any = import_module("storage.migrations.0008_facts")
    with scene.database.atomic():
        facts.up(None, scene.database)
    assert {table: scene.rows(query) for table, query in ROWS.items()} == written
    scene.assert_conserved()
