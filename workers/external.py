"""How a task is worked on whose effect is outside the database: loaded in a transaction, done without one, recorded in
another, which marks the task done.

The load notes in the task's row that it is begun, and until when: whoever is sent it meanwhile goes home. A client ends
by its deadline, which is earlier; so two are never at one task, unless a process was stopped for longer than that.

Killed between the effect and its record, a worker leaves an effect that nobody knows of. Nothing can be done about that
but to choose: each actor says how often its task may be begun with nothing recorded of it, 1 for at most once, more for
at least once. Then the task is given up as OutcomeUnknown.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from storage.engine.database import StorageUnavailable
from storage.engine.unit import Unit
from storage.tasks.commands import Work, finish, reserve
from workers import failures
from workers.attempts import Attempts, Retried
from workers.failures import OutcomeUnknown
from workers.limits import RECORD_LIMIT_S, SEND_AGAIN_AFTER, STOP_LIMIT_S

log = structlog.get_logger()

Loaded = TypeVar("Loaded")
Done = TypeVar("Done")


@dataclass(frozen=True)
class ExternalActor(Retried, Generic[Loaded, Done]):
    """A kind of task that does something outside the database.

    `load` reads what that needs, and may write; None: nothing is to be done any more. `act` does it within
    `act_limit_s`, by the instant of `time.monotonic` that it is given: all of its waiting must end by itself, for
    nobody else can end it. `record` writes what came of it, in the transaction that marks the task done.

    Any of them may raise NotNow, and the task waits; Permanent, and it is given up at once; anything else, and it is
    tried again after a pause. `begun_max`: how often it is begun at most with nothing recorded of it.
    """

    name: str
    queue: str
    load: Callable[[Unit, Mapping[str, Any]], Loaded | None]
    act: Callable[[Loaded, float], Done]
    record: Callable[[Unit, Mapping[str, Any], Loaded, Done], None]
    act_limit_s: float
    begun_max: int
    attempts_max: int
    retry_min: timedelta
    retry_max: timedelta
    given_up: Callable[[Unit, Mapping[str, Any], str], None] | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where the limit would make every stop of a worker, or every sending again, a collision."""
        if self.act_limit_s >= STOP_LIMIT_S or self.reserved_s >= SEND_AGAIN_AFTER.total_seconds():
            raise ValueError(f"{self.name} may take {self.act_limit_s} s: a worker does not wait that long for it")

    @property
    def reserved_s(self) -> float:
        """For how long a task is this worker's alone: until it must be done, and some time to record that."""
        return self.act_limit_s + RECORD_LIMIT_S


class _Begun(NamedTuple):
    work: Work
    loaded: Any


class ExternalRunner(Attempts[ExternalActor[Any, Any]]):
    """Works on the tasks of an actor that does something outside the database."""

    def run(self, task: str) -> None:
        """Loads, acts and records, where nobody else is at it. What fails is noted in the task's row."""
        # Read before the row is reserved by the database's clock: whatever that takes, we end first.
        began = time.monotonic()
        begun = self._take(task, partial(self._load, task))
        if begun is None:
            return
        try:
            done = self._actor.act(begun.loaded, began + self._actor.act_limit_s)
        except Exception as error:
            self._note(task, begun.work, error)
        else:
            self._record(task, begun, done, began + self._actor.reserved_s)

    def _load(self, task: str, unit: Unit, work: Work) -> _Begun | None:
        if work.begun >= self._actor.begun_max:
            raise OutcomeUnknown
        loaded = self._actor.load(unit, work.args)
        if loaded is None:
            finish(unit.connection, task)
            return None
        return _Begun(reserve(unit.connection, task, work, timedelta(seconds=self._actor.reserved_s)), loaded)

    def _record(self, task: str, begun: _Begun, done: Any, until: float) -> None:
        def record(unit: Unit) -> None:
            # Where another worker was faster, that it is done stands there already.
            if finish(unit.connection, task):
                self._actor.record(unit, begun.work.args, begun.loaded, done)

        tries = 0
        while True:
            try:
                return self._patiently(record)
            except Exception as error:
                tries += 1
                # What is done must not be done again for a row that somebody holds.
                is_over = isinstance(error, StorageUnavailable) or time.monotonic() > until
                if is_over or not self._pause(tries):
                    known = {"error": failures.name(error), "place": failures.place(error)}
                    log.error("done, and not recorded", actor=self._actor.name, task=task, **known)
                    return
