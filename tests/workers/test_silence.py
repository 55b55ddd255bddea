"""What is silent, or slow beyond measure, while its connection stands: nobody waits for it without end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from structlog.testing import capture_logs

from storage.engine.database import Connection, Database, open_database
from storage.engine.unit import Unit, transaction
from storage.tasks.commands import claim
from tests.workers import proxies
from tests.workers.acting import NOTE, figure, open_tasks, plan_tasks, rows
from tests.workers.processes import eventually
from tests.workers.proxies import Proxy
from workers import broker as brokers
from workers import clock as clocks
from workers.broker import Broker
from workers.outage import Outage
from workers.relay import Relay
from workers.tasks import Actor, Runner

pytestmark = pytest.mark.long

LATER = timedelta(hours=1)


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """One before PostgreSQL."""
    made = proxies.before_postgres(database_url)
    yield made
    made.close()


def test_a_worker_gives_up_on_a_database_that_is_silent_in_the_middle_of_a_step(
    database_url: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may swallow a packet and keep the connection: the thread would do nothing ever again."""
    monkeypatch.setattr(Connection, "answer_limit_s", 0.5)

    def fall_silent(unit: Unit, args: Mapping[str, Any]) -> bool:
        proxy.is_silent = True
        unit.connection.execute("SELECT 1")
        return True

    database = open_database(proxy.instead_of(database_url))
    actor = Actor("silent", "test", fall_silent, 3, LATER, LATER)
    plan_tasks(database, actor)
    with transaction(database) as unit:
        [task] = claim(unit.connection, 1, LATER)
    outage = Outage("database")

    def work() -> None:
        Runner(actor, database, Event(), outage).run(task.id)
        database.close()

    worker = Thread(target=work)
    worker.start()
    eventually(lambda: outage.lasts)
    proxy.is_silent = False
    worker.join()
    assert rows(database, "SELECT state, attempts, last_error FROM task") == [("READY", 1, "StorageUnavailable")]
    database.close()


def test_a_clock_gives_up_on_a_database_that_is_silent_and_takes_the_lease_anew(
    database_url: str, messages: Broker, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No task would be sent in any program, and no other clock take over: its connection stands."""
    monkeypatch.setattr(Connection, "answer_limit_s", 0.5)
    direct = open_database(database_url)
    database = open_database(proxy.instead_of(database_url))
    with capture_logs() as logged, _running(database, messages):
        eventually(lambda: "clock acts" in _events(logged))
        proxy.is_silent = True
        eventually(lambda: "database away" in _events(logged))
        proxy.is_silent = False
        plan_tasks(direct, NOTE)
        eventually(lambda: figure(direct, "SELECT state FROM task WHERE actor = 'note'") == "SENT")
    assert "duty failed" not in _events(logged)
    direct.close()


def test_a_broker_that_takes_messages_too_slowly_is_away(
    database: Database, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each single answer comes in time; but all of the batch is locked, and nothing else is sent or planned."""
    monkeypatch.setattr(brokers, "BROKER_SEND_LIMIT_S", 0.3)
    proxy = proxies.before_valkey(redis_url)
    messages = Broker(proxy.instead_of(redis_url))
    messages.ping()
    plan_tasks(database, NOTE, range(300))
    proxy.pause_s = 0.005
    assert Relay(database, messages).send_due() == 0
    assert rows(database, "SELECT DISTINCT state, attempts FROM task") == [("READY", 0)]
    proxy.pause_s = 0.0
    assert Relay(database, messages).send_due() == 300
    assert open_tasks(database) == 300
    messages.close()
    proxy.close()


@contextmanager
def _running(database: Database, messages: Broker) -> Iterator[None]:
    stop = Event()
    clock = Thread(target=clocks.run, args=(database, Relay(database, messages), stop))
    clock.start()
    try:
        yield
    finally:
        stop.set()
        clock.join()


def _events(logged: Any) -> list[str]:
    return [line["event"] for line in logged]
