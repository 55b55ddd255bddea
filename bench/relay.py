"""How fast the relay is: tasks handed over in sets against one send for each, through the same broker."""

import os
import statistics
import tempfile
import time
from pathlib import Path

import dramatiq

from storage import migrate
from storage.embedded import EmbeddedPostgres
from storage.engine.database import Database, connection, open_database
from workers.broker import Broker
from workers.embedded import EmbeddedValkey
from workers.relay import Relay

TASKS = 5_000


def ratio(rounds: int) -> float:
    """Tasks relayed a second, database and all, against Dramatiq's own enqueue one by one, no database at all."""
    with tempfile.TemporaryDirectory(prefix="fealty-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL must reach its data as another user where we are root
        postgres, valkey = EmbeddedPostgres(Path(folder)), EmbeddedValkey(Path(folder))
        postgres.start()
        valkey.start()
        try:
            database = open_database(postgres.url)
            migrate.migrate(database)
            broker = Broker(valkey.url)
            ratios = [_relayed(database, broker) / _sent(broker) for _ in range(rounds)]
            database.close()
            return statistics.median(ratios)
        finally:
            valkey.stop()
            postgres.stop()


def _relayed(database: Database, broker: Broker) -> float:
    with connection(database) as books:
        books.execute("DELETE FROM task")
        books.execute(_PLAN, (TASKS,))
    broker.client.flushdb()
    relay = Relay(database, broker)
    started = time.perf_counter()
    sent = 0
    while sent < TASKS:
        sent += relay.send_due()
    return TASKS / (time.perf_counter() - started)


def _sent(broker: Broker) -> float:
    broker.client.flushdb()
    started = time.perf_counter()
    for number in range(TASKS):
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name="sweep", actor_name="sweep_program", args=(f"{number:032x}",), kwargs={}, options={}
        )
        broker.enqueue(message)
    return TASKS / (time.perf_counter() - started)


_PLAN = """
INSERT INTO task (id, actor, queue, args, unique_key, state, due_at, created_at)
SELECT gen_random_uuid(), 'sweep_program', 'sweep', '{}', 'bench:' || n, 'READY', now(), now()
FROM generate_series(1, %s) AS n
"""
