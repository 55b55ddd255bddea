"""ProgramCache: several run, one acts, and what time makes due is done."""

from collections.abc import MutableMapping, Sequence
from datetime import datetime, timedelta
from signal import SIGKILL, SIGTERM
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr, ValidationError
from structlog.testing import capture_logs

from rules.passes.content import Amount
from rules.words import wanted
from storage.activity import pages
from storage.activity.filters import Filter
from storage.activity.look import Search
from storage.engine.database import Database, connection
from storage.engine.unit import transaction
from storage.tasks.commands import plan_sweep
from storage.tasks.lease import CLOCK_LOCK, LOCK_TIMEOUT_MS, Lease
from tests.databases import by_owner
from tests.storage.passes.carrying import card, issue, phone, pushes, template, values
from tests.storage.scene import CALLER, Scene
from tests.workers.acting import NOTE, figure, plan_tasks, rows
from tests.workers.customers import advance, buy, create_program, enrol
from tests.workers.processes import Processes, eventually
from tests.workers.test_sweep import MONDAY, THURSDAY
from workers.actors import build
from workers.actors.passes.refresh import REFRESH
from workers.broker import Broker
from workers.clock import Clock, run
from workers.relay import Relay
from workers.settings import WorkerSettings
from workers.worker import run as run_worker


def test_of_two_clocks_one_acts_and_the_other_takes_over_when_it_is_killed(
    database: Database, messages: Broker, processes: Processes
) -> None:
    """Two would do everything twice; none would leave everything undone."""
    clocks = {name: processes.clock(name) for name in ("one", "two")}
    eventually(lambda: _leader(database))
    first = _leader(database)
    _plan_and_await(database, range(100))
    assert _senders(messages) == 1
    clocks[first].send_signal(SIGKILL)
    clocks.pop(first).wait()
    eventually(lambda: _leader(database) in clocks)
    _plan_and_await(database, range(100, 200))
    assert _senders(messages) == 2
    assert figure(database, "SELECT max(attempts) FROM task WHERE actor = 'note'") == 1


def test_two_signals_end_a_clock_cleanly(processes: Processes) -> None:
    """Supervisors send the signal to the group and to the process."""
    clock = processes.clock("one")
    for _ in range(2):
        clock.send_signal(SIGTERM)
    assert clock.wait() == 0


def test_a_clock_that_loses_its_connection_takes_the_lease_anew(
    database: Database, database_url: str, messages: Broker
) -> None:
    """The database may restart; a clock that then thinks it still leads would be the second that acts."""
    stop = Event()
    clock = Thread(target=run, args=(database, Relay(database, messages), stop))
    clock.start()
    eventually(lambda: _holder(database))
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (_holder(database),))
    _plan_and_await(database, range(10))
    assert _holder(database)
    stop.set()
    clock.join()
    # PostgreSQL notices a moment later that the connection is closed.
    eventually(lambda: _holder(database) is None)


def test_a_lease_is_one_connection_s(database: Database) -> None:
    """Whoever holds it keeps it, however often it asks; another gets it when that connection ends."""
    mine, theirs = Lease(database), Lease(database)
    found: list[bool] = []

    def ask() -> None:
        found.append(theirs.held())
        database.close()

    assert mine.held()
    assert mine.held()
    for _ in range(2):
        other = Thread(target=ask)
        other.start()
        other.join()
        database.close()
    assert found == [False, True]


def test_what_falls_due_is_swept_and_old_rows_are_pruned_by_themselves(database: Database, messages: Broker) -> None:
    """Nobody asks for it: a clock and a worker are all it takes."""
    create_program(database, "coffee", MONDAY)
    enrol(database, "coffee", ["ann"])
    buy(database, "coffee", ["ann"], 100)
    advance(database, "coffee", THURSDAY)
    rows(database, "DELETE FROM task RETURNING id")
    stop = Event()
    clock = Thread(target=run, args=(database, Relay(database, messages), stop))
    actors = build(WorkerSettings(redis_url=SecretStr("unused")))
    worker = Thread(target=run_worker, args=(database, messages, actors, {"sweep"}, 2, stop))
    for thread in (clock, worker):
        thread.start()
    done = "SELECT count(DISTINCT actor) FROM task WHERE state = 'DONE' AND actor IN ('sweep_program', 'prune')"
    # A clock plans retention, too; and for the night what is done every night.
    left = "SELECT count(*) FROM task WHERE state IN ('READY', 'SENT') AND first_due_at <= now()"
    eventually(lambda: figure(database, done) == 2 and figure(database, left) == 0)
    stop.set()
    for thread in (clock, worker):
        thread.join()
    assert rows(database, "SELECT pending, active FROM account") == [(0, 100)]
    assert figure(database, left) == 0


def test_what_is_recorded_gets_a_position_and_is_counted_by_itself(database: Database, messages: Broker) -> None:
    """Whoever asks how much there was waits for no look through the log."""
    create_program(database, "coffee", MONDAY)
    enrol(database, "coffee", ["ann"])
    stop = Event()
    clock = Thread(target=run, args=(database, Relay(database, messages), stop))
    clock.start()
    counted = "SELECT sum(counts[96]) FROM activity_rollup WHERE program = 0 AND kind = 0"
    eventually(lambda: figure(database, counted) == figure(database, "SELECT count(*) FROM activity"))
    enrol(database, "coffee", ["ben"])
    eventually(lambda: figure(database, counted) == figure(database, "SELECT count(*) FROM activity"))
    stop.set()
    clock.join()


@pytest.mark.parametrize("held", ["planned", "ended", "locked"])
def test_a_sweep_that_hangs_keeps_no_other_program_s_from_being_planned_and_no_task_from_being_sent(
    database: Database, database_url: str, messages: Broker, held: str
) -> None:
    """A transaction that planned or ended it does not end itself: its key is taken for as long as that lasts."""
    hanging, other = (_due_program(database, name) for name in ("hanging", "other"))
    rows(database, "DELETE FROM task RETURNING id")
    plan_tasks(database, NOTE)
    with psycopg.connect(database_url) as stuck:
        if held != "planned":
            with transaction(database) as unit:
                plan_sweep(unit, hanging)
        stuck.execute(_HOLD[held].encode(), {"program": hanging})
        for _ in range(2):
            Clock(database, Relay(database, messages)).look()
        assert figure(database, f"SELECT count(*) FROM task WHERE program = {other}") == 1
        assert figure(database, "SELECT state FROM task WHERE actor = 'note'") == "SENT"
        stuck.rollback()
    Clock(database, Relay(database, messages)).look()
    assert figure(database, "SELECT count(*) FROM task WHERE actor = 'sweep_program'") == 2


@pytest.mark.parametrize(
    ("table", "duties"),
    [("activity_placed", {"assign positions", "count"}), ("set_aside", {"plan sweeps"})],
    ids=["activity_placed", "set_aside"],
)
def test_a_duty_that_fails_keeps_the_clock_from_no_other(
    database: Database, database_url: str, messages: Broker, table: str, duties: set[str]
) -> None:
    """Nothing that one part of the books cannot do is a reason to send no tasks; and the log says it once."""
    clock = Clock(database, Relay(database, messages))
    by_owner(database_url, f"ALTER TABLE {table} RENAME TO gone")
    with capture_logs() as logged:
        eventually(lambda: (clock.look(), figure(database, _PRUNES) == 1)[1])
        for number in range(3):
            plan_tasks(database, NOTE, range(number, number + 1))
            eventually(lambda: (clock.look(), figure(database, _UNSENT) == 0)[1])
        by_owner(database_url, f"ALTER TABLE gone RENAME TO {table}")
        eventually(lambda: (clock.look(), all("duty done again" in _said(logged, one) for one in duties))[1])
    # What is taken and counted of the log goes by its positions.
    also = {"take words", "count", "mark passes"}
    assert all(_said(logged, one) == ["duty failed", "duty done again"] for one in duties)
    assert {line["duty"] for line in logged if "duty" in line} <= {*duties, *also}


def _said(logged: Sequence[MutableMapping[str, Any]], duty: str) -> list[str]:
    return [line["event"] for line in logged if line.get("duty") == duty]


def test_a_clock_waits_for_no_row(database: Database, messages: Broker) -> None:
    """What it may not have now, it looks for again in a moment; meanwhile it has other things to do."""
    clock = Clock(database, Relay(database, messages))
    clock.look()
    assert figure(database, "SHOW lock_timeout") == f"{LOCK_TIMEOUT_MS}ms"


def test_activities_are_given_their_positions_before_anybody_watches(database: Database, messages: Broker) -> None:
    """A stream that begins later starts at once; without a clock it would first have to number all of the log."""
    create_program(database, "coffee", MONDAY)
    stop = Event()
    clock = Thread(target=run, args=(database, Relay(database, messages), stop))
    clock.start()
    without = "SELECT count(*) FROM activity WHERE id NOT IN (SELECT activity FROM activity_place)"
    eventually(lambda: figure(database, without) == 0)
    create_program(database, "tea", MONDAY)
    eventually(lambda: figure(database, without) == 0)
    stop.set()
    clock.join()


def test_activities_are_found_by_their_words_soon_after_they_are_recorded(database: Database, messages: Broker) -> None:
    """By themselves; and what is complete by when goes on where nothing happens."""
    create_program(database, "coffee", MONDAY)
    stop = Event()
    clock = Thread(target=run, args=(database, Relay(database, messages), stop))
    clock.start()
    found = Search(filters=[Filter(text=wanted("coffee"))])

    def complete_at() -> datetime | None:
        with connection(database) as books:
            page = pages.page(books, found, CALLER, None, 10, 1_000)
        return page.complete_at if page.activities else None

    eventually(lambda: complete_at() is not None)
    first = complete_at()
    assert first is not None
    eventually(lambda: (complete_at() or first) > first)
    stop.set()
    clock.join()


def _due_program(database: Database, name: str) -> int:
    """One in which something is due."""
    program = create_program(database, name, MONDAY)
    enrol(database, name, ["ann"])
    buy(database, name, ["ann"], 100)
    advance(database, name, THURSDAY)
    return program


def _leader(database: Database) -> str:
    """The name of the clock that has the lease, or nothing."""
    found = rows(database, f"SELECT application_name FROM pg_stat_activity WHERE pid IN ({_HOLDER})")
    return str(found[0][0]) if found else ""


def _holder(database: Database) -> int | None:
    found = rows(database, _HOLDER)
    return int(found[0][0]) if found else None


def _senders(messages: Broker) -> int:
    """How many have ever sent anything to this broker."""
    return int(messages.client.zcard("fealty:__heartbeats__"))


def _plan_and_await(database: Database, numbers: range) -> None:
    plan_tasks(database, NOTE, numbers)
    eventually(lambda: figure(database, "SELECT count(*) FROM task WHERE actor = 'note' AND state = 'READY'") == 0)


_HOLDER = f"""
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {CLOCK_LOCK} AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

_PRUNES = "SELECT count(*) FROM task WHERE actor = 'prune'"

_UNSENT = "SELECT count(*) FROM task WHERE actor = 'note' AND state = 'READY'"

_HOLD = {
    "planned": """
        INSERT INTO task (id, actor, queue, args, unique_key, state, due_at, created_at)
        SELECT gen_random_uuid(), 'sweep_program', 'sweep', '{}', 'sweep_program:' || %(program)s, 'READY', now(), now()
    """,
    "ended": "UPDATE task SET state = 'DONE', finished_at = now() WHERE program = %(program)s",
    "locked": "SELECT FROM task WHERE program = %(program)s FOR UPDATE",
}


def test_a_change_of_a_pass_is_told_by_clock_and_worker_alone(database: Database, messages: Broker) -> None:
    """From the record of a purchase to the planned push: nobody asks for anything."""
    scene = Scene(database)
    made = issue(scene, template(scene))
    phone(scene, made)
    scene.earn(100)
    stop = Event()
    clock = Thread(target=run, args=(database, Relay(database, messages), stop))
    worker = Thread(target=run_worker, args=(database, messages, [REFRESH], ["passes"], 1, stop))
    for one in (clock, worker):
        one.start()
    eventually(lambda: pushes(scene) == [made])
    stop.set()
    for one in (clock, worker):
        one.join()
    assert values(card(scene, made))["points"] == Amount(100)
    assert not card(scene, made).is_ahead


def test_an_operator_may_have_changes_of_passes_told_sooner_or_later(
    database: Database, messages: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FEALTY_PASS_WINDOW_S: a club whose tills are slow has more to tell together."""
    monkeypatch.setenv("FEALTY_PASS_WINDOW_S", "30")
    window = timedelta(seconds=WorkerSettings(redis_url=SecretStr("redis://nowhere")).pass_window_s)
    scene = Scene(database)
    issue(scene, template(scene))
    scene.earn(100)
    clock = Clock(database, Relay(database, messages), window)
    eventually(lambda: (clock.look(), figure(database, "SELECT count(*) FROM pass_mark"))[1])
    assert rows(database, "SELECT DISTINCT due_at - since FROM pass_mark") == [(window,)]
    monkeypatch.setenv("FEALTY_PASS_WINDOW_S", "61")
    with pytest.raises(ValidationError):
        WorkerSettings(redis_url=SecretStr("redis://nowhere"))
