"""Workers that die, sleep or lose the database between doing something outside it and saying so."""

import time
from datetime import timedelta
from threading import Thread

import psycopg
import pytest
from structlog.testing import capture_logs

from storage.engine.database import Database
from tests.workers.acting import Holder, figure, rows
from tests.workers.outside import (
    LEFT,
    STATE,
    Killed,
    Outside,
    claimed,
    die_recording,
    killed,
    pass_time,
    raising,
    run_and_close,
    runner,
    sent,
)
from tests.workers.processes import eventually
from workers import external
from workers.failures import NotNow

pytestmark = pytest.mark.long


def test_whoever_dies_with_it_leaves_it_to_the_next_once_its_time_is_over(
    database: Database, holder: Holder, outside: Outside
) -> None:
    """It may have been done, so it is not begun at once; it may not, so it is begun."""
    task = sent(database, 7)
    actor = outside.actor()
    die_recording(database, outside, actor, task)
    assert rows(database, f"{LEFT} BETWEEN 18 AND 20, begun_until = due_at FROM task") == [("SENT", 1, True, True)]
    runner(database, actor).run(task)
    assert outside.done == 1
    assert claimed(database) == []
    pass_time(database)
    assert claimed(database) == [task]
    runner(database, actor).run(task)
    assert (outside.done, holder.effects()) == (2, [77])
    assert rows(database, STATE) == [("DONE", 1, None)]


@pytest.mark.parametrize("begun_max", [1, 3])
def test_it_is_begun_so_often_and_then_given_up(database: Database, outside: Outside, begun_max: int) -> None:
    """What kills its worker each time would be done for ever. 1 is at most once: for what must not be done twice."""
    task = sent(database, 7)
    actor = outside.actor(begun_max)
    for _ in range(begun_max):
        die_recording(database, outside, actor, task)
        pass_time(database)
        assert claimed(database) == [task]
    with capture_logs() as logged:
        runner(database, actor).run(task)
    assert outside.done == begun_max
    assert outside.given_up == ["OutcomeUnknown"]
    assert rows(database, STATE) == [("FAILED", 1, "OutcomeUnknown")]
    assert [line["event"] for line in logged] == ["task given up"]


def test_a_row_that_somebody_holds_is_no_reason_to_do_it_again(
    database: Database, database_url: str, holder: Holder, outside: Outside
) -> None:
    """It is done: what is left is to say so, and that is tried for as long as nobody else may begin."""
    task = sent(database, 7)
    with psycopg.connect(database_url) as somebody:

        def hold() -> None:
            somebody.execute("SELECT FROM task FOR UPDATE")

        outside.act = hold
        worker = Thread(target=run_and_close, args=(database, outside.actor(), task))
        worker.start()
        eventually(lambda: outside.done)
        time.sleep(2.5)  # longer than a connection of ours waits for a row
        assert figure(database, "SELECT state FROM task") == "SENT"
    worker.join()
    assert (outside.done, holder.effects()) == (1, [77])
    assert rows(database, STATE) == [("DONE", 1, None)]


def test_a_connection_lost_while_it_was_done_is_no_reason_to_do_it_again(
    database: Database, holder: Holder, outside: Outside
) -> None:
    """The database was restarted meanwhile."""
    task = sent(database, 7)
    outside.act = holder.end_others
    runner(database, outside.actor()).run(task)
    assert (outside.done, holder.effects()) == (1, [77])
    assert rows(database, STATE) == [("DONE", 1, None)]


def test_what_cannot_be_recorded_is_said_and_left_until_its_time_is_over(
    database: Database, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours: it must not make us do it again and again, and somebody must hear of it."""
    monkeypatch.setattr(external, "RECORD_LIMIT_S", -9.5)
    task = sent(database, 7)
    outside.before_record = raising(ValueError("alice@example.com"))
    with capture_logs() as logged:
        runner(database, outside.actor()).run(task)
    assert [(line["event"], line["task"], line["error"]) for line in logged] == [
        ("done, and not recorded", task, "ValueError")
    ]
    assert "alice" not in str(logged)
    assert outside.done == 1
    assert rows(database, "SELECT state, attempts, begun, last_error FROM task") == [("SENT", 1, 1, None)]


@pytest.mark.parametrize("late", [ValueError(), NotNow(timedelta(0))])
def test_who_comes_back_late_does_not_disturb_who_has_begun_since(
    database: Database, holder: Holder, outside: Outside, late: Exception
) -> None:
    """A process that slept for a minute: its failure is not that of the one who is at it now."""
    task = sent(database, 7)

    def sleep_while_another_begins() -> None:
        outside.act = raising(Killed())
        pass_time(database)
        killed(lambda: runner(database, outside.actor()).run(task))
        raise late

    outside.act = sleep_while_another_begins
    runner(database, outside.actor()).run(task)
    assert rows(database, "SELECT state, last_error, begun, begun_until > now() FROM task") == [("SENT", None, 2, True)]


def test_who_comes_back_late_records_what_he_did_once(database: Database, holder: Holder, outside: Outside) -> None:
    """It was done twice, for nobody knew; the record says it once."""
    task = sent(database, 7)

    def sleep_while_another_does_it() -> None:
        outside.act = lambda: None
        pass_time(database)
        runner(database, outside.actor()).run(task)

    outside.act = sleep_while_another_does_it
    runner(database, outside.actor()).run(task)
    assert (outside.done, holder.effects()) == (2, [77])
