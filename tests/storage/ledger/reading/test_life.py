"""What is read of accounts to which everything happened: every reader tells the same story, and it adds up."""

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from rules.accounts import LotState
from server.commands import HOT
from storage.engine.database import open_database
from storage.ledger.acts.transactions import RecordTransaction
from storage.ledger.reading import explain, holds, liability, lots, past
from storage.ledger.verify import verify
from storage.ledger.verifying.rebuild import rebuild
from tests.databases import fresh_database
from tests.storage.acts import commands
from tests.storage.deep import CARDS, Deep

pytestmark = pytest.mark.long

# The odd ones merge and part.
SEEDS = range(4)
ACTS = 150


@pytest.fixture(scope="module", params=SEEDS)
def scene(request: pytest.FixtureRequest, server_url: str, template: str) -> Iterator[Deep]:
    """Two customers with a long life. The tests here only read, but for the last."""
    with fresh_database(server_url, template) as url:
        database = open_database(url)
        merges = request.param % 2
        made = Deep(database, "ada", "ben", "cyd") if merges else Deep(database)
        made.merging = 0.1 if merges else 0.0
        made.live(request.param, ACTS)
        yield made
        database.close()


def test_every_command_that_is_gathered_may_happen_in_a_life(scene: Deep) -> None:
    """What is told of accounts to which everything happened is told of this one too."""
    drawn = {type(act()) for act in scene.acts(random.Random(0), "ada", "plain", [])}
    assert drawn | {RecordTransaction} == commands(HOT)


def test_the_past_is_what_was_seen_then(scene: Deep) -> None:
    """A customer who was told a balance in March is told the same of March in May, and so is the auditor."""
    standing = scene.standing()
    for name, card, seen in scene.seen:
        if name not in standing:
            continue
        then = scene.read(past.balance_at, scene.address(name, card), seen.as_of)
        assert then == seen, (name, card)


def test_the_steps_of_each_lot_add_up_to_what_is_left_of_it(scene: Deep) -> None:
    """An explanation that leaves out a point explains nothing."""
    for name in scene.standing():
        for card in CARDS:
            explained = scene.read(explain.explain, scene.address(name, card.card_id), None, 1000)
            for lot in explained:
                assert sum(step.amount for step in lot.steps) == lot.remaining, lot
                assert all(step.sentence.endswith(".") for step in lot.steps)
            balance = scene.balance(name, card.card_id)
            left = {state: sum(lot.remaining for lot in explained if lot.state is state) for state in LotState}
            assert (left[LotState.ACTIVE], left[LotState.PENDING]) == (balance.active, balance.pending)
            assert sum(left.values()) == balance.active + balance.pending


def test_lots_and_holds_are_as_the_balance_has_them(scene: Deep) -> None:
    """Whether or not a worker has been by: a list that disagrees with the balance above it is a complaint."""
    for name in scene.standing():
        for card in CARDS:
            address, balance = scene.address(name, card.card_id), scene.balance(name, card.card_id)
            found = [read.lot for read in scene.read(lots.page, address, "", None, 1000)]
            assert sum(lot.remaining for lot in found if lot.state is LotState.ACTIVE) == balance.active
            assert sum(lot.remaining for lot in found if lot.state is LotState.PENDING) == balance.pending
            assert sum(lot.held for lot in found) == balance.held
            open_holds = scene.read(holds.page, address, "ACTIVE", None, 1000)
            assert sum(read.hold.points for read in open_holds) == balance.held


def test_the_report_is_the_sum_of_all_balances(scene: Deep) -> None:
    """What the books owe is what their customers are told they have."""
    for card in CARDS:
        report = scene.read(liability.report, scene.program_id, card.card_id)
        balances = [scene.balance(name, card.card_id) for name in scene.standing()]
        for figure in ("active", "held", "pending", "debt"):
            assert getattr(report, figure) == sum(getattr(balance, figure) for balance in balances), figure
        if scene.merging:
            # What a merged customer spent was spent; whoever has the rest did not do it.
            continue
        for figure in ("spent", "expired", "revoked"):
            assert getattr(report, figure) == sum(getattr(balance, figure) for balance in balances), figure
        assert report.issued == sum(balance.earned for balance in balances)


def test_the_books_hold_and_come_to_the_same_when_they_are_rebuilt(scene: Deep) -> None:
    """Whatever was done in whatever order."""
    scene.assert_conserved()
    rebuilt = scene.read(rebuild)
    assert (rebuilt.holds, rebuilt.shown) == (True, [])
    assert rebuilt.transactions > 0
    assert scene.read(verify).totals.accounts == rebuilt.accounts


def test_it_makes_no_difference_when_a_worker_comes_by(scene: Deep) -> None:
    """A year later: first nobody has been there, then somebody has. Only ids of entries tell them apart."""
    scene.pass_time(timedelta(days=20))
    before = _read(scene)
    scene.sweep()
    assert _read(scene) == before
    scene.assert_conserved()


def _read(scene: Deep) -> list[object]:
    found: list[object] = []
    for card in CARDS:
        found.append(scene.read(liability.report, scene.program_id, card.card_id))
        for name in scene.standing():
            address = scene.address(name, card.card_id)
            found.append(scene.read(lots.page, address, "", None, 1000))
            found.append(scene.read(lots.page, address, "EXPIRED", None, 1000))
            found.append([read.hold for read in scene.read(holds.page, address, "", None, 1000)])
            for lot in scene.read(explain.explain, address, None, 1000):
                found.append(lot._replace(steps=()))
                found.append([(step.sentence, step.amount, step.occurred_at) for step in lot.steps])
            found.append(scene.read(past.balance_at, address, scene.now))
            found.append(scene.read(past.balance_at, address, scene.now - timedelta(days=10)))
    return found
