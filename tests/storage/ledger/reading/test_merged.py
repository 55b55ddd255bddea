"""What is read of accounts that were merged and parted again: at each instant, points count with whom had them."""

from datetime import datetime, timedelta

import pytest

from rules.refusals import CustomerMerged
from storage.engine.database import Database
from storage.ledger.addresses import CustomerName
from storage.ledger.commands import Balance
from storage.ledger.reading import entries, events, explain, holds, lots, past, refunds, shortfalls, transactions
from storage.ledger.reading.entries import EntryFilter
from storage.ledger.reading.events import EventOrder
from tests.storage import members
from tests.storage.deep import DAY, Deep
from tests.storage.scene import START


@pytest.fixture
def scene(database: Database) -> Deep:
    """Two customers."""
    return Deep(database)


def at(scene: Deep, name: str, card: str, when: datetime) -> Balance:
    """A balance of the past."""
    return scene.read(past.balance_at, scene.address(name, card), when)


def test_who_was_merged_is_read_under_the_other_name(scene: Deep) -> None:
    """Nothing is lost, and whoever asks by the old name is told the new one."""
    scene.earn(100, card="slow", transaction_id="t")
    scene.do(scene.refund("t", 10))
    scene.do(scene.adjustment(50))
    members.merge(scene)
    for reading, *arguments in (
        (transactions.page, CustomerName("coffee", "ada"), "", "", None, 5),
        (transactions.get, scene.named("t")),
        (refunds.page, scene.named("t"), None, 5),
        (entries.page, scene.address(), EntryFilter("ADJUSTMENT"), 9, 5),
        (events.page, CustomerName("coffee", "ada"), "", EventOrder.POINTS, False, None, 5),
        (lots.page, scene.address(), "", None, 5),
        (holds.page, scene.address(), "", None, 5),
        (explain.explain, scene.address(), None, 5),
        (past.balance_at, scene.address(), START),
        (shortfalls.page, "coffee", "ada", False, None, 5),
    ):
        with pytest.raises(CustomerMerged):
            scene.read(reading, *arguments)
    found = scene.read(transactions.get, scene.named("t", "ben"))
    assert scene.read(transactions.lookup, "coffee", "t") == (CustomerName("coffee", "ben"), found)
    assert [one.number for one in scene.read(refunds.page, scene.named("t", "ben"), None, 5)] == [1]
    lot = scene.read(lots.get, scene.address("ben", "slow"), found.lot)
    assert (found.lot, lot.lot.remaining, found.activates_at) == (1, 90, lot.lot.activates_at)
    assert lot.origin is not None
    assert (lot.origin.address, lot.origin.number) == (scene.address(card="slow"), 1)


def test_pending_points_count_with_whom_had_them_at_each_instant(scene: Deep) -> None:
    """They leave no entry when they move, and one part of them was refunded while they were away."""
    scene.earn(100, card="slow", transaction_id="t")
    scene.pass_time(DAY)
    members.merge(scene)
    merged_at = scene.now
    scene.pass_time(DAY)
    scene.do(scene.refund("t", 30, "ben"))
    scene.pass_time(DAY)
    members.unmerge(scene)
    parted_at = scene.now
    scene.pass_time(DAY)
    scene.do(scene.refund("t", 10))
    scene.pass_time(DAY)
    moments = [START, merged_at, parted_at - timedelta(hours=1), parted_at, scene.now]
    assert [at(scene, "ada", "slow", when).pending for when in moments] == [100, 0, 0, 70, 60]
    assert [at(scene, "ben", "slow", when).pending for when in moments] == [0, 100, 70, 0, 0]
    [mine] = scene.read(explain.explain, scene.address(card="slow"), None, 5)
    assert [step.amount for step in mine.steps] == [100, 0, -100, 70, -10, 0]
    assert [step.sentence for step in mine.steps[2:5]] == [
        "1.00 point went to customer ben on 2 January 2025, by a merge.",
        "0.70 points came back from customer ben on 4 January 2025, as a merge was undone.",
        "0.10 pending points were cancelled on 5 January 2025 because transaction t was refunded.",
    ]
    [theirs] = scene.read(explain.explain, scene.address("ben", "slow"), None, 5)
    assert [step.amount for step in theirs.steps] == [100, 0, -30, -70, 0]
    scene.assert_conserved()


def test_points_that_ripened_while_they_were_away_come_back_with_an_entry(scene: Deep) -> None:
    """Less what a refund of their own purchase took of them there."""
    scene.earn(100, card="slow", transaction_id="t")
    members.merge(scene)
    scene.pass_time(12 * DAY)
    scene.do(scene.refund("t", 30, "ben"))
    scene.pass_time(DAY)
    members.unmerge(scene)
    scene.assert_conserved()
    [mine] = scene.read(explain.explain, scene.address(card="slow"), None, 5)
    assert [(step.amount, step.entry) for step in mine.steps] == [
        (100, None),
        (0, None),
        (-100, None),
        (70, 1),
        (0, None),
    ]
    assert "came back from customer ben" in mine.steps[3].sentence
    [theirs] = scene.read(explain.explain, scene.address("ben", "slow"), None, 5)
    assert [(step.amount, step.entry) for step in theirs.steps[2:]] == [(0, 1), (-30, 2), (-70, 3), (0, None)]
    assert "went back to customer ada" in theirs.steps[4].sentence
    assert (at(scene, "ada", "slow", scene.now).active, at(scene, "ben", "slow", scene.now).active) == (70, 0)
    assert at(scene, "ben", "slow", scene.now - DAY).active == 70


def test_debt_and_holds_count_with_whom_had_them(scene: Deep) -> None:
    """A part of the debt was given up meanwhile: it does not come back."""
    scene.earn(100, card="owing", transaction_id="t")
    scene.pass_time(11 * DAY)
    scene.do(scene.spending(80, card="owing"))
    scene.do(scene.refund("t"))
    scene.earn(40)
    scene.do(scene.hold(25))
    before = scene.now
    scene.pass_time(timedelta(hours=1))
    members.merge(scene)
    merged_at = scene.now
    scene.pass_time(timedelta(hours=1))
    scene.do(scene.write_off(1, 30, "ben", "owing"))
    scene.pass_time(timedelta(hours=1))
    members.unmerge(scene)
    moments = [before, merged_at, merged_at + timedelta(hours=1), scene.now]
    assert [at(scene, "ada", "owing", when).debt for when in moments] == [80, 0, 0, 50]
    assert [at(scene, "ben", "owing", when).debt for when in moments] == [0, 80, 50, 0]
    assert [at(scene, "ada", "plain", when).held for when in moments] == [25, 0, 0, 25]
    assert [at(scene, "ben", "plain", when).held for when in moments] == [0, 25, 25, 0]
    assert [at(scene, "ben", "plain", when).active for when in moments] == [0, 40, 40, 0]
    scene.assert_conserved()


def test_what_ended_with_somebody_further_on_is_not_said_to_have_come_back(database: Database) -> None:
    """Points that were lent on, and expired there, were given back to nobody: their lots' steps end at nothing."""
    scene = Deep(database, "ada", "ben", "cyd")
    scene.earn(242, card="slow")
    members.merge(scene, "ada", "ben")
    members.merge(scene, "ben", "cyd")
    scene.pass_time(90 * DAY)
    scene.sweep()
    members.unmerge(scene, "ben")
    members.unmerge(scene, "ada")
    for name in ("ada", "ben", "cyd"):
        [lot] = scene.read(explain.explain, scene.address(name, "slow"), None, 5)
        assert (lot.remaining, sum(step.amount for step in lot.steps)) == (0, 0), lot
