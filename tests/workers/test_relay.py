"""The relay: from the books to the broker, whatever happens to either."""

import json
from contextlib import suppress
from datetime import timedelta
from threading import Thread
from typing import Any

from structlog.testing import capture_logs

from storage.engine.database import Database, StorageUnavailable
from storage.engine.unit import transaction
from storage.tasks.commands import claim, plan
from tests.workers.acting import NOTE, Holder, figure, open_tasks, plan_tasks, rows, working
from tests.workers.processes import eventually
from workers.broker import Broker
from workers.embedded import EmbeddedValkey
from workers.relay import Relay

SOON = timedelta(milliseconds=200)


def test_each_task_is_sent_once_and_marked(database: Database, messages: Broker) -> None:
    """What is sent twice costs a worker's time; what is not marked is sent for ever."""
    plan_tasks(database, NOTE, range(250))
    relay = Relay(database, messages, batch=100)
    assert [relay.send_due() for _ in range(4)] == [100, 100, 50, 0]
    ids = {task for (task,) in rows(database, "SELECT id::text FROM task WHERE state = 'SENT' AND attempts = 1")}
    assert len(ids) == 250
    assert sorted(message["args"][0] for message in _sent(messages)) == sorted(ids)


def test_messages_hold_a_task_s_id_and_nothing_else_of_it(database: Database, messages: Broker) -> None:
    """A broker's data is on disks that erasure does not reach."""
    plan_tasks(database, NOTE, range(31_337, 31_338))
    Relay(database, messages).send_due()
    task = figure(database, "SELECT id::text FROM task")
    [message] = _sent(messages)
    assert message["args"] == [task]
    assert message["kwargs"] == {}
    assert {*message} == {"queue_name", "actor_name", "args", "kwargs", "options", "message_id", "message_timestamp"}
    assert {*message["options"]} == {"redis_message_id"}
    assert "31337" not in json.dumps(message).replace(task, "")


def test_a_task_that_is_due_later_is_sent_then(database: Database, messages: Broker) -> None:
    """A reminder must not come before its time; nor does it, whatever the clocks of servers say."""
    with transaction(database) as unit:
        plan(unit, NOTE.name, NOTE.queue, {}, "later", due_at=unit.now + timedelta(seconds=1))
        plan(unit, NOTE.name, NOTE.queue, {}, "much later", due_at=unit.now + timedelta(hours=1))
    relay = Relay(database, messages)
    assert relay.send_due() == 0
    eventually(relay.send_due)
    is_due = "SELECT unique_key, now() >= first_due_at, attempts FROM task WHERE state = 'SENT'"
    assert rows(database, is_due) == [("later", True, 1)]


def test_two_relays_at_once_send_each_task_once(database: Database, messages: Broker) -> None:
    """A clock that lost its lease may still be in the middle of a batch."""
    plan_tasks(database, NOTE, range(2_000))

    def relay() -> None:
        relay = Relay(database, messages, batch=50)
        while relay.send_due():
            pass
        database.close()

    threads = [Thread(target=relay) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_sent(messages)) == 2_000
    assert len({message["args"][0] for message in _sent(messages)}) == 2_000


def test_rows_stay_while_the_broker_is_away_and_are_sent_when_it_is_back(
    database: Database, own_valkey: EmbeddedValkey, holder: Holder
) -> None:
    """The broker may be down for as long as it likes: work waits in the books, and the log says so once."""
    plan_tasks(database, NOTE, range(3))
    messages = Broker(own_valkey.url)
    relay = Relay(database, messages)
    with capture_logs() as logged:
        for _ in range(3):
            relay._try_at = 0.0
            assert relay.send_due() == 0
        assert rows(database, "SELECT DISTINCT state, attempts FROM task") == [("READY", 0)]
        own_valkey.start()
        eventually(relay.send_due)
    assert [line["event"] for line in logged] == ["broker away", "broker back"]
    with working(database, messages):
        eventually(lambda: open_tasks(database) == 0)
    assert holder.effects() == [0, 1, 2]
    messages.close()


def test_what_an_emptied_broker_forgot_is_sent_again(database: Database, messages: Broker, holder: Holder) -> None:
    """FLUSHALL, a failed disk, a new broker: tasks are in the books, so none is lost and none runs twice."""
    plan_tasks(database, NOTE, range(3))
    relay = Relay(database, messages, send_again_after=SOON)
    assert relay.send_due() == 3
    messages.client.flushall()
    eventually(relay.send_due)
    with working(database, messages):
        eventually(lambda: open_tasks(database) == 0)
    assert holder.effects() == [0, 1, 2]
    assert figure(database, "SELECT max(attempts) FROM task") == 1


def test_a_crash_between_sending_and_marking_only_repeats_the_message(
    database: Database, messages: Broker, holder: Holder
) -> None:
    """The gap between broker and books cannot be closed: it must cost nothing."""
    plan_tasks(database, NOTE, range(3))
    with suppress(StorageUnavailable), transaction(database) as unit:
        messages.send_many(claim(unit.connection, 10, SOON))
        raise StorageUnavailable
    assert Relay(database, messages).send_due() == 3
    assert len(_sent(messages)) == 3
    assert messages.client.llen("fealty:test") == 6
    with working(database, messages):
        eventually(lambda: open_tasks(database) == 0)
        eventually(lambda: messages.client.llen("fealty:test") == 0)
    assert holder.effects() == [0, 1, 2]


def test_a_worker_faster_than_the_relay_s_commit_waits_for_it(
    database: Database, messages: Broker, holder: Holder
) -> None:
    """Were it to go home, the task would lie until it is sent again, a minute later."""
    plan_tasks(database, NOTE)
    with working(database, messages):
        with transaction(database) as unit:
            messages.send_many(claim(unit.connection, 10, timedelta(hours=1)))
            eventually(holder.waiting_for_rows)
        eventually(lambda: open_tasks(database) == 0)
    assert holder.effects() == [0]


def test_a_broker_that_refuses_messages_is_away(database: Database, messages: Broker) -> None:
    """One that is full refuses rather than forgets; the rows must stay."""
    plan_tasks(database, NOTE)
    relay = Relay(database, messages)
    messages.client.config_set("maxmemory", 1)
    try:
        assert relay.send_due() == 0
        assert figure(database, "SELECT state FROM task") == "READY"
    finally:
        messages.client.config_set("maxmemory", 0)
    eventually(relay.send_due)


def _sent(messages: Broker) -> list[dict[str, Any]]:
    kept = messages.client.hgetall("fealty:test.msgs")
    assert isinstance(kept, dict)
    return [json.loads(message) for message in kept.values()]
