"""Sweeps: what is due by each program's own clock, no more and no less, wherever they are stopped."""

from datetime import UTC, datetime, timedelta
from signal import SIGKILL
from threading import Event

from storage.engine.database import Database, connection
from storage.engine.unit import transaction
from storage.ledger.sweep import programs_with_due
from storage.tasks.commands import claim, plan
from tests.workers.acting import SWEEP_BATCH, SWEEP_SLOWLY, Holder, figure, open_tasks, rows
from tests.workers.members import advance, assert_verified, buy, create_program, enrol
from tests.workers.processes import Processes, eventually
from workers.actors.sweep import SWEEP_PROGRAM
from workers.broker import Broker
from workers.outage import Outage
from workers.relay import Relay
from workers.tasks import Runner

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
THURSDAY = datetime(2026, 3, 5, tzinfo=UTC)  # what was earned on Monday is active from here on
EXPIRY = datetime(2026, 4, 6, tzinfo=UTC)  # … and gone from here on
INSTANT = timedelta(microseconds=1)


def test_a_sweep_matures_and_expires_exactly_what_is_due_by_each_program_s_clock(database: Database) -> None:
    """A microsecond early is wrong, and another program's clock is none of ours."""
    for program in ("slow", "fast", "live"):
        create_program(database, program, None if program == "live" else MONDAY)
        enrol(database, program, ["ann", "ben"])
        buy(database, program, ["ann"], 100)
    _advance_and_sweep(database, "fast", THURSDAY - INSTANT)
    assert _standing(database, "fast", "ann") == (100, 0, 0)
    _advance_and_sweep(database, "fast", THURSDAY)
    assert _standing(database, "fast", "ann") == (0, 100, 0)
    buy(database, "fast", ["ann", "ben"], 7)
    _advance_and_sweep(database, "fast", EXPIRY - INSTANT)
    assert _standing(database, "fast", "ann") == (0, 107, 0)
    _advance_and_sweep(database, "fast", EXPIRY)
    assert _standing(database, "fast", "ann") == (0, 7, 100)
    assert _standing(database, "fast", "ben") == (0, 7, 0)
    for program in ("slow", "live"):
        assert _standing(database, program, "ann") == (100, 0, 0)
    kinds = rows(database, "SELECT kind, amount, occurred_at FROM entry ORDER BY account, seq")
    assert ("ACTIVATION", 100, THURSDAY) in kinds
    assert ("EXPIRY", -100, EXPIRY) in kinds
    assert len(kinds) == 4
    assert_verified(database)


def test_a_program_is_swept_only_when_something_in_it_is_due(database: Database) -> None:
    """The clock asks twice a second, and a task for each program each time would be all that workers do."""
    number = create_program(database, "coffee", MONDAY)
    enrol(database, "coffee", ["ann"])
    buy(database, "coffee", ["ann"], 100)
    assert _due(database) == []
    advance(database, "coffee", THURSDAY)
    assert _due(database) == [number]
    _run_sweeps(database)
    assert _due(database) == []


def test_what_falls_due_while_a_sweep_is_open_is_swept_by_the_next(database: Database) -> None:
    """The plan of the next is refused while this one is open: what is due must still be seen afterwards."""
    number = create_program(database, "coffee", MONDAY)
    enrol(database, "coffee", ["ann"])
    advance(database, "coffee", MONDAY)
    buy(database, "coffee", ["ann"], 100)
    advance(database, "coffee", THURSDAY)
    assert figure(database, "SELECT count(*) FROM task") == 1
    _run_sweeps(database)
    advance(database, "coffee", THURSDAY)
    buy(database, "coffee", ["ann"], 5)
    advance(database, "coffee", EXPIRY)
    assert _due(database) == [number]
    _run_sweeps(database)
    assert _standing(database, "coffee", "ann") == (0, 5, 100)


def test_a_sweep_killed_in_the_middle_leaves_whole_batches(
    database: Database, messages: Broker, processes: Processes, holder: Holder
) -> None:
    """An account is settled with its entries and its record, or not at all; and the rest is settled later."""
    customers = [f"customer-{number}" for number in range(45)]
    number = create_program(database, "coffee", MONDAY)
    enrol(database, "coffee", customers)
    buy(database, "coffee", customers, 10)
    advance(database, "coffee", EXPIRY)
    with transaction(database) as unit:
        unit.connection.execute("DELETE FROM task")
        plan(unit, SWEEP_SLOWLY.name, SWEEP_SLOWLY.queue, {"program": number}, "sweep")
    relay = Relay(database, messages, send_again_after=timedelta(milliseconds=500))
    holder.hold()
    killed = processes.worker()
    assert relay.send_due() == 1
    eventually(holder.held)
    killed.send_signal(SIGKILL)
    killed.wait()
    assert figure(database, "SELECT count(*) FROM account WHERE due_at IS NULL") == 2 * SWEEP_BATCH
    assert figure(database, "SELECT count(DISTINCT account) FROM entry") == 2 * SWEEP_BATCH
    assert_verified(database)
    holder.release()
    processes.worker()
    eventually(lambda: (relay.send_due(), open_tasks(database) == 0)[1])
    assert figure(database, "SELECT count(*) FROM account WHERE due_at IS NULL AND expired = 10") == 45
    assert figure(database, "SELECT count(*) FROM entry") == 2 * 45
    assert_verified(database)


def _advance_and_sweep(database: Database, program_id: str, to: datetime) -> None:
    advance(database, program_id, to)
    _run_sweeps(database)


def _run_sweeps(database: Database) -> None:
    with transaction(database) as unit:
        tasks = claim(unit.connection, 10, timedelta(hours=1))
    assert tasks
    for task in tasks:
        Runner(SWEEP_PROGRAM, database, Event(), Outage("database")).run(task.id)
    assert open_tasks(database) == 0


def _due(database: Database) -> list[int]:
    with connection(database) as books:
        return programs_with_due(books)


def _standing(database: Database, program_id: str, customer_id: str) -> tuple[int, int, int]:
    with connection(database) as books:
        found = books.execute(_STANDING, (program_id, customer_id)).fetchone()
    assert found is not None
    return found


_STANDING = """
SELECT pending, active, expired FROM account a
JOIN customer c ON c.id = a.customer JOIN program p ON p.id = a.program
WHERE p.program_id = %s AND c.customer_id = %s
"""
