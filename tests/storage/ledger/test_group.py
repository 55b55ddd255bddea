"""Commands that share a transaction do not feel each other: refused, late, poisoned or only asked about."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from rules.refusals import (
    AmountTooLarge,
    CardNotFound,
    CurrencyMismatch,
    CustomerNotFound,
    DeadlinePassed,
    InsufficientPoints,
    OccursInFuture,
    ProgramNotFound,
)
from storage.engine.database import Database, StorageUnavailable
from storage.ledger.writer import Writer
from tests.storage.blocking import with_writer, written
from tests.storage.scene import START, Scene, answered

REFUSED: dict[type[Exception], dict[str, Any]] = {
    CurrencyMismatch: {"currency": "JPY"},
    OccursInFuture: {"occurred_at": START + timedelta(minutes=10, seconds=1)},
    DeadlinePassed: {"deadline": 0.0},
    AmountTooLarge: {"points": 2**53 + 1},
    CustomerNotFound: {"name": "nobody"},
    CardNotFound: {"card": "unknown"},
    ProgramNotFound: {"program": "tea"},
}


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two customers."""
    return Scene(database, "ada", "ben")


@pytest.mark.parametrize("refusal", REFUSED)
def test_a_refused_purchase_disturbs_neither_its_neighbours_nor_the_books(
    scene: Scene, refusal: type[Exception]
) -> None:
    """In a group of 512 somebody is always refused; the others must not even notice."""
    first, refused, last = scene.group(
        scene.purchase(10), scene.purchase(**{"points": 5, **REFUSED[refusal]}), scene.purchase(20)
    )
    assert type(refused) is refusal
    assert answered(first).value.balance.active == 10
    assert answered(last).value.balance.active == 30
    assert scene.rows("SELECT count(*) FROM transaction") == [(2,)]
    scene.assert_conserved()


def test_each_command_sees_what_its_forerunners_in_the_group_did(scene: Scene) -> None:
    """Order inside a group is the order of arrival, as if each had come alone."""
    outcomes = scene.group(
        scene.spending(10), scene.purchase(100), scene.spending(60), scene.spending(60), scene.spending(40)
    )
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds[0] is kinds[3] is InsufficientPoints
    refused = outcomes[3]
    assert isinstance(refused, InsufficientPoints)
    assert refused.facts == {"requested": "60", "spendable": "40"}
    assert answered(outcomes[4]).value.balance.spendable == 0
    assert [entry.entry.amount for entry in scene.entries()] == [-40, -60, 100]
    scene.assert_conserved()


def test_each_row_of_a_group_names_the_act_that_made_it(scene: Scene) -> None:
    """A lot that is earned and spent in one transaction was still earned by the purchase."""
    bought, spent = scene.group(scene.purchase(100), scene.spending(100))
    earned_by, spent_by = answered(bought).activity, answered(spent).activity
    assert scene.rows("SELECT state, activity::text FROM lot") == [("DEPLETED", earned_by)]
    assert scene.rows("SELECT activity::text FROM entry ORDER BY seq") == [(earned_by,), (spent_by,)]
    assert scene.rows("SELECT activity::text FROM transaction") == [(earned_by,)]


def test_a_till_may_run_ten_minutes_ahead(scene: Scene) -> None:
    """ProgramCache in shops are never right; a purchase of "in nine minutes" is one of now."""
    assert answered(scene.do(scene.purchase(5, occurred_at=START + timedelta(minutes=9)))).value.points == 5


def test_a_purchase_that_earns_nothing_is_still_recorded(scene: Scene) -> None:
    """A retry must find it, and support must see it."""
    answer = scene.do(scene.purchase(0, transaction_id="free"))
    assert (answer.value.points, answer.value.state, answer.value.activates_at) == (0, "ACCEPTED", None)
    assert scene.entries() == []
    assert scene.do(scene.purchase(0, transaction_id="free")).replayed
    scene.assert_conserved()


def test_a_call_whose_caller_gave_up_changes_nothing(scene: Scene) -> None:
    """Nobody would hear of it: a spending that nobody knows of is a complaint."""
    scene.earn(100)
    before = scene.contents()
    late = scene.spending(50, deadline=0.0), scene.purchase(50, deadline=0.0)
    assert [type(outcome) for outcome in scene.group(*late)] == [DeadlinePassed, DeadlinePassed]
    assert scene.contents() == before


@pytest.mark.parametrize("kind", ["purchase", "spending"])
@pytest.mark.parametrize("card", ["plain", "slow"])
@pytest.mark.parametrize("days", [0, 11, 60])
def test_validate_only_changes_nothing_and_says_what_then_happens(
    scene: Scene, kind: str, card: str, days: int
) -> None:
    """The answer is a promise about the real call: to the last figure, also where time has something to do first."""
    scene.earn(300, card=card)
    scene.earn(200, card=card, occurred_at=START - timedelta(days=11))
    scene.advance(timedelta(days=days))
    before = scene.contents()
    wanted = getattr(scene, kind)
    [asked] = scene.group(wanted(150, card=card, validate_only=True))
    assert scene.contents() == before
    [done] = scene.group(wanted(150, card=card))
    if isinstance(done, Exception):
        assert (type(asked), str(asked)) == (type(done), str(done))
        return
    promise, fact = answered(asked).value, answered(done).value
    assert answered(asked).activity is None
    if kind == "spending":
        fact = fact._replace(recorded_at=promise.recorded_at)
    assert promise == fact


def test_a_reader_of_an_account_that_nobody_used_sees_nothing_and_leaves_nothing(scene: Scene) -> None:
    """Whoever may only read must not write, not even an empty account."""
    balance = scene.balance("ada", "slow")
    assert (balance.decimals, balance.pending, balance.active, balance.as_of) == (2, 0, 0, START)
    assert scene.entries("ada", "slow") == []
    assert scene.rows("SELECT count(*) FROM account") == [(0,)]


def test_what_is_only_asked_about_is_not_seen_by_the_neighbours(scene: Scene) -> None:
    """Spending the same points three times in one group is fine as long as nobody means it."""
    scene.earn(100)
    asked = [scene.spending(100, validate_only=True) for _ in range(2)]
    first, second, real = scene.group(*asked, scene.spending(100))
    assert answered(first).value.balance == answered(second).value.balance == answered(real).value.balance
    assert scene.balance().active == 0


def test_a_command_that_the_database_refuses_fails_alone(scene: Scene) -> None:
    """One poisoned command in a group of hundreds must not take the others down with it."""
    scene.execute("ALTER TABLE transaction ADD CHECK (transaction_id <> 'poison')")
    commands = [scene.purchase(10, transaction_id=name) for name in ("one", "poison", "three")]
    first, poisoned, last = written(scene, [commands])[0]
    assert isinstance(poisoned, psycopg.errors.CheckViolation)
    assert answered(first).value.balance.active == 10
    assert answered(last).value.balance.active == 20
    assert scene.balance().active == 20
    scene.assert_conserved()


def test_calls_that_arrive_together_get_each_their_own_outcome(scene: Scene) -> None:
    """Answers are cut out of the group by position: one off, and customers read each other's balance."""
    calls = [[scene.purchase(n, name=name) for name in ("ada", "ben")] for n in range(1, 40)]
    for call, outcomes in zip(calls, written(scene, calls), strict=True):
        assert [answered(outcome).value.points for outcome in outcomes] == [command.amount_minor for command in call]
    assert scene.balance("ada").active == scene.balance("ben").active == sum(range(1, 40))
    scene.assert_conserved()


def test_a_database_that_is_away_fails_the_whole_group_and_comes_back(scene: Scene, database_url: str) -> None:
    """Running 128 commands one by one against nobody would make every caller wait for all the others."""
    command = scene.purchase(20)

    async def outlive(writer: Writer) -> None:
        [first] = await writer.submit([scene.purchase(10)])
        assert answered(first).value.points == 10
        with psycopg.connect(database_url, autocommit=True) as neighbour:
            neighbour.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        away = await writer.submit([command, scene.purchase(30)])
        assert [type(outcome) for outcome in away] == [StorageUnavailable, StorageUnavailable]
        [again] = await writer.submit([command])
        assert answered(again).value.balance.active == 30
        assert not answered(again).replayed

    with_writer(scene, outlive)
