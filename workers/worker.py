"""The worker: one process, some threads, the queues it was told. Scale by starting more.

Our own entry point around `dramatiq.Worker`: Dramatiq's command line kills the job in hand at a second SIGTERM,
and supervisors send two.
"""

import logging
import time
from collections.abc import Collection, Sequence
from threading import Event

import dramatiq
import structlog

from storage.engine.database import Database
from workers.actors import AnyActor, build
from workers.broker import Broker
from workers.external import ExternalActor, ExternalRunner
from workers.limits import PREFETCH_PER_THREAD, REPEATED_LINE_S, STOP_LIMIT_S, WORKER_POLL_MS
from workers.outage import Outage
from workers.process import WorkerError, close, end_on_signals, open_books, open_broker, recorded
from workers.settings import WorkerSettings
from workers.tasks import Runner

log = structlog.get_logger()


def main(settings: WorkerSettings, database_url: str, actors: Sequence[AnyActor] | None = None) -> int:
    """Runs a worker until SIGTERM or SIGINT; its exit code. `actors`: others than all there are.

    Raises WorkerError where it cannot start.
    """
    actors = build(settings) if actors is None else actors
    queues = _queues(settings, actors)
    stop = end_on_signals()
    database = open_books(database_url)
    broker = open_broker(settings.redis_url.get_secret_value())
    with recorded(database, "worker", {"queues": queues, "threads": settings.threads}):
        run(database, broker, actors, queues, settings.threads, stop)
    broker.close()
    log.info("worker ended")
    return 0


def run(
    database: Database, broker: Broker, actors: Sequence[AnyActor], queues: Collection[str], threads: int, stop: Event
) -> None:
    """Works until `stop` is set, then ends the step in hand of each thread and hands back the rest."""
    outage = Outage("database")
    for actor in actors:
        if isinstance(actor, ExternalActor):
            ExternalRunner(actor, database, stop, outage).declare(broker)
        else:
            Runner(actor, database, stop, outage).declare(broker)
    broker.add_middleware(_Connections(database))
    _quieten(queues)
    worker = dramatiq.Worker(broker, queues=set(queues), worker_threads=threads, worker_timeout=WORKER_POLL_MS)
    worker.queue_prefetch = PREFETCH_PER_THREAD * threads
    broker.emit_after("process_boot")
    worker.start()
    log.info("worker started", queues=sorted(queues), threads=threads)
    stop.wait()
    worker.stop(timeout=int(STOP_LIMIT_S * 1000))
    if cut_off := sum(thread.is_alive() for thread in worker.workers):
        log.warning("steps cut off: they are undone, and their tasks sent again", steps=cut_off)


class _Connections(dramatiq.Middleware):
    """Each thread opens a connection when it needs one; this closes it when the thread ends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def before_worker_thread_shutdown(self, broker: object, thread: object) -> None:
        """On the thread that ends."""
        close(self._database)


def _queues(settings: WorkerSettings, actors: Sequence[AnyActor]) -> list[str]:
    known = sorted({actor.queue for actor in actors})
    if unknown := sorted(set(settings.queues).difference(known)):
        raise WorkerError(f"There is no queue {', '.join(unknown)}: the queues are {', '.join(known)}.")
    return sorted(set(settings.queues)) or known


def _quieten(queues: Collection[str]) -> None:
    # While the broker is away, each consumer says so every three seconds, for as long as that lasts.
    logging.getLogger("dramatiq").setLevel(logging.WARNING)
    for queue in queues:
        logging.getLogger(f"dramatiq.worker.ConsumerThread({queue})").addFilter(_Seldom())


class _Seldom(logging.Filter):
    """Lets the same line pass once in REPEATED_LINE_S."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it passes."""
        now = time.monotonic()
        if now - self._said_at.get(str(record.msg), -REPEATED_LINE_S) < REPEATED_LINE_S:
            return False
        self._said_at[str(record.msg)] = now
        return True
