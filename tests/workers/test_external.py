"""Tasks whose effect is outside the database: done, then recorded; by one at a time, whoever dies in between."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from storage.engine.database import Database, connection
from storage.engine.unit import Unit, transaction
from storage.tasks.commands import claim, plan
from tests.workers.acting import Holder, figure, make_due, rows
from tests.workers.processes import eventually
from workers import external
from workers.external import ExternalActor, ExternalRunner
from workers.failures import NotNow, Permanent, Refused
from workers.limits import RECORD_LIMIT_S, SEND_AGAIN_AFTER, STOP_LIMIT_S
from workers.outage import Outage

LATER = timedelta(hours=1)


class Killed(BaseException):
    """The process is killed here: nothing after it happens."""


class Outside:
    """What is outside the database. `act` is called by each who does something there; then it counts as done."""

    def __init__(self) -> None:
        self.done = 0
        self.act: Callable[[], None] = lambda: None
        self.before_record: Callable[[], None] = lambda: None
        self.given_up: list[str] = []
        self.deadlines: list[float] = []

    def actor(self, begun_max: int = 3) -> ExternalActor[int, int]:
        """Acts here, and records what came of it as an effect."""
        return ExternalActor(
            name="ask",
            queue="test",
            load=lambda unit, args: args["number"] or None,
            act=self._act,
            record=self._record,
            act_limit_s=10.0,
            begun_max=begun_max,
            attempts_max=3,
            retry_min=LATER,
            retry_max=LATER,
            given_up=lambda unit, args, error: self.given_up.append(error),
        )

    def _act(self, loaded: int, deadline: float) -> int:
        self.deadlines.append(deadline)
        self.act()
        self.done += 1
        return loaded * 10

    def _record(self, unit: Unit, args: Mapping[str, Any], loaded: int, done: int) -> None:
        self.before_record()
        unit.connection.execute("INSERT INTO effect VALUES (%s)", (loaded + done,))


@pytest.fixture
def outside(holder: Holder) -> Outside:
    """Where nothing is done yet."""
    return Outside()


def test_it_is_done_and_then_recorded(database: Database, holder: Holder, outside: Outside) -> None:
    """The record knows what was loaded and what came of it, and marks the task done. Again, nothing happens."""
    task = _sent(database, 7)
    for _ in range(2):
        _runner(database, outside.actor()).run(task)
    assert outside.done == 1
    assert holder.effects() == [77]
    assert rows(database, _STATE) == [("DONE", 1, None)]


def test_no_transaction_is_open_while_it_is_done(database: Database, outside: Outside) -> None:
    """A server outside may take its time: rows and the database's memory of old rows must not wait for it."""
    task = _sent(database, 7)
    states = []

    def look() -> None:
        with connection(database) as books:
            states.append(books.info.transaction_status)

    outside.act = look
    _runner(database, outside.actor()).run(task)
    assert states == [psycopg.pq.TransactionStatus.IDLE]


def test_what_is_not_to_be_done_any_more_is_over(database: Database, outside: Outside) -> None:
    """What the task was about has ended meanwhile."""
    task = _sent(database, 0)
    _runner(database, outside.actor()).run(task)
    assert outside.done == 0
    assert rows(database, _STATE) == [("DONE", 1, None)]


def test_who_is_sent_it_meanwhile_goes_home(database: Database, holder: Holder, outside: Outside) -> None:
    """Brokers deliver twice, and the relay sends again: two would do it twice at once."""
    task = _sent(database, 7)
    is_inside, may_end = Event(), Event()

    def wait() -> None:
        is_inside.set()
        may_end.wait()

    outside.act = wait
    first = Thread(target=_run_and_close, args=(database, outside.actor(), task))
    first.start()
    is_inside.wait()
    for _ in range(3):
        make_due(database)
        assert _claimed(database) == [task]
        _runner(database, outside.actor()).run(task)
    assert len(outside.deadlines) == 1
    may_end.set()
    first.join()
    assert (outside.done, holder.effects()) == (1, [77])
    assert rows(database, _STATE) == [("DONE", 1, None)]


def test_whoever_dies_with_it_leaves_it_to_the_next_once_its_time_is_over(
    database: Database, holder: Holder, outside: Outside
) -> None:
    """It may have been done, so it is not begun at once; it may not, so it is begun."""
    task = _sent(database, 7)
    actor = outside.actor()
    _die_recording(database, outside, actor, task)
    assert rows(database, f"{_LEFT} BETWEEN 18 AND 20, begun_until = due_at FROM task") == [("SENT", 1, True, True)]
    _runner(database, actor).run(task)
    assert outside.done == 1
    assert _claimed(database) == []
    _pass_time(database)
    assert _claimed(database) == [task]
    _runner(database, actor).run(task)
    assert (outside.done, holder.effects()) == (2, [77])
    assert rows(database, _STATE) == [("DONE", 1, None)]


@pytest.mark.parametrize("begun_max", [1, 3])
def test_it_is_begun_so_often_and_then_given_up(database: Database, outside: Outside, begun_max: int) -> None:
    """What kills its worker each time would be done for ever. 1 is at most once: for what must not be done twice."""
    task = _sent(database, 7)
    actor = outside.actor(begun_max)
    for _ in range(begun_max):
        _die_recording(database, outside, actor, task)
        _pass_time(database)
        assert _claimed(database) == [task]
    with capture_logs() as logged:
        _runner(database, actor).run(task)
    assert outside.done == begun_max
    assert outside.given_up == ["OutcomeUnknown"]
    assert rows(database, _STATE) == [("FAILED", 1, "OutcomeUnknown")]
    assert [line["event"] for line in logged] == ["task given up"]


def test_what_may_help_is_tried_again_and_what_cannot_is_given_up(database: Database, outside: Outside) -> None:
    """A mailbox that is full is emptied; one that does not exist is never there. Of either the code is kept."""
    task = _sent(database, 7)
    for error, state, given_up in (
        (Refused(452), ("READY", 1, "Refused 452"), []),
        (ValueError("alice@example.com"), ("READY", 2, "ValueError"), []),
        (Permanent(550), ("FAILED", 3, "Permanent 550"), ["Permanent 550"]),
    ):
        outside.act = _raising(error)
        _runner(database, outside.actor()).run(task)
        assert rows(database, _STATE) == [state]
        assert outside.given_up == given_up
        make_due(database)
        assert _claimed(database) == ([] if given_up else [task])


def test_what_has_to_wait_for_somebody_else_waits_without_having_been_tried(
    database: Database, outside: Outside
) -> None:
    """The server outside is away for a day: no task may be given up for that."""
    task = _sent(database, 7)
    outside.act = _raising(NotNow(timedelta(minutes=10)))
    for _ in range(5):
        with capture_logs() as logged:
            _runner(database, outside.actor()).run(task)
        assert logged == []
        assert rows(database, f"{_LEFT} BETWEEN 590 AND 600, begun FROM task") == [("SENT", 1, True, 0)]
        make_due(database)
        assert _claimed(database) == [task]


def test_a_row_that_somebody_holds_is_no_reason_to_do_it_again(
    database: Database, database_url: str, holder: Holder, outside: Outside
) -> None:
    """It is done: what is left is to say so, and that is tried for as long as nobody else may begin."""
    task = _sent(database, 7)
    with psycopg.connect(database_url) as somebody:

        def hold() -> None:
            somebody.execute("SELECT FROM task FOR UPDATE")

        outside.act = hold
        worker = Thread(target=_run_and_close, args=(database, outside.actor(), task))
        worker.start()
        eventually(lambda: outside.done)
        time.sleep(2.5)  # longer than a connection of ours waits for a row
        assert figure(database, "SELECT state FROM task") == "SENT"
    worker.join()
    assert (outside.done, holder.effects()) == (1, [77])
    assert rows(database, _STATE) == [("DONE", 1, None)]


def test_a_connection_lost_while_it_was_done_is_no_reason_to_do_it_again(
    database: Database, holder: Holder, outside: Outside
) -> None:
    """The database was restarted meanwhile."""
    task = _sent(database, 7)
    outside.act = holder.end_others
    _runner(database, outside.actor()).run(task)
    assert (outside.done, holder.effects()) == (1, [77])
    assert rows(database, _STATE) == [("DONE", 1, None)]


def test_what_cannot_be_recorded_is_said_and_left_until_its_time_is_over(
    database: Database, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours: it must not make us do it again and again, and somebody must hear of it."""
    monkeypatch.setattr(external, "RECORD_LIMIT_S", -9.5)
    task = _sent(database, 7)
    outside.before_record = _raising(ValueError("alice@example.com"))
    with capture_logs() as logged:
        _runner(database, outside.actor()).run(task)
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
    task = _sent(database, 7)

    def sleep_while_another_begins() -> None:
        outside.act = _raising(Killed())
        _pass_time(database)
        _killed(lambda: _runner(database, outside.actor()).run(task))
        raise late

    outside.act = sleep_while_another_begins
    _runner(database, outside.actor()).run(task)
    assert rows(database, "SELECT state, last_error, begun, begun_until > now() FROM task") == [("SENT", None, 2, True)]


def test_who_comes_back_late_records_what_he_did_once(database: Database, holder: Holder, outside: Outside) -> None:
    """It was done twice, for nobody knew; the record says it once."""
    task = _sent(database, 7)

    def sleep_while_another_does_it() -> None:
        outside.act = lambda: None
        _pass_time(database)
        _runner(database, outside.actor()).run(task)

    outside.act = sleep_while_another_does_it
    _runner(database, outside.actor()).run(task)
    assert (outside.done, holder.effects()) == (2, [77])


def test_its_deadline_is_before_anybody_else_may_begin(database: Database, outside: Outside) -> None:
    """The client ends by itself, so that two are never at it."""
    task = _sent(database, 7)
    before = time.monotonic()
    ours = []
    left = "SELECT extract(epoch FROM begun_until - clock_timestamp()) FROM task"
    outside.act = lambda: ours.append(figure(database, left))
    _runner(database, outside.actor()).run(task)
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


_STATE = "SELECT state, attempts, last_error FROM task"
_LEFT = "SELECT state, attempts, extract(epoch FROM due_at - now())"


def _die_recording(database: Database, outside: Outside, actor: ExternalActor[int, int], task: str) -> None:
    outside.before_record = _raising(Killed())
    _killed(lambda: _runner(database, actor).run(task))
    outside.before_record = lambda: None


def _killed(work: Callable[[], None]) -> None:
    with pytest.raises(Killed):
        work()


def _raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def _pass_time(database: Database) -> None:
    rows(database, "UPDATE task SET begun_until = now(), due_at = now() RETURNING id")


def _sent(database: Database, number: int) -> str:
    with transaction(database) as unit:
        plan(unit, "ask", "test", {"number": number}, "ask")
    return _claimed(database)[0]


def _claimed(database: Database) -> list[str]:
    with transaction(database) as unit:
        return [task.id for task in claim(unit.connection, 10, LATER)]


def _runner(database: Database, actor: ExternalActor[int, int]) -> ExternalRunner:
    return ExternalRunner(actor, database, Event(), Outage("database"))


def _run_and_close(database: Database, actor: ExternalActor[int, int], task: str) -> None:
    _runner(database, actor).run(task)
    database.close()
