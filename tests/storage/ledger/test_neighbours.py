"""Several writers on the same accounts: no update is lost, nobody waits in a ring, everybody gets a true answer."""

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from rules.refusals import DuplicateTransaction, InsufficientPoints, RequestIdReused
from storage.engine.database import Database
from storage.ledger.commands import Command
from tests.storage.blocking import Ledger, written
from tests.storage.scene import Scene, answered

NAMES = ("ada", "ben", "cyd", "dan")
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Four customers."""
    return Scene(database, *NAMES)


def test_writers_on_the_same_accounts_lose_nothing_and_never_wait_in_a_ring(scene: Scene) -> None:
    """Server processes share accounts; a deadlock would show as a failure of some of these groups."""
    for name in NAMES:
        scene.earn(1000, name=name)

    def write(seed: int) -> int:
        chance = random.Random(seed)
        ledger = Ledger(scene.database)
        change = 0
        for _ in range(25):
            commands: list[Command] = []
            for name in chance.choices(NAMES, k=6):
                spends = chance.random() < 0.5
                commands.append(scene.spending(3, name) if spends else scene.purchase(5, name))
            for command, outcome in zip(commands, ledger.run(commands), strict=True):
                answered(outcome)
                change += 5 if hasattr(command, "transaction_id") else -3
        return change

    with ThreadPoolExecutor(3) as writers:
        changes = list(writers.map(write, range(3)))
    assert sum(scene.balance(name).active for name in NAMES) == 4000 + sum(changes)
    scene.assert_conserved()


def test_the_last_points_are_spent_by_one_of_many(scene: Scene) -> None:
    """Two tills, one customer, 100 points: whoever is second is told so."""
    scene.earn(100)
    together = threading.Barrier(4)

    def spend(_: int) -> object:
        together.wait()
        return Ledger(scene.database).run([scene.spending(60)])[0]

    with ThreadPoolExecutor(4) as tills:
        outcomes = list(tills.map(spend, range(4)))
    assert sum(isinstance(outcome, InsufficientPoints) for outcome in outcomes) == 3
    assert scene.balance().active == 40
    scene.assert_conserved()


def test_sweeps_and_writers_on_the_same_accounts_agree(scene: Scene) -> None:
    """A sweep passes over accounts that are in hand; both settle with the same rules."""
    for name in NAMES:
        for days in (5, 20, 40, 80):
            scene.advance(timedelta(days=1))
            scene.earn(days, name=name, card="slow")
    scene.advance(timedelta(days=30))
    stop = threading.Event()

    def sweep_on() -> None:
        while not stop.is_set():
            scene.sweep(limit=1)

    with ThreadPoolExecutor(1) as worker:
        sweeping = worker.submit(sweep_on)
        try:
            for _ in range(8):
                for name in NAMES:
                    scene.earn(10, name=name, card="slow")
                scene.advance(timedelta(days=11))
        finally:
            stop.set()
        sweeping.result()
    scene.assert_conserved()


@pytest.mark.parametrize("expected", [DuplicateTransaction, RequestIdReused])
def test_whoever_comes_second_to_a_number_is_told_so_even_in_a_race(scene: Scene, expected: type[Exception]) -> None:
    """Two processes take the same number for two customers at once: the loser deserves the true reason, alone too."""
    first = scene.purchase(100, name="ada", transaction_id="receipt-1")
    second = scene.purchase(100, name="ben", transaction_id="receipt-1")
    if expected is RequestIdReused:
        second = scene.purchase(100, name="ben", request_id=first.context.request.request_id)
    for name in NAMES:
        scene.balance(name)
    scene.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$"
    )
    scene.execute("CREATE TRIGGER wait AFTER INSERT ON transaction EXECUTE FUNCTION wait()")
    gate = scene.another_connection()
    gate.execute("SELECT pg_advisory_lock(7)")
    with ThreadPoolExecutor(2) as processes:
        one = processes.submit(_submit, scene, [first])
        _wait_for(scene, lambda: scene.rows(WAITING) == [(1,)])
        other = processes.submit(_submit, scene, [second])
        _wait_for(scene, lambda: scene.rows(WAITING) == [(2,)])
        gate.execute("SELECT pg_advisory_unlock(7)")
        assert answered(one.result()[0]).value.points == 100
        [refused] = other.result()
    gate.close()
    assert type(refused) is expected
    scene.assert_conserved()


def test_a_writer_waits_for_an_account_that_a_neighbour_holds(scene: Scene) -> None:
    """Decisions are made on figures that nobody else is changing: the second sees what the first left."""
    scene.earn(100)
    holder = scene.another_connection()
    with ThreadPoolExecutor(1) as writer, holder.transaction():
        holder.execute("SELECT FROM account FOR UPDATE")
        waiting: Future[Any] = writer.submit(_submit, scene, [scene.spending(80)])
        _wait_for(scene, lambda: scene.rows(WAITING) == [(1,)])
        holder.execute("UPDATE account SET active = 50, spent = 50")
    [outcome] = waiting.result()
    assert isinstance(outcome, InsufficientPoints)
    assert outcome.facts["spendable"] == "50"
    holder.close()


def _submit(scene: Scene, commands: Sequence[Command]) -> Sequence[Any]:
    """The outcomes as the server gets them, from a writer of another process."""
    [outcomes] = written(scene, [commands])
    return outcomes


def _wait_for(scene: Scene, condition: Callable[[], bool]) -> None:
    """Polls the database, in which a millisecond passes with each question."""
    for _ in range(20_000):
        if condition():
            return
    raise AssertionError("it did not come to pass")
