"""What each process of ours does first: make sure of its database and its broker, and heed the signal to end."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import structlog

from storage import migrate
from storage.activity import processes
from storage.engine.database import Database, StorageUnavailable, open_database, reason
from storage.functions import VERSION
from storage.rights import RightsMissing
from workers.broker import Broker, BrokerUnavailable

log = structlog.get_logger()


class WorkerError(Exception):
    """The process cannot start; the text is one sentence that says what to do."""


def open_books(database_url: str) -> Database:
    """The database, which answers and has a schema that we may run on; not yet connected. Raises WorkerError."""
    database = open_database(database_url, VERSION)
    try:
        migrate.check(database)
    except StorageUnavailable as error:
        raise WorkerError(
            f"The database does not answer ({error}): start it, or correct FEALTY_DATABASE_URL."
        ) from error
    except RightsMissing as error:
        raise WorkerError(f"The database does not let us work: {error}.") from error
    except (migrate.MigrationsPending, migrate.ServerTooOld) as error:
        raise WorkerError(f"This is not the schema that we know: {error}.") from error
    finally:
        close(database)
    return database


def open_broker(redis_url: str) -> Broker:
    """The broker, which answers. Raises WorkerError."""
    broker = Broker(redis_url)
    try:
        broker.ping()
    except BrokerUnavailable as error:
        broker.close()
        raise WorkerError(f"The broker does not answer ({error}): start it, or correct FEALTY_REDIS_URL.") from error
    return broker


def close(database: Database) -> None:
    """Closes this thread's connection, where it has one."""
    if not database.is_closed():
        database.close()


@contextmanager
def recorded(database: Database, name: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """Records that a process of that name begins with these settings, and that it ends."""
    processes.note(database, processes.started(name, settings))
    yield
    try:
        processes.note(database, processes.ended(name))
    except Exception as error:
        # It ends all the same; the next start shows that this end is missing.
        log.warning("end not recorded", error=reason(error))
    finally:
        close(database)


def end_on_signals() -> Event:
    """Set by SIGTERM and SIGINT. They may come more than once; that changes nothing.

    Call it first: threads that were started before would still be ended by a signal. A thread waits for the signals,
    for a handler may not set what the main thread may be waiting for: it would wait for itself.
    """
    stop = Event()
    numbers = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def heed() -> None:
        while True:
            signal.sigwait(numbers)
            stop.set()

    Thread(target=heed, name="signals", daemon=True).start()
    return stop
