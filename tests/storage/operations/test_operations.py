"""Operations hold nobody up, are killed without loss, end once, and leave in the log what an auditor asks for."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest

from rules.access import Role, in_role
from rules.refusals import OperationEnded, OperationNotFound, ProgramNotFound
from storage.engine.commands import once
from storage.engine.database import Busy, Database, connection
from storage.engine.unit import Unit, run
from storage.ledger.redating import steps
from storage.ledger.redating.commands import RedateLots
from storage.ledger.redating.steps import StepSize
from storage.ledger.redating.terms import Expiry, Terms
from storage.operations import accounts, commands, queries
from storage.operations.queries import OperationCursor
from storage.operations.records import OperationState
from tests.storage.blocking import Ledger
from tests.storage.operating import (
    NEVER,
    WHY,
    begin,
    cancel,
    expiries,
    figures,
    finish,
    left,
    read,
    redate,
    step,
    tasks,
)
from tests.storage.scene import CALLER, START, Scene, answered, asked, request

NAMES = ("ada", "ben", "cyd", "dan")
LATER = Terms("slow", Expiry.AT, START + timedelta(days=300))
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Four customers with a lot each that expires, and one that does not."""
    made = Scene(database, *NAMES)
    for name in NAMES:
        made.earn(10, name, "slow")
        made.earn(10, name)
    return made


def test_a_preview_holds_nobody_up_and_waits_for_nobody(scene: Scene) -> None:
    """Whoever only wants to know must not stop a till, be it for as long as it takes to read a whole program."""
    with _holding(scene, "SELECT FROM account FOR UPDATE"):
        assert figures(redate(scene, validate_only=True).value.operation) == (4, 40, 4)

    def preview(unit: Unit) -> list[tuple[Any, ...]]:
        once(unit, RedateLots(scene.program_id, "", NEVER, asked(NEVER, validate_only=True)))
        return _lockable(scene)

    assert len(run(scene.database, preview)) == 8


def test_a_step_holds_its_own_accounts_and_no_other(scene: Scene) -> None:
    """Everybody else's purchase goes through while it works, and those of other cards do too."""
    operation = begin(scene)

    def work(unit: Unit) -> list[tuple[Any, ...]]:
        steps.step(unit, operation.id, StepSize(2, 100))
        with ThreadPoolExecutor(1) as till:
            till.submit(_earn_and_close, scene, "cyd").result()
        return _lockable(scene)

    free = run(scene.database, work)
    assert [(name, card) for name, card in free if card == "slow"] == [("cyd", "slow"), ("dan", "slow")]
    assert len(free) == 6
    assert scene.balance("cyd", "slow").pending == 15


def test_an_account_that_somebody_has_in_hand_is_come_back_to(scene: Scene) -> None:
    """One stuck till must not stop the redating of a whole program, nor be left out of it."""
    operation = begin(scene)
    with _holding(scene, f"SELECT FROM account WHERE id IN ({_OF}) FOR UPDATE", "ada"):
        assert not step(scene, operation, 2)
        assert not step(scene, operation, 2)
        assert expiries(scene) == {**{name: [None] for name in NAMES}, "ada": expiries(scene)["ada"]}
        assert len(left(scene, operation)) == 1
    done = finish(scene, operation)
    assert figures(done) == (4, 40, 4)
    scene.assert_conserved()


def test_where_others_have_all_that_is_left_a_step_waits_for_one_and_not_for_long(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no busy loop, and its operation can be cancelled soon; the task is then tried again later."""
    operation = begin(scene)
    monkeypatch.setattr(accounts, "WAIT_MS", 20)
    with _holding(scene, "SELECT FROM account FOR UPDATE"), pytest.raises(Busy):
        step(scene, operation)
    monkeypatch.setattr(accounts, "WAIT_MS", 60_000)
    with _holding(scene, "SELECT FROM account FOR UPDATE"):
        waiting = Thread(target=_step_and_close, args=(scene, operation))
        waiting.start()
        _wait_for(scene, 1)
    waiting.join()
    assert read(scene, operation).accounts_done == 1


def test_a_step_that_is_cut_off_leaves_nothing_and_is_taken_again(scene: Scene) -> None:
    """Killed after all its writes and before its commit: the next one does exactly what it would have done."""
    operation = begin(scene)
    step(scene, operation)
    before = scene.contents()

    def cut_off(unit: Unit) -> None:
        steps.step(unit, operation.id, StepSize(1, 100))
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        run(scene.database, cut_off)
    assert scene.contents() == before
    done = finish(scene, operation)
    assert (done.state, figures(done)) == (OperationState.SUCCEEDED, (4, 40, 4))
    assert scene.rows("SELECT count(*) FROM redating") == [(4,)]


def test_a_cancelled_operation_keeps_what_it_did_and_takes_no_further_step(scene: Scene) -> None:
    """And says how far it came: the rest is as it was."""
    operation = begin(scene)
    step(scene, operation)
    cancelled = cancel(scene, operation).value
    assert (cancelled.state, cancelled.accounts_done, figures(cancelled)) == (OperationState.CANCELLED, 2, (2, 20, 2))
    assert left(scene, operation) == []
    before = scene.contents()
    assert step(scene, operation)
    assert scene.contents() == before
    assert [expiries(scene)[name] == [None] for name in NAMES] == [True, True, False, False]
    scene.assert_conserved()


def test_to_cancel_waits_for_the_step_in_hand(scene: Scene) -> None:
    """What is reported as done is all that was done."""
    operation = begin(scene)
    cancelling = Thread(target=_cancel_and_close, args=(scene, operation))

    def work(unit: Unit) -> None:
        steps.step(unit, operation.id, StepSize(3, 100))
        cancelling.start()
        _wait_for(scene, 1)

    run(scene.database, work)
    cancelling.join()
    found = read(scene, operation)
    assert (found.state, figures(found)) == (OperationState.CANCELLED, (3, 30, 3))


def test_an_operation_ends_once(scene: Scene) -> None:
    """Done, given up or cancelled: later words change nothing. The same request again is the same word."""
    done = redate(scene).value.operation
    with pytest.raises(OperationEnded) as refused:
        cancel(scene, done)
    assert refused.value.facts == {"operation": done.name.rpartition("/")[2], "state": "SUCCEEDED"}
    run(scene.database, lambda unit: commands.fail(unit, done.id, "ValueError"))
    assert read(scene, done) == done
    operation, key = begin(scene, LATER), request(()).request_id
    first, again = (cancel(scene, operation, request_id=key) for _ in range(2))
    assert again == first._replace(replayed=True)


def test_to_rehearse_cancelling_says_what_would_be_and_holds_nothing(scene: Scene) -> None:
    """Not even the operation, whose step goes on meanwhile."""
    operation = begin(scene)
    before = scene.contents()
    with _holding(scene, "SELECT FROM operation FOR UPDATE"):
        rehearsed = cancel(scene, operation, validate_only=True)
    assert (rehearsed.value.state, rehearsed.activity) == (OperationState.CANCELLED, None)
    assert scene.contents() == before


def test_one_that_workers_give_up_has_failed(scene: Scene) -> None:
    """With the type of the error and never its text; asked for again, it does the rest."""
    operation = begin(scene)
    step(scene, operation)
    run(scene.database, lambda unit: commands.fail(unit, operation.id, "ValueError"))
    failed = read(scene, operation)
    assert (failed.state, failed.error, figures(failed)) == (OperationState.FAILED, "ValueError", (2, 20, 2))
    again = redate(scene).value.operation
    assert figures(again) == (2, 20, 2)
    assert set(map(tuple, expiries(scene).values())) == {(None,)}


def test_the_log_says_what_was_asked_what_was_done_and_who_ended_it(scene: Scene) -> None:
    """An auditor reads two records, and the history of each customer has one of its own."""
    operation = begin(scene)
    step(scene, operation)
    cancelled = cancel(scene, operation).value
    bodies = {body["id"]: body for body in map(json.loads, scene.bodies())}
    asked, ended = bodies[str(cancelled.activity)], bodies[str(cancelled.end_activity)]
    assert (asked["actor"]["id"], asked["subject"]) == (CALLER.id, "programs/coffee/cards/slow")
    why = {"admin": WHY.acting_user, "reason_code": WHY.code}
    assert {**why, "operation": operation.name, "accounts": 4, "expiry": "NEVER"}.items() <= asked["details"].items()
    assert (ended["actor"]["id"], ended["subject"]) == (CALLER.id, operation.name)
    told = {**why, "lots": 2, "points": 20, "accounts": 2, "accounts_done": 2, "accounts_total": 4}
    assert told.items() <= ended["details"].items()
    rows = scene.rows(
        "SELECT c.customer_id, a.event, a.actor, r.lot FROM redating r JOIN activity a ON a.id = r.activity"
        " JOIN customer c ON c.id = a.customer ORDER BY 1"
    )
    assert rows == [(name, "lot.redated", CALLER.id, 1) for name in ("ada", "ben")]
    assert scene.rows("SELECT DISTINCT note FROM activity_note") == [(WHY.note,)]
    assert not [body for body in scene.bodies() if WHY.note in body]


def test_one_that_is_done_says_so_in_the_log_of_itself(scene: Scene) -> None:
    """Nobody called when it ended: the record of its end is Fealty's own."""
    done = finish(scene, begin(scene))
    [ended] = [body for body in map(json.loads, scene.bodies()) if body["id"] == str(done.end_activity)]
    assert (ended["action"], ended["actor"]["type"], ended["details"]["lots"]) == ("operation.succeeded", "SYSTEM", 4)
    assert ended["cause"] == str(done.activity)


def test_operations_are_listed_newest_first_in_pages_and_by_state(scene: Scene) -> None:
    """Whoever asks "what ran here" must find the last one first."""
    made = [redate(scene).value.operation for _ in range(3)]
    running = begin(scene, LATER)
    with connection(scene.database):
        first = queries.page("coffee", CALLER, "", None, 3)
        rest = queries.page("coffee", CALLER, "", OperationCursor(first[-1].created_at, first[-1].id), 3)
        assert [one.id for one in first + rest] == [one.id for one in (running, *reversed(made))]
        assert [one.id for one in queries.page("coffee", CALLER, "RUNNING", None, 3)] == [running.id]


def test_another_programs_operation_is_not_found(scene: Scene) -> None:
    """By whatever name it is asked for."""
    Scene(scene.database, program="tea")
    name = redate(scene).value.operation.name
    with connection(scene.database):
        for wrong in (name.replace("coffee", "tea"), name[:-1], "programs/coffee/operations/operation_x"):
            with pytest.raises(OperationNotFound):
                queries.get(wrong, CALLER)
        with pytest.raises(ProgramNotFound):
            queries.get(name, in_role("caller_2", "stranger", Role.ADMINISTRATOR, "tea"))


def test_an_operation_of_nothing_is_done_at_once(scene: Scene) -> None:
    """No account, no step, no task."""
    done = redate(scene, name="nobody").value.operation
    assert (done.state, done.accounts_total, figures(done)) == (OperationState.SUCCEEDED, 0, (0, 0, 0))
    assert tasks() == []


# The account of a customer that expires.
_OF = "SELECT a.id FROM account a JOIN customer c ON c.id = a.customer WHERE c.customer_id = %s AND card_id = 'slow'"


@contextmanager
def _holding(scene: Scene, statement: str, *parameters: Any) -> Iterator[None]:
    """Somebody else has rows in hand."""
    with scene.another_connection() as holder, holder.transaction():
        holder.execute(statement.encode(), parameters)
        yield


def _lockable(scene: Scene) -> list[tuple[Any, ...]]:
    """Customers and cards of the accounts that nobody has in hand now."""
    with scene.another_connection() as beside:
        return beside.execute(
            "SELECT c.customer_id, a.card_id FROM account a JOIN customer c ON c.id = a.customer ORDER BY a.id"
            " FOR UPDATE OF a SKIP LOCKED"
        ).fetchall()


def _earn_and_close(scene: Scene, name: str) -> None:
    [outcome] = Ledger(scene.database).run([scene.purchase(5, name, "slow")])
    answered(outcome)
    scene.database.close()


def _step_and_close(scene: Scene, operation: queries.Operation) -> None:
    step(scene, operation, 2)
    scene.database.close()


def _cancel_and_close(scene: Scene, operation: queries.Operation) -> None:
    cancel(scene, operation)
    scene.database.close()


def _wait_for(scene: Scene, waiting: int) -> None:
    with scene.another_connection() as beside:
        for _ in range(20_000):
            if beside.execute(WAITING).fetchone() == (waiting,):
                return
    raise AssertionError("nobody waits")
