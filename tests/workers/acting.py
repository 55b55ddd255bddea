"""Actors whose effects can be counted, and which can be held in the middle of their work."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID

import psycopg

from storage.activity.exporting import operations as exports
from storage.coupons.generating.steps import step as generate
from storage.customers import forgetting
from storage.engine.database import Connection, Database, connection
from storage.engine.unit import Unit, transaction
from storage.ledger.redating.steps import StepSize, step
from storage.ledger.sweep import sweep
from storage.retention import sweep as retention
from storage.retention.sweep import Limits
from storage.tasks.commands import plan
from tests.databases import as_owner
from tests.personal import CODES
from workers.actors.exports import export
from workers.broker import Broker
from workers.tasks import Actor
from workers.worker import run

HELD_LOCK = 1
# Of a worker that was started with a folder.
_EXPORT = export(Path(folder) if (folder := os.environ.get("FEALTY_EXPORT_DIR")) else None)
SWEEP_BATCH = 10
STEP_ACCOUNTS = 10
RETENTION_BATCH = 10
STEP_ACTIVITIES = 10
# How many notes of a person there are before.
ERASED_NOTES = 45


def note(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Has an effect."""
    unit.connection.execute("INSERT INTO effect VALUES (%s)", (args["number"],))
    return True


def note_and_wait(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Has an effect, and is then held as long as the test likes."""
    note(unit, args)
    wait_while_held(unit.connection)
    return True


def refuse(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Fails, after its effect."""
    note(unit, args)
    raise ValueError("the address alice@example.com is wrong")


def sweep_slowly(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Sweeps in small batches, and is held in the middle of the third."""
    done = unit.connection.execute("SELECT count(*) FROM account WHERE due_at IS NULL").fetchone()
    found = sweep(unit, args["program"], SWEEP_BATCH).found
    if done == (2 * SWEEP_BATCH,):
        unit.write()
        wait_while_held(unit.connection)
    return found < SWEEP_BATCH


def redate_slowly(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Takes small steps of a redating, and is held in the middle of the third."""
    done = unit.connection.execute("SELECT accounts_done FROM operation").fetchone()
    ended = step(unit, UUID(args["operation"]), StepSize(STEP_ACCOUNTS, 1_000))
    if done == (2 * STEP_ACCOUNTS,):
        wait_while_held(unit.connection)
    return ended


def generate_slowly(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Makes codes in small steps, and is held in the middle of the third."""
    done = unit.connection.execute("SELECT accounts_done FROM operation").fetchone()
    ended = generate(unit, UUID(args["operation"]), CODES, STEP_ACCOUNTS)
    if done == (2 * STEP_ACCOUNTS,):
        wait_while_held(unit.connection)
    return ended


def export_slowly(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Writes an export in small pages, and is held in the middle of the second."""
    exports.SIZE = exports.SIZE.__class__(rows=5, looked=20_000, piece_bytes=1 << 20)
    found = unit.connection.execute("SELECT rows FROM activity_export").fetchone()
    ended = _EXPORT.step(unit, args)
    if found == (5,):
        wait_while_held(unit.connection)
    return ended


def drop_slowly(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Drops bodies of the log in small batches, and is held in the middle of the third."""
    done = unit.connection.execute("SELECT dropped FROM retention_sweep").fetchone()
    ended = retention.step(unit, Limits(timedelta(minutes=1), announced=1_000, batch=RETENTION_BATCH))
    if done == (2 * RETENTION_BATCH,):
        wait_while_held(unit.connection)
    return ended


def erase_slowly(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Removes what was written about a person in small steps, and is held in the middle of the third."""
    left = unit.connection.execute("SELECT count(*) FROM activity_note").fetchone()
    forgetting.step.__defaults__ = (STEP_ACTIVITIES,)
    ended = forgetting.go_on(unit, args["customer"])
    if left == (ERASED_NOTES - 2 * STEP_ACTIVITIES,):
        wait_while_held(unit.connection)
    return ended


def wait_while_held(connection: Connection) -> None:
    """Returns at once where no test holds us."""
    connection.execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
    connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (HELD_LOCK,))


def _actor(name: str, step: Any) -> Actor:
    return Actor(name, "test", step, 3, retry_min=timedelta(milliseconds=10), retry_max=timedelta(milliseconds=20))


NOTE = _actor("note", note)
NOTE_AND_WAIT = _actor("note_and_wait", note_and_wait)
REFUSE = _actor("refuse", refuse)
SWEEP_SLOWLY = _actor("sweep_slowly", sweep_slowly)
OPERATION_SLOWLY = _actor("operation_slowly", redate_slowly)
GENERATE_SLOWLY = _actor("generate_slowly", generate_slowly)
EXPORT_SLOWLY = _actor("export_slowly", export_slowly)
RETENTION_SLOWLY = _actor("retention_slowly", drop_slowly)
ERASE_SLOWLY = _actor("erase_slowly", erase_slowly)
ACTORS = (
    *(NOTE, NOTE_AND_WAIT, REFUSE, SWEEP_SLOWLY, OPERATION_SLOWLY, GENERATE_SLOWLY, EXPORT_SLOWLY, RETENTION_SLOWLY),
    ERASE_SLOWLY,
)


class Holder:
    """Holds actors in the middle of their work, on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(as_owner(url), autocommit=True)
        self._connection.execute("CREATE TABLE effect (number int NOT NULL); GRANT SELECT, INSERT ON effect TO PUBLIC")

    def hold(self) -> None:
        """From now on."""
        self._connection.execute("SELECT pg_advisory_lock(%s)", (HELD_LOCK,))

    def held(self) -> int:
        """How many it holds now."""
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
        found = self._connection.execute(waiting, (HELD_LOCK,)).fetchone()
        assert found is not None
        return int(found[0])

    def end_those_held(self) -> None:
        """As a restart of the database would."""
        waiting = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
        self._connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS held".encode(), (HELD_LOCK,))

    def end_others(self) -> None:
        """Every connection to this database but its own."""
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        self._connection.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}".encode()
        )

    def waiting_for_rows(self) -> int:
        """How many connections wait for somebody's row."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'transactionid'"
        )
        found = self._connection.execute(waiting).fetchone()
        assert found is not None
        return int(found[0])

    def release(self) -> None:
        """Lets them go on."""
        self._connection.execute("SELECT pg_advisory_unlock_all()")

    def effects(self) -> list[int]:
        """The numbers of all effects so far."""
        return [number for (number,) in self._connection.execute("SELECT number FROM effect ORDER BY number")]

    def close(self) -> None:
        """Ends its connection, and so any hold."""
        self._connection.close()


def plan_tasks(database: Database, actor: Actor, numbers: Iterator[int] | range = range(1)) -> None:
    """Plans a task of the actor for each number."""
    with transaction(database) as unit:
        for number in numbers:
            plan(unit, actor.name, actor.queue, {"number": number}, f"{actor.name}:{number}")


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    """What a query answers on this thread's connection."""
    with connection(database) as books:
        return books.execute(query.encode()).fetchall()


def figure(database: Database, query: str) -> Any:
    """The one figure that a query answers."""
    [(found,)] = rows(database, query)
    return found


def make_due(database: Database) -> None:
    """Every task, now: as if its pause had passed."""
    with connection(database) as books:
        books.execute("UPDATE task SET due_at = now()")


def open_tasks(database: Database) -> int:
    """How many tasks have not ended; but for those of the night, which are planned by the day before."""
    open_ = "state IN ('READY', 'SENT') AND first_due_at <= now()"
    return int(figure(database, f"SELECT count(*) FROM task WHERE {open_}"))


@contextmanager
def working(database: Database, broker: Broker) -> Iterator[None]:
    """A worker in this process, as long as the block lasts."""
    stop = Event()
    worker = Thread(target=run, args=(database, broker, ACTORS, {"test"}, 2, stop))
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()
