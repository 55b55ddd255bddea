"""How every task is worked on: taken, done step by step, marked done in the transaction of its last effect.

A step is one transaction that first takes the task's row, so a task that two workers were sent is never in two
hands at once: who finds it taken goes home, and the other goes on. Between steps either may take it; then the
steps of one task are done by two workers in turns, and it ends as it would have. Killed at any point, a worker
leaves whole steps, and a row that is sent again.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Any

import dramatiq
import structlog

from storage.engine.database import Database, StorageUnavailable
from storage.engine.unit import Unit, transaction
from storage.tasks.commands import Work, begin, fail, finish, hand_back
from workers.broker import Broker
from workers.failures import place
from workers.limits import DOUBLINGS_MAX, RUN_LIMIT_S, STORAGE_RETRY_MAX_S, STORAGE_RETRY_MIN_S
from workers.outage import Outage

log = structlog.get_logger()


@dataclass(frozen=True)
class Actor:
    """A kind of task: its name in the books, its queue, its work, and what happens when that fails.

    `step` does a part of the work with the task's args, in the transaction it is given, and says whether that was
    the last. It may be run again with the same args at any time, so it looks at what is there to be done. `given_up`
    notes, in the transaction that gives the task up, what that means: it gets the args and the type of the error.
    """

    name: str
    queue: str
    step: Callable[[Unit, Mapping[str, Any]], bool]
    attempts_max: int
    retry_min: timedelta
    retry_max: timedelta
    run_limit_s: float = RUN_LIMIT_S
    given_up: Callable[[Unit, Mapping[str, Any], str], None] | None = None

    def retry_after(self, attempts: int) -> timedelta | None:
        """How long to wait after so many failed attempts: twice as long each time. None: give up."""
        if attempts >= self.attempts_max:
            return None
        doublings = min(max(attempts - 1, 0), DOUBLINGS_MAX)
        return min(self.retry_min * (1 << doublings), self.retry_max)


class Runner:
    """Works on the tasks of one actor, on whichever thread calls. `stop` asks it to hand back what it can."""

    def __init__(self, actor: Actor, database: Database, stop: Event, outage: Outage) -> None:
        self._actor = actor
        self._database = database
        self._stop = stop
        self._outage = outage

    def declare(self, broker: Broker) -> None:
        """Has the broker's messages for the actor brought here."""
        dramatiq.actor(actor_name=self._actor.name, queue_name=self._actor.queue, broker=broker)(self.run)

    def run(self, task: str) -> None:
        """Works on a task to its end, or until it is time to make room for others. What fails is noted in its row."""
        deadline = time.monotonic() + self._actor.run_limit_s
        tries = 0
        while True:
            work: Work | None = None
            try:
                with transaction(self._database) as unit:
                    work = begin(unit.connection, task)
                    self._outage.over()
                    if work is None:
                        return
                    if self._actor.step(unit, work.args):
                        finish(unit.connection, task)
                        return
                    if self._stop.is_set() or time.monotonic() > deadline:
                        hand_back(unit.connection, task)
                        return
            except Exception as error:
                if work is None and isinstance(error, StorageUnavailable):
                    tries += 1
                    if self._wait(error, tries):
                        continue
                    return
                self._note(task, work, error)
                return

    def _note(self, task: str, work: Work | None, error: Exception) -> None:
        # Its text may hold personal data: the type and the place are what may be kept.
        name = type(error).__name__
        kept = log.bind(actor=self._actor.name, task=task, error=name, place=place(error))
        tries = 0
        while True:
            try:
                with transaction(self._database) as unit:
                    failed = fail(unit.connection, task, name, self._actor.retry_after)
                    is_over = failed is not None and failed.retry_after is None
                    if is_over and work is not None and self._actor.given_up is not None:
                        self._actor.given_up(unit, work.args, name)
                self._outage.over()
                break
            except StorageUnavailable as unavailable:
                tries += 1
                if not self._wait(unavailable, tries):
                    kept.warning("task failed, and is not noted: the worker ends")
                    return
            except Exception as refusal:
                # Whatever is wrong with this row keeps nobody from the others. It will be sent again.
                kept.error("task failed, and cannot be noted", refusal=type(refusal).__name__, noted_at=place(refusal))
                return
        if failed is not None:
            said = "task given up" if failed.retry_after is None else "task failed"
            kept.warning(said, attempt=failed.attempts)

    def _wait(self, error: StorageUnavailable, tries: int) -> bool:
        """Whether to try again now; not where the worker stops: the task is not done, so it will be sent again.

        A thread that waits takes no other task, which could only fail as well.
        """
        self._outage.noticed(str(error))
        pause_s = STORAGE_RETRY_MIN_S * (1 << min(tries - 1, DOUBLINGS_MAX))
        return not self._stop.wait(min(pause_s, STORAGE_RETRY_MAX_S))
