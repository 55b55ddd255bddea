"""Notes of requests for approval that time has ended them; they are expired without it
(storage/approvals/outcomes.py)."""

from collections.abc import Mapping
from typing import Any

from storage.approvals import outcomes
from storage.engine.unit import Unit
from storage.tasks import commands as tasks
from workers.limits import (
    APPROVALS_ATTEMPTS_MAX,
    APPROVALS_BATCH,
    APPROVALS_RETRY_MAX,
    APPROVALS_RETRY_MIN,
)
from workers.tasks import Actor


def expire(unit: Unit, args: Mapping[str, Any]) -> bool:
    """One batch; the last finds fewer than it might."""
    return outcomes.expire(unit, APPROVALS_BATCH)


def plan_expiry(unit: Unit) -> None:
    """Plans it where there is something to note, unless one is open."""
    if outcomes.is_due(unit.connection):
        tasks.plan(unit, EXPIRE_APPROVALS.name, EXPIRE_APPROVALS.queue, {}, EXPIRE_APPROVALS.name)


EXPIRE_APPROVALS = Actor(
    name="expire_approvals",
    queue="sweep",
    step=expire,
    attempts_max=APPROVALS_ATTEMPTS_MAX,
    retry_min=APPROVALS_RETRY_MIN,
    retry_max=APPROVALS_RETRY_MAX,
)
