"""Sweeps: what is due by each program's own clock, no more and no less, wherever they are stopped."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from signal import SIGKILL
from threading import Event
from unittest.mock import ANY

import pytest
from psycopg.errors import CheckViolation
from structlog.testing import capture_logs

from storage.engine.database import Database, StorageUnavailable, TooSlow, connection
from storage.engine.unit import transaction
from storage.ledger import sweep as sweeping
from storage.ledger.sweep import Swept, programs_with_due, set_aside, sweep
from storage.ledger.verify import verify
from storage.tasks.commands import claim, plan
from tests.databases import by_owner
from tests.workers.acting import SWEEP_BATCH, SWEEP_SLOWLY, Holder, figure, open_tasks, rows
from tests.workers.customers import advance, assert_verified, buy, create_program, enrol
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
# Its lot has a hundred.
TOO_FEW = "UPDATE account SET pending = 0 WHERE id = {x}"


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


@pytest.mark.parametrize(
    ("impossible", "error"),
    [
        (TOO_FEW, "CheckViolation"),
        ("INSERT INTO entry SELECT {x}, 1, program, 'SPEND', -1, 0, 0, 0, now(), now(), NULL, NULL, NULL, activity"
         " FROM lot WHERE account = {x}", "UniqueViolation"),
        ("UPDATE lot SET slides = true, settings_version = 99 WHERE account = {x}", "AssertionError"),
    ],
)  # fmt: skip
def test_an_account_that_cannot_be_settled_is_set_aside_and_the_others_are_settled(
    database: Database, impossible: str, error: str
) -> None:
    """One whose books are impossible must not keep the points of a million others from becoming active."""
    program, account = _one_of_ten(database, impossible)
    with capture_logs() as logged:
        _run_sweeps(database)
    assert rows(database, "SELECT id FROM account WHERE active <> 100") == [(account,)]
    assert _set_aside(database) == [(account, program, error, 1)]
    [line] = logged
    assert (line["event"], line["account"], line["program"], line["error"]) == (
        "account set aside",
        account,
        program,
        error,
    )
    assert "ann" not in str(logged)
    assert _due(database) == []


def test_an_account_set_aside_is_tried_again_ever_more_seldom(database: Database) -> None:
    """A thousand of them must be no load, and a mended one not wait for a person."""
    program, account = _one_of_ten(database, TOO_FEW)
    _run_sweeps(database)
    pauses = []
    for _ in range(8):
        pauses.append(figure(database, _PAUSE_MINUTES))
        _let_pause_pass(database)
        assert _due(database) == [program]
        assert _swept(database, program) == Swept(1, {account: ANY})
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert _set_aside(database) == [(account, program, "CheckViolation", 9)]


def test_what_falls_due_beside_an_account_set_aside_is_settled(database: Database) -> None:
    """Both in one sweep: the old fault, tried again, and points that are a fault of nobody."""
    program, account = _one_of_ten(database, TOO_FEW)
    _run_sweeps(database)
    buy(database, "coffee", ["customer-1", "customer-2"], 5)
    advance(database, "coffee", EXPIRY)
    _let_pause_pass(database)
    _run_sweeps(database)
    assert rows(database, "SELECT DISTINCT expired FROM account ORDER BY 1") == [(0,), (100,)]
    assert _set_aside(database) == [(account, program, "CheckViolation", 2)]


def test_an_account_that_was_mended_is_set_aside_no_more(database: Database) -> None:
    """Whoever mended it, or brought the version that can settle it, has nothing else to do."""
    program, account = _one_of_ten(database, TOO_FEW)
    _run_sweeps(database)
    rows(database, f"UPDATE account SET pending = 100 WHERE id = {account} RETURNING id")
    _let_pause_pass(database)
    assert _swept(database, program) == Swept(1, {})
    assert rows(database, "SELECT DISTINCT active FROM account") == [(100,)]
    assert figure(database, "SELECT count(*) FROM set_aside") == 0
    _assert_verified(database)


def test_an_account_that_a_caller_settled_meanwhile_is_set_aside_no_more(database: Database) -> None:
    """Callers settle before they write, set aside or not: a pause is for sweeps."""
    program, account = _one_of_ten(database, TOO_FEW)
    _run_sweeps(database)
    rows(database, f"UPDATE account SET pending = 100 WHERE id = {account} RETURNING id")
    buy(database, "coffee", ["ann"], 5)
    assert _set_aside(database) == []
    assert _swept(database, program) == Swept(0, {})
    assert figure(database, "SELECT count(*) FROM set_aside") == 0


def test_a_caller_of_an_account_set_aside_hears_of_it(database: Database) -> None:
    """It cannot be settled for anybody; what is asked of it fails, and alone."""
    _one_of_ten(database, TOO_FEW)
    _run_sweeps(database)
    with pytest.raises(CheckViolation):
        buy(database, "coffee", ["ann"], 5)
    buy(database, "coffee", ["customer-1"], 5)


def test_an_account_that_takes_too_long_is_set_aside_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would keep its batch locked for half a minute, and the others' points from becoming active."""
    monkeypatch.setattr(sweeping, "STATEMENT_LIMIT_MS", 100)
    program, account = _one_of_ten(database, _SLOW.format(when="WHEN (NEW.account = {x})"))
    assert _swept(database, program) == Swept(10, {account: ANY})
    assert rows(database, "SELECT id FROM account WHERE active <> 100") == [(account,)]
    assert _set_aside(database) == [(account, program, "QueryCanceled", 1)]


def test_books_that_take_too_long_for_everybody_set_nobody_aside(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that stalls is no account's fault; looking for one must end, and the rows be given free."""
    monkeypatch.setattr(sweeping, "STATEMENT_LIMIT_MS", 100)
    monkeypatch.setattr(sweeping, "HALVING_LIMIT_S", 0.2)
    program, _ = _one_of_ten(database, _SLOW.format(when=""))
    with pytest.raises(TooSlow):
        _swept(database, program)
    assert _set_aside(database) == []


def test_a_database_that_goes_away_in_a_sweep_sets_nobody_aside(database: Database, holder: Holder) -> None:
    """It is no account's fault, and the next sweep settles them all."""
    program, _ = _one_of_ten(database, "SELECT {x}")
    with pytest.raises(StorageUnavailable):
        _swept(database, program, before=holder.end_others)
    assert figure(database, "SELECT count(*) FROM set_aside") == 0
    assert _swept(database, program) == Swept(10, {})


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


def _one_of_ten(database: Database, impossible: str) -> tuple[int, int]:
    """Ten accounts fell due; that of the sixth customer, ann, became impossible. Its program and it."""
    program = create_program(database, "coffee", MONDAY)
    customers = [f"customer-{number}" for number in range(9)]
    customers.insert(5, "ann")
    enrol(database, "coffee", customers)
    buy(database, "coffee", customers, 100)
    account = figure(database, _ANN)
    by_owner(database.database, impossible.format(x=account))
    advance(database, "coffee", THURSDAY)
    return program, account


def _swept(database: Database, program: int, before: Callable[[], None] = lambda: None) -> Swept:
    with transaction(database) as unit:
        before()
        return sweep(unit, program, 10)


def _let_pause_pass(database: Database) -> None:
    with connection(database) as books:
        books.execute("UPDATE set_aside SET retry_at = now()")


def _set_aside(database: Database) -> list[tuple[int, int, str, int]]:
    with connection(database) as books:
        return [(one.account, one.program, one.error, one.tries) for one in set_aside(books)]


def _due(database: Database) -> list[int]:
    with connection(database) as books:
        return programs_with_due(books)


def _standing(database: Database, program_id: str, customer_id: str) -> tuple[int, int, int]:
    with connection(database) as books:
        found = books.execute(_STANDING, (program_id, customer_id)).fetchone()
    assert found is not None
    return found


def _assert_verified(database: Database) -> None:
    with connection(database) as books:
        verdict = verify(books)
    assert verdict.holds, verdict.shown


_SLOW = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(10); RETURN NEW; END $$;
CREATE TRIGGER dawdle BEFORE INSERT ON entry FOR EACH ROW {when} EXECUTE FUNCTION dawdle();
"""

_ANN = "SELECT a.id FROM account a JOIN customer c ON c.id = a.customer WHERE c.customer_id = 'ann'"

_PAUSE_MINUTES = "SELECT round(extract(epoch FROM retry_at - clock_timestamp()) / 60) FROM set_aside"

_STANDING = """
SELECT pending, active, expired FROM account a
JOIN customer c ON c.id = a.customer JOIN program p ON p.id = a.program
WHERE p.program_id = %s AND c.customer_id = %s
"""
