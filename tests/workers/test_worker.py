"""Worker processes: killed in the middle, told twice to end, and started wrongly."""

import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from storage.engine.database import Database
from tests.workers.acting import NOTE, NOTE_AND_WAIT, Holder, open_tasks, plan_tasks, rows, working
from tests.workers.processes import Processes, eventually
from workers.broker import Broker
from workers.embedded import EmbeddedValkey
from workers.process import WorkerError, open_books, open_broker
from workers.relay import Relay
from workers.settings import WorkerSettings
from workers.worker import main


def test_a_task_whose_worker_is_killed_is_done_later_and_once(
    database: Database, messages: Broker, processes: Processes, holder: Holder
) -> None:
    """A host that dies takes its work with it; the books do not."""
    plan_tasks(database, NOTE_AND_WAIT)
    relay = Relay(database, messages, send_again_after=timedelta(milliseconds=500))
    holder.hold()
    killed = processes.worker()
    assert relay.send_due() == 1
    eventually(holder.held)
    killed.send_signal(SIGKILL)
    killed.wait()
    assert rows(database, "SELECT state, attempts FROM task") == [("SENT", 1)]
    processes.worker()
    holder.release()
    eventually(lambda: (relay.send_due(), open_tasks(database) == 0)[1])
    assert holder.effects() == [0]
    assert rows(database, "SELECT state, attempts FROM task") == [("DONE", 1)]


def test_two_signals_end_a_worker_cleanly_and_the_job_in_hand_is_finished(
    database: Database, messages: Broker, processes: Processes, holder: Holder
) -> None:
    """Supervisors send the signal to the group and to the process; the second must not cut the work off."""
    plan_tasks(database, NOTE_AND_WAIT)
    holder.hold()
    worker = processes.worker()
    assert Relay(database, messages).send_due() == 1
    eventually(holder.held)
    worker.send_signal(SIGTERM)
    time.sleep(0.2)  # long enough that the second is not taken for the first
    worker.send_signal(SIGTERM)
    assert holder.held() == 1
    holder.release()
    assert worker.wait() == 0
    assert holder.effects() == [0]
    assert rows(database, "SELECT state FROM task") == [("DONE",)]
    noted = "SELECT action, body::json ->> 'subject' FROM activity WHERE action ^@ 'process.' ORDER BY recorded_at"
    assert rows(database, noted) == [("process.started", "processes/worker"), ("process.ended", "processes/worker")]


def test_a_worker_outlives_its_broker(
    database: Database, processes_of_own: Processes, own_valkey: EmbeddedValkey, holder: Holder
) -> None:
    """A broker is restarted, or replaced by an empty one, without anybody having to think of the workers."""
    worker = processes_of_own.worker()
    own_valkey.stop()
    messages = Broker(own_valkey.url)
    relay = Relay(database, messages)
    plan_tasks(database, NOTE, range(3))
    assert relay.send_due() == 0
    own_valkey.start()
    eventually(lambda: (relay.send_due(), open_tasks(database) == 0)[1])
    assert holder.effects() == [0, 1, 2]
    assert worker.poll() is None
    messages.close()


def test_a_worker_ends_cleanly_though_its_broker_is_away(
    database: Database, processes_of_own: Processes, own_valkey: EmbeddedValkey, holder: Holder
) -> None:
    """What it did is in the books, and what it had at hand is sent again: there is nobody to wait for."""
    worker = processes_of_own.worker()
    messages = Broker(own_valkey.url)
    plan_tasks(database, NOTE_AND_WAIT, range(4))
    holder.hold()
    assert Relay(database, messages).send_due() == 4
    eventually(lambda: holder.held() == 2)
    own_valkey.stop()
    worker.send_signal(SIGTERM)
    time.sleep(0.2)  # until it has heeded that; else it begins with the next two, which would be as good
    holder.release()
    assert worker.wait() == 0
    assert open_tasks(database) == 4 - len(holder.effects())
    messages.close()


def test_a_worker_s_threads_leave_no_connection_behind(database: Database, messages: Broker, holder: Holder) -> None:
    """PostgreSQL has a hundred of them for everybody."""
    plan_tasks(database, NOTE, range(20))
    with working(database, messages):
        Relay(database, messages).send_due()
        eventually(lambda: open_tasks(database) == 0)
    eventually(lambda: rows(database, _CONNECTIONS) == [(2,)])  # this one and the holder's


def test_what_does_not_answer_at_the_start_is_one_sentence(tmp_path: Path, empty_database_url: str) -> None:
    """Who starts a worker wants to know what to correct, not where in our code it was noticed."""
    nowhere = f"postgresql://nobody@/nothing?host={tmp_path}"
    for open_, url, variable in (
        (open_books, nowhere, "FEALTY_DATABASE_URL"),
        (open_books, empty_database_url, "fealty migrate"),
        (open_broker, f"unix://{tmp_path}/broker.sock", "FEALTY_REDIS_URL"),
    ):
        with pytest.raises(WorkerError) as refused:
            open_(url)
        assert variable in str(refused.value)
        assert str(refused.value).endswith(".")
        assert "\n" not in str(refused.value)


def test_a_queue_that_nobody_knows_is_refused(redis_url: str, database_url: str) -> None:
    """A worker for a misspelt queue would wait for ever."""
    settings = WorkerSettings(redis_url=SecretStr(redis_url), queues=("sweep", "mial"))
    said = "There is no queue mial: the queues are exports, mail, operations, passes, push, "
    with pytest.raises(WorkerError, match=said):
        main(settings, database_url)
    # Nor did it touch the signals of this process, which the processes of other tests would inherit.
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_settings_come_from_the_environment_and_hide_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are shown in logs and errors."""
    monkeypatch.setenv("FEALTY_REDIS_URL", "redis://:hunter2@localhost/0")
    monkeypatch.setenv("FEALTY_QUEUES", "mail, push")
    monkeypatch.setenv("FEALTY_THREADS", "7")
    settings = _from_environment()
    assert (settings.queues, settings.threads) == (("mail", "push"), 7)
    assert "hunter2" not in repr(settings)
    monkeypatch.setenv("FEALTY_THREADS", "0")
    with pytest.raises(ValidationError):
        _from_environment()


@pytest.fixture
def processes_of_own(
    database: Database, database_url: str, own_valkey: EmbeddedValkey, tmp_path: Path
) -> Iterator[Processes]:
    """On a broker of this test's own, which runs."""
    own_valkey.start()
    started = Processes(database_url, own_valkey.url, tmp_path)
    yield started
    started.kill_all()


def _from_environment() -> WorkerSettings:
    given: dict[str, Any] = {}
    return WorkerSettings(**given)


_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
