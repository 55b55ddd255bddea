"""Something outside the database to act on, workers that die with it in hand, and what is left of a task then."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Event
from typing import Any

import pytest

from storage.engine.database import Database
from storage.engine.unit import Unit, transaction
from storage.tasks.commands import claim, plan
from tests.workers.acting import rows
from workers.external import ExternalActor, ExternalRunner
from workers.outage import Outage

LATER = timedelta(hours=1)
STATE = "SELECT state, attempts, last_error FROM task"
LEFT = "SELECT state, attempts, extract(epoch FROM due_at - now())"


class Killed(BaseException):
    """The process is killed here: nothing after it happens."""


class Outside:
    """What is outside the database. `act` is called by each who does something there; then it counts as done."""

    def __init__(self) -> None:
        self.done = 0
        self.act: Callable[[], None] = lambda: None
        self.before_record: Callable[[], None] = lambda: None
        self.given_up: list[str] = []
        self.deadlines: list[float] = []

    def actor(self, begun_max: int = 3) -> ExternalActor[int, int]:
        """Acts here, and records what came of it as an effect."""
        return ExternalActor(
            name="ask",
            queue="test",
            load=lambda unit, args: args["number"] or None,
            act=self._act,
            record=self._record,
            act_limit_s=10.0,
            begun_max=begun_max,
            attempts_max=3,
            retry_min=LATER,
            retry_max=LATER,
            given_up=lambda unit, args, error: self.given_up.append(error),
        )

    def _act(self, loaded: int, deadline: float) -> int:
        self.deadlines.append(deadline)
        self.act()
        self.done += 1
        return loaded * 10

    def _record(self, unit: Unit, args: Mapping[str, Any], loaded: int, done: int) -> None:
        self.before_record()
        unit.connection.execute("INSERT INTO effect VALUES (%s)", (loaded + done,))


def die_recording(database: Database, outside: Outside, actor: ExternalActor[int, int], task: str) -> None:
    """It is done, and the worker dies before it says so."""
    outside.before_record = raising(Killed())
    killed(lambda: runner(database, actor).run(task))
    outside.before_record = lambda: None


def killed(work: Callable[[], None]) -> None:
    """The process of it ends there."""
    with pytest.raises(Killed):
        work()


def raising(error: BaseException) -> Callable[[], None]:
    """What raises it."""

    def fail() -> None:
        raise error

    return fail


def pass_time(database: Database) -> None:
    """As if the time of whoever has begun it had passed."""
    rows(database, "UPDATE task SET begun_until = now(), due_at = now() RETURNING id")


def sent(database: Database, number: int) -> str:
    """A task of the actor, which the relay has sent."""
    with transaction(database) as unit:
        plan(unit, "ask", "test", {"number": number}, "ask")
    return claimed(database)[0]


def claimed(database: Database) -> list[str]:
    """What the relay sends now."""
    with transaction(database) as unit:
        return [task.id for task in claim(unit.connection, 10, LATER)]


def runner(database: Database, actor: ExternalActor[int, int]) -> ExternalRunner:
    """What works on it in a worker."""
    return ExternalRunner(actor, database, Event(), Outage("database"))


def run_and_close(database: Database, actor: ExternalActor[int, int], task: str) -> None:
    """The same, on a thread of its own."""
    runner(database, actor).run(task)
    database.close()
