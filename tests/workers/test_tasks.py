"""How every task is worked on: once, again when it fails, by one at a time."""

from collections.abc import Mapping
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

from storage.engine.database import Database
from storage.engine.unit import Unit, transaction
from storage.tasks.commands import claim
from tests.databases import by_owner
from tests.workers.acting import NOTE, NOTE_AND_WAIT, REFUSE, Holder, figure, make_due, plan_tasks, refuse, rows
from tests.workers.processes import eventually
from workers.outage import Outage
from workers.tasks import Actor, Runner

LATER = timedelta(hours=1)


def test_a_failing_task_is_retried_later_and_given_up_after_its_attempts(database: Database, holder: Holder) -> None:
    """An error that lasts must neither be hidden nor hammer on for ever."""
    refusing = Actor("refuse", "test", refuse, 3, retry_min=LATER, retry_max=LATER)
    task = _sent(database, refusing)
    for attempt in (1, 2):
        _runner(database, refusing).run(task)
        assert rows(database, "SELECT state, attempts, due_at > now() FROM task") == [("READY", attempt, True)]
        assert _claimed(database) == []
        make_due(database)
        assert _claimed(database) == [task]
    _runner(database, refusing).run(task)
    assert rows(database, "SELECT state, attempts, finished_at IS NULL FROM task") == [("FAILED", 3, False)]
    make_due(database)
    assert _claimed(database) == []
    _runner(database, refusing).run(task)
    assert holder.effects() == []


def test_of_an_error_only_the_type_is_kept(database: Database, holder: Holder) -> None:
    """Its text may hold an address, and rows and logs are not where erasure looks."""
    task = _sent(database, REFUSE)
    with capture_logs() as logged:
        _runner(database, REFUSE).run(task)
    assert figure(database, "SELECT last_error FROM task") == "ValueError"
    [line] = logged
    assert (line["event"], line["task"], line["error"]) == ("task failed", task, "ValueError")
    assert line["place"].startswith("acting.py:")
    assert "alice" not in str(logged) + str(rows(database, "SELECT task::text FROM task"))


def test_a_task_that_cannot_even_begin_is_retried_later_and_given_up_after_its_attempts(database: Database) -> None:
    """Its arguments cannot be read: without a count it would come back for ever, a second later each time."""
    actor = Actor("a", "q", _never, 3, timedelta(hours=1), timedelta(hours=9))
    task = _sent(database, actor)
    rows(database, "UPDATE task SET args = (repeat('[', 5000) || repeat(']', 5000))::jsonb RETURNING id")
    for attempt in (1, 2):
        _runner(database, actor).run(task)
        [(state, attempts, error, hours)] = rows(database, _FAILED)
        assert (state, attempts, error, hours) == ("READY", attempt, "RecursionError", attempt)
        make_due(database)
        assert _claimed(database) == [task]
    with capture_logs() as logged:
        _runner(database, actor).run(task)
    assert figure(database, "SELECT state FROM task") == "FAILED"
    assert [(line["event"], line["attempt"]) for line in logged] == [("task given up", 3)]


@pytest.mark.parametrize("task", ["no id of ours", None])
def test_a_task_that_cannot_even_be_noted_is_left_and_named(
    database: Database, holder: Holder, task: str | None
) -> None:
    """A row that refuses every change, a message that is not ours: a worker says so and goes on with the next."""
    by_owner(database.database, _UNCHANGEABLE)
    with capture_logs() as logged:
        _runner(database, REFUSE).run(task or _sent(database, REFUSE))
    assert [line["event"] for line in logged] == ["task failed, and cannot be noted"]
    assert "alice" not in str(logged)


@pytest.mark.parametrize(("failed", "seconds"), [(0, 2), (1, 2), (2, 4), (3, 8), (4, 10), (60, 10), (61, None)])
def test_pauses_double_up_to_a_limit(failed: int, seconds: int | None) -> None:
    """A short fault costs little time, and a long one little work."""
    actor = Actor("a", "q", _never, 61, timedelta(seconds=2), timedelta(seconds=10))
    assert actor.retry_after(failed) == (None if seconds is None else timedelta(seconds=seconds))


def test_a_task_delivered_twice_has_one_effect(database: Database, holder: Holder) -> None:
    """Brokers deliver at least once."""
    task = _sent(database, NOTE)
    for _ in range(3):
        _runner(database, NOTE).run(task)
    assert holder.effects() == [0]
    assert figure(database, "SELECT state FROM task") == "DONE"


def test_a_second_delivery_goes_home_while_the_first_is_at_work(database: Database, holder: Holder) -> None:
    """It would only wait for what is being done already, and keep a thread from other tasks."""
    task = _sent(database, NOTE_AND_WAIT)
    holder.hold()
    first = Thread(target=_run_and_close, args=(database, NOTE_AND_WAIT, task))
    first.start()
    eventually(holder.held)
    _runner(database, NOTE_AND_WAIT).run(task)
    assert holder.held() == 1
    assert rows(database, "SELECT state, last_error FROM task") == [("SENT", None)]
    holder.release()
    first.join()
    assert rows(database, "SELECT state FROM task") == [("DONE",)]
    assert holder.effects() == [0]


def test_a_task_of_many_steps_hands_back_the_rest_when_its_worker_stops(database: Database, holder: Holder) -> None:
    """A stop waits for one step, not for a million accounts; and the rest must not wait to be thought lost."""
    task = _sent(database, COUNT_TO_FIVE)
    stop = Event()
    stop.set()
    for done in (1, 2):
        Runner(COUNT_TO_FIVE, database, stop, Outage("database")).run(task)
        assert len(holder.effects()) == done
        assert _claimed(database)
    _runner(database, COUNT_TO_FIVE).run(task)
    assert len(holder.effects()) == 5
    assert rows(database, "SELECT state, attempts FROM task") == [("DONE", 1)]


def test_a_task_that_takes_long_makes_room_for_others(database: Database, holder: Holder) -> None:
    """One program with a million due accounts must not keep a hundred others from their turn."""
    task = _sent(database, COUNT_TO_FIVE)
    hurried = Actor("count", "test", _count, 3, LATER, LATER, run_limit_s=0)
    Runner(hurried, database, Event(), Outage("database")).run(task)
    assert len(holder.effects()) == 1
    assert _claimed(database)


def test_a_lost_connection_is_one_failed_attempt(database: Database, holder: Holder) -> None:
    """The database may restart in the middle of a step: the step is undone, noted, and done later."""
    task = _sent(database, NOTE_AND_WAIT)
    holder.hold()
    worker = Thread(target=_run_and_close, args=(database, NOTE_AND_WAIT, task))
    worker.start()
    eventually(holder.held)
    holder.end_those_held()
    worker.join()
    assert rows(database, "SELECT state, last_error FROM task") == [("READY", "StorageUnavailable")]
    assert holder.effects() == []


def test_a_connection_lost_between_two_tasks_costs_neither_an_attempt(database: Database, holder: Holder) -> None:
    """After a restart of the database, every thread finds its connection gone: that is nobody's failure."""
    task = _sent(database, NOTE)
    holder.end_others()
    with capture_logs() as logged:
        _runner(database, NOTE).run(task)
    assert [line["event"] for line in logged] == ["database away", "database back"]
    assert rows(database, "SELECT state, attempts, last_error FROM task") == [("DONE", 1, None)]
    assert holder.effects() == [0]


def _count(unit: Unit, args: Mapping[str, Any]) -> bool:
    unit.connection.execute("INSERT INTO effect VALUES (1)")
    return unit.connection.execute("SELECT count(*) FROM effect").fetchone() == (5,)


def _never(unit: Unit, args: Mapping[str, Any]) -> bool:
    raise AssertionError


_FAILED = "SELECT state, attempts, last_error, round(extract(epoch FROM due_at - now()) / 3600) FROM task"

# Once it was sent.
_UNCHANGEABLE = """
CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'alice stays'; END $$;
CREATE TRIGGER stay BEFORE UPDATE ON task FOR EACH ROW WHEN (OLD.state = 'SENT') EXECUTE FUNCTION stay();
"""

COUNT_TO_FIVE = Actor("count", "test", _count, 3, LATER, LATER)


def _sent(database: Database, actor: Actor) -> str:
    plan_tasks(database, actor)
    return _claimed(database)[0]


def _claimed(database: Database) -> list[str]:
    with transaction(database) as unit:
        return [task.id for task in claim(unit.connection, 10, LATER)]


def _runner(database: Database, actor: Actor) -> Runner:
    return Runner(actor, database, Event(), Outage("database"))


def _run_and_close(database: Database, actor: Actor, task: str) -> None:
    _runner(database, actor).run(task)
    database.close()
