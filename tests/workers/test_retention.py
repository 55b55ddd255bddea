"""Retention in the hands of workers: killed in a batch, they leave whole batches, and the next goes on."""

from datetime import timedelta
from signal import SIGKILL
from threading import Event

from storage.engine.database import Database
from storage.engine.unit import transaction
from storage.tasks.commands import plan
from tests.storage.retention.past import DAY, YEAR, dropped, recorded
from tests.storage.scene import Scene
from tests.workers.acting import RETENTION_BATCH, RETENTION_SLOWLY, Holder, figure, open_tasks, rows
from tests.workers.processes import Processes, eventually
from workers.actors.retention import LIMITS, RETENTION, plan_retention
from workers.broker import Broker
from workers.limits import RETENTION_SCHEDULE_S
from workers.outage import Outage
from workers.relay import Relay
from workers.tasks import Runner


def test_a_worker_killed_in_the_middle_of_a_batch_leaves_whole_batches_and_the_next_goes_on(
    database: Database, messages: Broker, processes: Processes, holder: Holder
) -> None:
    """What was announced is what is gone in the end: each body once, none of them early, and it is said once."""
    scene = Scene(database)
    old, young = recorded(scene, YEAR + DAY, number=45), recorded(scene, YEAR - DAY, number=5)
    with transaction(database) as unit:
        plan(unit, RETENTION_SLOWLY.name, "test", {}, RETENTION_SLOWLY.name)
    relay = Relay(database, messages, send_again_after=timedelta(milliseconds=500))
    holder.hold()
    killed = processes.worker()
    assert relay.send_due() == 1
    eventually(holder.held)
    killed.send_signal(SIGKILL)
    killed.wait()
    assert len(dropped(scene)) == 2 * RETENTION_BATCH
    assert figure(database, "SELECT dropped FROM retention_sweep") == 2 * RETENTION_BATCH
    holder.release()
    processes.worker()
    eventually(lambda: (relay.send_due(), open_tasks(database) == 0)[1])
    assert dropped(scene) == set(old)
    assert not dropped(scene) & set(young)
    assert rows(database, "SELECT announced, dropped, ended_at IS NOT NULL FROM retention_sweep") == [(45, 45, True)]
    told = "SELECT body::json -> 'details' ->> 'count' FROM activity WHERE action = 'retention.dropped'"
    assert rows(database, told) == [("45",)]


def test_the_actor_that_workers_really_have_drops_what_is_due(database: Database) -> None:
    """One task takes all of it; the next finds nothing to do."""
    scene = Scene(database)
    old = recorded(scene, YEAR + DAY, number=5)
    for _ in range(2):
        with transaction(database) as unit:
            plan_retention(unit)
        [task] = [identity for (identity,) in rows(database, "SELECT id::text FROM task WHERE state = 'READY'")]
        Runner(RETENTION, database, Event(), Outage("database")).run(task)
        assert dropped(scene) == set(old)
    assert rows(database, "SELECT DISTINCT state FROM task") == [("DONE",)]


def test_what_is_due_is_gone_within_a_day() -> None:
    """Late by a day at most: what may wait, how often it is looked for, and hours to spare for the sweep itself."""
    assert LIMITS.every + timedelta(seconds=RETENTION_SCHEDULE_S) <= timedelta(hours=13)
