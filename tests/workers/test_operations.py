"""Operations in the hands of workers: whoever is killed, each lot is redated once, and each operation ends."""

from datetime import UTC, datetime, timedelta
from signal import SIGKILL
from threading import Event

import psycopg

from storage.engine.commands import Reason, carry_out
from storage.engine.database import Database
from storage.engine.unit import transaction
from storage.ledger.redating.commands import RedateLots
from storage.ledger.redating.terms import Expiry, Terms
from storage.operations.commands import CancelOperation
from storage.operations.queries import Operation
from storage.tasks.commands import claim
from tests.workers.acting import OPERATION_SLOWLY, STEP_ACCOUNTS, Holder, figure, make_due, open_tasks, rows
from tests.workers.customers import asked, assert_verified, buy, create_program, enrol
from tests.workers.processes import Processes, eventually
from workers.actors.operations import give_up, operation
from workers.broker import Broker
from workers.codes import WorkerSeals
from workers.outage import Outage
from workers.relay import Relay
from workers.tasks import Actor, Runner

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
CUSTOMERS = [f"customer-{number}" for number in range(45)]
OPERATION = operation(WorkerSeals(None))
REDATED = "SELECT count(*) FROM lot WHERE expires_at IS NULL"


def test_a_worker_killed_in_the_middle_of_a_step_leaves_whole_steps_and_the_next_goes_on(
    database: Database, messages: Broker, processes: Processes, holder: Holder
) -> None:
    """Nothing twice and nothing left out: the sums that are reported are those of the lots."""
    _begin(database)
    with transaction(database) as unit:
        unit.connection.execute("UPDATE task SET actor = %s, queue = 'test'", (OPERATION_SLOWLY.name,))
    relay = Relay(database, messages, send_again_after=timedelta(milliseconds=500))
    holder.hold()
    killed = processes.worker()
    assert relay.send_due() == 1
    eventually(holder.held)
    killed.send_signal(SIGKILL)
    killed.wait()
    assert figure(database, REDATED) == 2 * STEP_ACCOUNTS
    assert rows(database, "SELECT state, accounts_done FROM operation") == [("RUNNING", 2 * STEP_ACCOUNTS)]
    assert_verified(database)
    holder.release()
    processes.worker()
    eventually(lambda: (relay.send_due(), open_tasks(database) == 0)[1])
    assert _ended(database) == [("SUCCEEDED", 45, {"lots": 45, "points": 450, "accounts": 45})]
    assert figure(database, REDATED) == 45
    assert figure(database, "SELECT count(*) FROM redating") == 45
    assert_verified(database)


def test_the_task_of_an_operation_is_done_when_it_has_ended(database: Database) -> None:
    """By the actor that workers really have; a cancelled one costs its task one look."""
    _begin(database)
    _work(database, OPERATION)
    assert _ended(database) == [("SUCCEEDED", 45, {"lots": 45, "points": 450, "accounts": 45})]
    assert rows(database, "SELECT state FROM task") == [("DONE",)]
    cancelled = _begin(database, "tea")
    carry_out(database, CancelOperation(cancelled.name, asked(Reason("MISTAKE"))))
    _work(database, OPERATION)
    assert rows(database, "SELECT DISTINCT state FROM task") == [("DONE",)]
    assert figure(database, "SELECT count(*) FROM redating") == 45


def test_an_operation_whose_task_is_given_up_has_failed(database: Database, holder: Holder) -> None:
    """It would otherwise seem to run for ever, and nobody would ask for it again."""
    _begin(database)
    failing = Actor(OPERATION.name, OPERATION.queue, _fail, 2, timedelta(hours=1), timedelta(hours=1), given_up=give_up)
    _work(database, failing)
    assert rows(database, "SELECT state FROM operation") == [("RUNNING",)]
    make_due(database)
    _work(database, failing)
    assert rows(database, "SELECT state, error FROM operation") == [("FAILED", "ValueError")]
    assert rows(database, "SELECT state, last_error FROM task") == [("FAILED", "ValueError")]
    assert figure(database, "SELECT count(*) FROM operation_account") == 0


def _fail(unit: object, args: object) -> bool:
    raise ValueError("the address alice@example.com is wrong")


def _begin(database: Database, program: str = "coffee") -> Operation:
    """A redating of all customers' lots, begun while somebody had their accounts in hand."""
    create_program(database, program, MONDAY)
    enrol(database, program, CUSTOMERS)
    buy(database, program, CUSTOMERS, 10)
    command = RedateLots(program, "", Terms("points", Expiry.NEVER), asked(Reason("GOODWILL")))
    with psycopg.connect(database.database) as somebody:
        somebody.execute("SELECT FROM account FOR UPDATE")
        return carry_out(database, command).value.operation


def _ended(database: Database) -> list[tuple[object, ...]]:
    return rows(database, "SELECT state, accounts_done, figures FROM operation ORDER BY created_at LIMIT 1")


def _work(database: Database, actor: Actor) -> None:
    with transaction(database) as unit:
        [task] = claim(unit.connection, 10, timedelta(hours=1))
    Runner(actor, database, Event(), Outage("database")).run(task.id)
