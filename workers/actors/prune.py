"""Removes what has served its time: tasks that ended days ago, answers to requests beyond their retention, attempts
that count no more, sums of days that are over, callbacks of Google that cannot come again, what phones reported long
ago, links that ended, cards of people who were erased, and logins that were begun and not ended."""

from collections.abc import Mapping
from typing import Any

from storage.approvals import outcomes
from storage.attempts import exchange
from storage.engine import requests
from storage.engine.unit import Unit
from storage.logins import challenges
from storage.passes import deliveries, google, linking
from storage.passes import forgetting as passes
from storage.tasks import commands as tasks
from workers.limits import PRUNE_ATTEMPTS_MAX, PRUNE_BATCH, PRUNE_RETRY_MAX, PRUNE_RETRY_MIN, TASK_RETENTION
from workers.tasks import Actor


def prune(unit: Unit, args: Mapping[str, Any]) -> bool:
    """One batch of each; the last found fewer than it might of all."""
    removed = (
        tasks.prune(unit.connection, TASK_RETENTION, PRUNE_BATCH),
        requests.prune(unit.connection, PRUNE_BATCH),
        exchange.prune(unit.connection, PRUNE_BATCH),
        outcomes.prune(unit.connection, PRUNE_BATCH),
        passes.forget(unit.connection, PRUNE_BATCH),
        google.prune(unit.connection, PRUNE_BATCH),
        deliveries.prune_reports(unit.connection, PRUNE_BATCH),
        linking.prune(unit.connection, PRUNE_BATCH),
        challenges.prune(unit, PRUNE_BATCH),
    )
    return max(removed) < PRUNE_BATCH


def plan_prune(unit: Unit) -> None:
    """Plans the next one, unless one is open."""
    tasks.plan(unit, PRUNE.name, PRUNE.queue, {}, PRUNE.name)


PRUNE = Actor(
    name="prune",
    queue="sweep",
    step=prune,
    attempts_max=PRUNE_ATTEMPTS_MAX,
    retry_min=PRUNE_RETRY_MIN,
    retry_max=PRUNE_RETRY_MAX,
)
