"""Tasks whose effect is outside the database: done by one at a time, then recorded; tried again where that helps."""

import dataclasses
import time
from datetime import timedelta
from threading import Event, Thread

import psycopg
import pytest
from structlog.testing import capture_logs

from storage.engine.database import Database, connection
from tests.workers.acting import Holder, figure, make_due, rows
from tests.workers.outside import (
    LEFT,
    STATE,
    Outside,
    claimed,
    raising,
    run_and_close,
    runner,
    sent,
)
from workers import external
from workers.failures import NotNow, Permanent, Refused
from workers.limits import RECORD_LIMIT_S, SEND_AGAIN_AFTER, STOP_LIMIT_S


def test_it_is_done_and_then_recorded(database: Database, holder: Holder, outside: Outside) -> None:
    """The record knows what was loaded and what came of it, and marks the task done. Again, nothing happens."""
    task = sent(database, 7)
    for _ in range(2):
        runner(database, outside.actor()).run(task)
    assert outside.done == 1
    assert holder.effects() == [77]
    assert rows(database, STATE) == [("DONE", 1, None)]


def test_no_transaction_is_open_while_it_is_done(database: Database, outside: Outside) -> None:
    """A server outside may take its time: rows and the database's memory of old rows must not wait for it."""
    task = sent(database, 7)
    states = []

    def look() -> None:
        with connection(database) as books:
            states.append(books.info.transaction_status)

    outside.act = look
    runner(database, outside.actor()).run(task)
    assert states == [psycopg.pq.TransactionStatus.IDLE]


def test_what_is_not_to_be_done_any_more_is_over(database: Database, outside: Outside) -> None:
    """What the task was about has ended meanwhile."""
    task = sent(database, 0)
    runner(database, outside.actor()).run(task)
    assert outside.done == 0
    assert rows(database, STATE) == [("DONE", 1, None)]


def test_who_is_sent_it_meanwhile_goes_home(database: Database, holder: Holder, outside: Outside) -> None:
    """Brokers deliver twice, and the relay sends again: two would do it twice at once."""
    task = sent(database, 7)
    is_inside, may_end = Event(), Event()

    def wait() -> None:
        is_inside.set()
        may_end.wait()

    outside.act = wait
    first = Thread(target=run_and_close, args=(database, outside.actor(), task))
    first.start()
    is_inside.wait()
    for _ in range(3):
        make_due(database)
        assert claimed(database) == [task]
        runner(database, outside.actor()).run(task)
    assert len(outside.deadlines) == 1
    may_end.set()
    first.join()
    assert (outside.done, holder.effects()) == (1, [77])
    assert rows(database, STATE) == [("DONE", 1, None)]


def test_what_may_help_is_tried_again_and_what_cannot_is_given_up(database: Database, outside: Outside) -> None:
    """A mailbox that is full is emptied; one that does not exist is never there. Of either the code is kept."""
    task = sent(database, 7)
    for error, state, given_up in (
        (Refused(452), ("READY", 1, "Refused 452"), []),
        (ValueError("alice@example.com"), ("READY", 2, "ValueError"), []),
        (Permanent(550), ("FAILED", 3, "Permanent 550"), ["Permanent 550"]),
    ):
        outside.act = raising(error)
        runner(database, outside.actor()).run(task)
        assert rows(database, STATE) == [state]
        assert outside.given_up == given_up
        make_due(database)
        assert claimed(database) == ([] if given_up else [task])


def test_what_has_to_wait_for_somebody_else_waits_without_having_been_tried(
    database: Database, outside: Outside
) -> None:
    """The server outside is away for a day: no task may be given up for that."""
    task = sent(database, 7)
    outside.act = raising(NotNow(timedelta(minutes=10)))
    for _ in range(5):
        with capture_logs() as logged:
            runner(database, outside.actor()).run(task)
        assert logged == []
        assert rows(database, f"{LEFT} BETWEEN 590 AND 600, begun FROM task") == [("SENT", 1, True, 0)]
        make_due(database)
        assert claimed(database) == [task]


def test_its_deadline_is_before_anybody_else_may_begin(database: Database, outside: Outside) -> None:
    """The client ends by itself, so that two are never at it."""
    task = sent(database, 7)
    before = time.monotonic()
    ours = []
    left = "SELECT extract(epoch FROM begun_until - clock_timestamp()) FROM task"
    outside.act = lambda: ours.append(figure(database, left))
    runner(database, outside.actor()).run(task)
    [deadline] = outside.deadlines
    assert before + 10 <= deadline
    assert deadline < time.monotonic() + float(ours[0])


def test_a_limit_that_nobody_would_wait_for_is_refused(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stop of a worker would cut it off, and leave what nobody knows of; the relay would send it in between."""
    with pytest.raises(ValueError, match="ask may take"):
        dataclasses.replace(outside.actor(), act_limit_s=STOP_LIMIT_S)
    monkeypatch.setattr(external, "STOP_LIMIT_S", 100.0)
    with pytest.raises(ValueError, match="ask may take"):
        dataclasses.replace(outside.actor(), act_limit_s=SEND_AGAIN_AFTER.total_seconds() - RECORD_LIMIT_S)
