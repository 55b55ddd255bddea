"""Clocks: several run, one acts, and what time makes due is done."""

from signal import SIGKILL, SIGTERM
from threading import Event, Thread

import psycopg

from storage.engine.database import Database
from storage.tasks.lease import CLOCK_LOCK, Lease
from tests.workers.acting import NOTE, figure, open_tasks, plan_tasks, rows
from tests.workers.members import advance, buy, create_program, enrol
from tests.workers.processes import Processes, eventually
from tests.workers.test_sweep import MONDAY, THURSDAY
from workers.actors import ACTORS
from workers.broker import Broker
from workers.clock import run
from workers.relay import Relay
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
    worker = Thread(target=run_worker, args=(database, messages, ACTORS, {"sweep"}, 2, stop))
    for thread in (clock, worker):
        thread.start()
    done = "SELECT count(DISTINCT actor) FROM task WHERE state = 'DONE' AND actor IN ('sweep_program', 'prune')"
    eventually(lambda: figure(database, done) == 2)
    stop.set()
    for thread in (clock, worker):
        thread.join()
    assert rows(database, "SELECT pending, active FROM account") == [(0, 100)]
    assert open_tasks(database) == 0


def test_activities_are_given_their_places_before_anybody_watches(database: Database, messages: Broker) -> None:
    """A stream that begins later starts at once; without a clock it would first have to place all of the log."""
    create_program(database, "coffee", MONDAY)
    stop = Event()
    clock = Thread(target=run, args=(database, Relay(database, messages), stop))
    clock.start()
    unplaced = "SELECT count(*) FROM activity WHERE id NOT IN (SELECT activity FROM activity_place)"
    eventually(lambda: figure(database, unplaced) == 0)
    create_program(database, "tea", MONDAY)
    eventually(lambda: figure(database, unplaced) == 0)
    stop.set()
    clock.join()


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
