"""How a task is worked on whose effect is in the books: taken, done step by step, marked done in the transaction of its
last effect.

A step is one transaction that first takes the task's row, so a task that two workers were sent is never in two
hands at once: who finds it taken goes home, and the other goes on. Between steps either may take it; then the
steps of one task are done by two workers in turns, and it ends as it would have. Killed at any point, a worker
leaves whole steps, and a row that is sent again.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from storage.engine.unit import Unit
from storage.tasks.commands import Work, finish, hand_back
from workers.attempts import Attempts, Retried
from workers.limits import RUN_LIMIT_S


@dataclass(frozen=True)
class Actor(Retried):
    """A kind of task that is done in steps, each a transaction.

    `step` does a part of the work with the task's args, in the transaction it is given, and says whether that was
    the last. It may be run again with the same args at any time, so it looks at what is there to be done.
    """

    name: str
    queue: str
    step: Callable[[Unit, Mapping[str, Any]], bool]
    attempts_max: int
    retry_min: timedelta
    retry_max: timedelta
    run_limit_s: float = RUN_LIMIT_S
    given_up: Callable[[Unit, Mapping[str, Any], str], None] | None = None


class Runner(Attempts[Actor]):
    """Takes the steps of one actor's tasks."""

    def run(self, task: str) -> None:
        """Works on a task to its end, or until it is time to make room for others. What fails is noted in its row."""
        deadline = time.monotonic() + self._actor.run_limit_s

        def step(unit: Unit, work: Work) -> bool:
            if self._actor.step(unit, work.args):
                finish(unit.connection, task)
                return False
            if self._stop.is_set() or time.monotonic() > deadline:
                hand_back(unit.connection, task, work)
                return False
            return True

        while self._take(task, step):
            pass
