"""Activities that stand for themselves, who gives them positions, and transactions that are held open."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rules.access import ActorType
from rules.activity import Kind, Origin
from storage.activity import positions
from storage.activity.commands import Scope, record
from storage.engine.database import Connection, Database, connection
from storage.engine.unit import Unit, transaction

ORIGIN = Origin(ActorType.SERVICE, "caller_x", "API", Kind("act.done", "ORDERS", "ORDER"))
PROGRAM = 1
# More than any of these tests has.
MANY = 10_000


def act(database: Database, subject: str) -> None:
    """An activity that names what it is about, and nothing else."""
    with transaction(database) as unit:
        act_in(unit, subject)


def act_in(unit: Unit, subject: str) -> None:
    """The same in a transaction that is open."""
    record(unit, ORIGIN, subject, Scope(PROGRAM))


def assign(database: Database, limit: int = MANY) -> int:
    """One step, and to how many it gave positions."""
    with transaction(database) as unit:
        return positions.assign(unit.connection, limit)


def assigned_now(database: Database) -> list[str]:
    """What a step gives positions to, by its subjects."""
    with connection(database) as books:
        before = positions.newest(books)
        assigned = assign(database)
        found = [subject for _, subject in read_from(books, before)]
    assert assigned == len(found)
    return found


def read_from(books: Connection, position: int) -> list[tuple[int, str]]:
    """All that comes after a position: their own positions, and their subjects."""
    found = positions.after(books, None, None, position, MANY).found
    return [(positioned.position, positioned.activity.body["subject"]) for positioned in found]


def one(books: Connection, query: str) -> Any:
    """The only value of the only row."""
    [(value,)] = books.execute(query.encode())
    return value


@contextmanager
def begun(database: Database, subject: str) -> Iterator[Callable[[], None]]:
    """An act that was written and not yet committed, on a connection of its own; what commits it. Otherwise undone."""
    recorded, decided, ended = threading.Event(), threading.Event(), threading.Event()
    kept: list[bool] = []

    def write() -> None:
        with transaction(database) as unit:
            act_in(unit, subject)
            unit.write()
            recorded.set()
            decided.wait()
            if not kept:
                unit.discard()
        database.close()
        ended.set()

    def commit() -> None:
        kept.append(True)
        decided.set()
        ended.wait()

    thread = threading.Thread(target=write)
    thread.start()
    recorded.wait()
    try:
        yield commit
    finally:
        decided.set()
        thread.join()


def run_all(threads: list[threading.Thread], wait_for: list[threading.Thread], then: Callable[[], None]) -> None:
    """Starts all of them, and ends with `then` those that would go on for ever."""
    for thread in threads:
        thread.start()
    for thread in wait_for:
        thread.join()
    then()
    for thread in threads:
        thread.join()
