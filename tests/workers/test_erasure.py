"""Erasing a person in the hands of workers: whoever is killed, all of it is done."""

from datetime import timedelta
from signal import SIGKILL

import pytest

from storage.customers import forgetting
from storage.customers.erasing import EraseCustomer
from storage.customers.states import ReactivateCustomer, SuspendCustomer
from storage.engine.commands import Reason, carry_out
from storage.engine.database import Database
from storage.engine.unit import transaction
from tests.workers.acting import ERASE_SLOWLY, ERASED_NOTES, STEP_ACTIVITIES, Holder, figure, open_tasks, rows
from tests.workers.customers import asked, create_program, enrol
from tests.workers.processes import Processes, eventually
from workers.actors.erasure import ERASE_CUSTOMER
from workers.broker import Broker
from workers.relay import Relay

NOTES = "SELECT count(*) FROM activity_note"


def test_a_worker_killed_in_the_middle_of_a_step_leaves_whole_steps_and_the_next_goes_on(
    database: Database,
    messages: Broker,
    processes: Processes,
    holder: Holder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half a person that is left behind is found by somebody one day."""
    create_program(database, "coffee", None)
    enrol(database, "coffee", ["ada"])
    for number in range(ERASED_NOTES):
        what = ReactivateCustomer if number % 2 else SuspendCustomer
        carry_out(database, what("coffee", "ada", asked(Reason("FRAUD", "Ada Featherstone called"))))
    # The call gets no further than the creation.
    monkeypatch.setattr(forgetting.step, "__defaults__", (1,))
    carry_out(database, EraseCustomer("coffee", "ada", asked(Reason("ASKED"))))
    assert rows(database, "SELECT actor, queue FROM task") == [(ERASE_CUSTOMER.name, ERASE_CUSTOMER.queue)]
    with transaction(database) as unit:
        unit.connection.execute("UPDATE task SET actor = %s, queue = 'test'", (ERASE_SLOWLY.name,))
    relay = Relay(database, messages, send_again_after=timedelta(milliseconds=500))
    holder.hold()
    killed = processes.worker()
    assert relay.send_due() == 1
    eventually(holder.held)
    killed.send_signal(SIGKILL)
    killed.wait()
    assert figure(database, NOTES) == ERASED_NOTES - 2 * STEP_ACTIVITIES
    holder.release()
    processes.worker()
    eventually(lambda: (relay.send_due(), open_tasks(database) == 0)[1])
    assert figure(database, NOTES) == 0
    assert rows(database, "SELECT ended_at IS NOT NULL FROM erasure") == [(True,)]
    assert figure(database, "SELECT count(*) FROM activity WHERE action = 'erasure.completed'") == 1
    assert rows(database, "SELECT state, attempts > 0 FROM task") == [("DONE", True)]
