"""The broker: Dramatiq's own for Redis, told everything that it would otherwise assume.

Nothing is kept here that is not in the books: a broker may be killed, emptied or replaced.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import current_millis
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

from storage.tasks.commands import Task
from workers.limits import (
    BROKER_ANSWER_LIMIT_S,
    BROKER_CONNECT_LIMIT_S,
    BROKER_HEALTH_CHECK_S,
    BROKER_SEND_LIMIT_S,
    HEARTBEAT_LIMIT_MS,
    MAINTENANCE_PER_MILLION,
)

NAMESPACE = "fealty"


class BrokerUnavailable(Exception):
    """The broker cannot be reached, did not answer in time or takes no messages."""


class Broker(RedisBroker):
    """Dramatiq's broker, which can send many messages in one round trip.

    It has no middleware of its own: retries live in the task row, and so do due times, so there are no delay queues.
    """

    def __init__(self, url: str) -> None:
        """Connects nothing yet."""
        client = redis.Redis.from_url(
            url,
            socket_timeout=BROKER_ANSWER_LIMIT_S,
            socket_connect_timeout=BROKER_CONNECT_LIMIT_S,
            health_check_interval=BROKER_HEALTH_CHECK_S,
            retry=Retry(NoBackoff(), 0),  # whoever calls tries again, and some hold rows while they wait
        )
        super().__init__(  # type: ignore[no-untyped-call]
            client=client,
            middleware=[],
            namespace=NAMESPACE,
            heartbeat_timeout=HEARTBEAT_LIMIT_MS,
            maintenance_chance=MAINTENANCE_PER_MILLION,
        )
        # Whatever of Dramatiq asks for "the" broker must not make one of its own on localhost.
        dramatiq.set_broker(self)

    def send_many(self, tasks: Sequence[Task]) -> None:
        """Enqueues a message for each task, with its id as the only argument. Raises BrokerUnavailable.

        After an exception, some of them may have been sent. Sent again, they are the same messages.
        """
        deadline = time.monotonic() + BROKER_SEND_LIMIT_S
        try:
            self._load_dispatch()
            connection = self.client.connection_pool.get_connection()
            try:
                connection.send_packed_command([b"".join(self._packed(tasks, connection.pack_command))])
                for _ in tasks:
                    connection.read_response()
                    if time.monotonic() > deadline:
                        raise BrokerUnavailable(f"it did not take {len(tasks)} messages in {BROKER_SEND_LIMIT_S:.0f} s")
            except BaseException:
                connection.disconnect()  # replies that nobody read would be taken for those of the next
                raise
            finally:
                self.client.connection_pool.release(connection)
        except redis.RedisError as error:
            raise BrokerUnavailable(str(error)) from error

    def ping(self) -> None:
        """Raises BrokerUnavailable."""
        try:
            self.client.ping()
        except redis.RedisError as error:
            raise BrokerUnavailable(str(error)) from error

    def declare_queue(self, queue_name: str) -> None:
        """As Dramatiq does, without a delay queue beside it."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def close(self) -> None:
        """Closes all connections."""
        self.client.close()

    def _dispatch(self, command: str) -> Callable[..., Any]:
        do = super()._dispatch(command)  # type: ignore[no-untyped-call]

        def dispatch(*arguments: Any) -> Any:
            try:
                return do(*arguments)
            except redis.RedisError as error:
                if command == "ack":
                    # Dramatiq would keep the thread until the broker is back. The books know that the task is done:
                    # delivered again, its message finds it so.
                    return None
                # This Dramatiq retries; a timeout it would take for a fault of its own.
                raise ConnectionClosed(error) from error  # type: ignore[no-untyped-call]

        return dispatch

    def _load_dispatch(self) -> None:
        script = self.scripts["dispatch"]
        if self.client.script_exists(script.sha) != [True]:
            self.client.script_load(script.script)

    def _packed(self, tasks: Sequence[Task], pack: Callable[..., list[bytes]]) -> Iterator[bytes]:
        # Encoding every message by itself costs more than all the rest of sending it. So Dramatiq and redis encode
        # one for each actor, with something in it that is as long as what stands there in the end.
        timestamp = current_millis()
        stack_max = self._max_unpack_size()  # type: ignore[no-untyped-call]

        @cache
        def template(actor: str, queue: str, id_length: int, sending_length: int) -> bytes:
            task = Task("<" * id_length, actor, queue, ">" * sending_length)
            arguments = (
                "enqueue",
                timestamp,
                queue,
                self.broker_id,
                HEARTBEAT_LIMIT_MS,
                self.dead_message_ttl,
                0,  # the workers look for dead ones
                stack_max,
                task.sending,
                _message(task, timestamp),
            )
            return b"".join(pack("EVALSHA", self.scripts["dispatch"].sha, 1, NAMESPACE, *arguments))

        for task in tasks:
            id_, sending = task.id.encode(), task.sending.encode()
            of_actor = template(task.actor, task.queue, len(id_), len(sending))
            yield of_actor.replace(b"<" * len(id_), id_).replace(b">" * len(sending), sending)


def _message(task: Task, timestamp: int) -> bytes:
    return dramatiq.Message(
        queue_name=task.queue,
        actor_name=task.actor,
        args=(task.id,),
        kwargs={},
        options={"redis_message_id": task.sending},
        message_id=task.sending,
        message_timestamp=timestamp,
    ).encode()
