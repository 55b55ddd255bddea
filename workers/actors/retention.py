"""Drops what the activity log has kept for long enough, in bounded steps (storage/retention/sweep.py).

What is due, and what of it is held, is decided anew in each step; a worker that is killed leaves whole steps, and any
other goes on behind them.
"""

from collections.abc import Mapping
from typing import Any

from storage.engine.unit import Unit
from storage.retention import sweep
from storage.tasks import commands as tasks
from workers.limits import (
    RETENTION_ANNOUNCED_MAX,
    RETENTION_ATTEMPTS_MAX,
    RETENTION_BATCH,
    RETENTION_EVERY,
    RETENTION_RETRY_MAX,
    RETENTION_RETRY_MIN,
)
from workers.tasks import Actor

LIMITS = sweep.Limits(RETENTION_EVERY, RETENTION_ANNOUNCED_MAX, RETENTION_BATCH)


def sweep_log(unit: Unit, args: Mapping[str, Any]) -> bool:
    """One step; the last finds nothing to do."""
    return sweep.step(unit, LIMITS)


def plan_retention(unit: Unit) -> None:
    """Plans the next sweep, unless one is open."""
    tasks.plan(unit, RETENTION.name, RETENTION.queue, {}, RETENTION.name)


RETENTION = Actor(
    name="retention",
    queue="sweep",
    step=sweep_log,
    attempts_max=RETENTION_ATTEMPTS_MAX,
    retry_min=RETENTION_RETRY_MIN,
    retry_max=RETENTION_RETRY_MAX,
)
