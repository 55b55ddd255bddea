"""What all actors have in common: a task is taken, what fails is noted in its row, the database is waited for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Event
from typing import Any, Generic, TypeVar

import dramatiq
import structlog

from storage.engine.database import Database, StorageUnavailable
from storage.engine.unit import Unit, transaction
from storage.tasks.commands import Failed, Work, begin, fail, hand_back
from workers import failures
from workers.broker import Broker
from workers.failures import NotNow, OutcomeUnknown, Permanent
from workers.limits import DOUBLINGS_MAX, STORAGE_RETRY_MAX_S, STORAGE_RETRY_MIN_S
from workers.outage import Outage

log = structlog.get_logger()

Result = TypeVar("Result")


class Retried:
    """A kind of task: its name in the books, its queue, how often it is tried, and what happens when it is given up.

    `given_up` notes, in the transaction that gives the task up, what that means: it gets the args and the name of the
    error.
    """

    name: str
    queue: str
    attempts_max: int
    retry_min: timedelta
    retry_max: timedelta
    given_up: Callable[[Unit, Mapping[str, Any], str], None] | None

    def retry_after(self, attempts: int) -> timedelta | None:
        """How long to wait after so many failed attempts: twice as long each time. None: give up."""
        if attempts >= self.attempts_max:
            return None
        doublings = min(max(attempts - 1, 0), DOUBLINGS_MAX)
        return min(self.retry_min * (1 << doublings), self.retry_max)


Kind = TypeVar("Kind", bound=Retried)


class Attempts(ABC, Generic[Kind]):
    """Works on the tasks of one actor, on whichever thread calls. `stop` asks it to hand back what it can."""

    def __init__(self, actor: Kind, database: Database, stop: Event, outage: Outage) -> None:
        self._actor = actor
        self._database = database
        self._stop = stop
        self._outage = outage

    def declare(self, broker: Broker) -> None:
        """Has the broker's messages for the actor brought here."""
        dramatiq.actor(actor_name=self._actor.name, queue_name=self._actor.queue, broker=broker)(self.run)

    @abstractmethod
    def run(self, task: str) -> None:
        """Works on a task as far as that goes now. What fails is noted in its row."""

    def _take(self, task: str, use: Callable[[Unit, Work], Result]) -> Result | None:
        """What `use` makes of the task, in the transaction that takes it. None where it is not to be worked on now:
        somebody else has it, it has ended, or it failed, which is noted."""
        tries = 0
        while True:
            work: Work | None = None
            try:
                with transaction(self._database) as unit:
                    work = begin(unit.connection, task)
                    self._outage.over()
                    return use(unit, work) if work is not None else None
            except Exception as error:
                if work is None and isinstance(error, StorageUnavailable):
                    tries += 1
                    if self._wait(error, tries):
                        continue
                    return None
                self._note(task, work, error)
                return None

    def _patiently(self, change: Callable[[Unit], Result]) -> Result:
        """What `change` answers, in a transaction of its own; a database that is away is waited for. Raises
        StorageUnavailable where the worker stops first."""
        tries = 0
        while True:
            try:
                with transaction(self._database) as unit:
                    result = change(unit)
                self._outage.over()
                return result
            except StorageUnavailable as error:
                tries += 1
                if not self._wait(error, tries):
                    raise

    def _note(self, task: str, work: Work | None, error: Exception) -> None:
        # Its text may hold personal data: the type and the place are what may be kept.
        name = failures.name(error)
        kept = log.bind(actor=self._actor.name, task=task, error=name, place=failures.place(error))

        def note(unit: Unit) -> Failed | None:
            if isinstance(error, NotNow) and work is not None:
                hand_back(unit.connection, task, work, error.after, error.why)
                return None
            retry_after = _never if isinstance(error, Permanent | OutcomeUnknown) else self._actor.retry_after
            failed = fail(unit.connection, task, work, name, retry_after)
            is_over = failed is not None and failed.retry_after is None
            if is_over and work is not None and self._actor.given_up is not None:
                self._actor.given_up(unit, work.args, name)
            return failed

        try:
            failed = self._patiently(note)
        except StorageUnavailable:
            kept.warning("task failed, and is not noted: the worker ends")
        except Exception as refusal:
            # Whatever is wrong with this row keeps nobody from the others. It will be sent again.
            noted_at = failures.place(refusal)
            kept.error("task failed, and cannot be noted", refusal=type(refusal).__name__, noted_at=noted_at)
        else:
            if failed is not None:
                said = "task given up" if failed.retry_after is None else "task failed"
                kept.warning(said, attempt=failed.attempts)

    def _wait(self, error: StorageUnavailable, tries: int) -> bool:
        """Whether to try again now; not where the worker stops: the task is not done, so it will be sent again.

        A thread that waits takes no other task, which could only fail as well.
        """
        self._outage.noticed(str(error))
        return self._pause(tries)

    def _pause(self, tries: int) -> bool:
        pause_s = STORAGE_RETRY_MIN_S * (1 << min(tries - 1, DOUBLINGS_MAX))
        return not self._stop.wait(min(pause_s, STORAGE_RETRY_MAX_S))


def _never(attempts: int) -> None:
    """Trying again does not help."""
