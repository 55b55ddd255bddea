"""Every night: looks at all cards that are in phones, in bounded pages, each a task that plans the next."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from storage.engine.unit import Unit
from storage.passes import reconciling
from storage.passes.forgetting import still_shown
from storage.tasks import commands as tasks
from workers.limits import (
    RECONCILE_ATTEMPTS_MAX,
    RECONCILE_BATCH,
    RECONCILE_HOUR,
    RECONCILE_RETRY_MAX,
    RECONCILE_RETRY_MIN,
    RECONCILE_SINCE,
)
from workers.tasks import Actor

log = structlog.get_logger()

_SHOWN = "Google still shows cards of people who were erased"
_WHY = "It is sent them again every night; fealty pass trace tells of each what Google answered."


def reconcile(unit: Unit, args: Mapping[str, Any]) -> bool:
    """One page."""
    after = UUID(args["after"]) if "after" in args else None
    page = reconciling.look(unit, after, RECONCILE_BATCH, RECONCILE_SINCE)
    if page.told_again:
        log.warning("phones told again of what they had not fetched", passes=page.told_again, of=page.looked)
    if page.last is not None:
        _plan(unit, {"after": str(page.last)}, f"{RECONCILE.name}:{page.last}", unit.now)
    elif shown := still_shown(unit.connection, RECONCILE_SINCE):
        log.error(_SHOWN, passes=shown, advice=_WHY)
    return True


def plan_reconcile(unit: Unit) -> None:
    """Plans the next night's look, unless that is planned."""
    _plan(unit, {}, RECONCILE.name, next_at(unit.now, RECONCILE_HOUR))


def next_at(now: datetime, hour: int) -> datetime:
    """The next instant at which it is that hour, UTC."""
    at = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return at if at > now else at + timedelta(days=1)


def _plan(unit: Unit, args: Mapping[str, Any], key: str, due_at: datetime) -> None:
    tasks.plan(unit, RECONCILE.name, RECONCILE.queue, args, key, due_at=due_at)


RECONCILE = Actor(
    name=reconciling.ACTOR,
    queue="sweep",
    step=reconcile,
    attempts_max=RECONCILE_ATTEMPTS_MAX,
    retry_min=RECONCILE_RETRY_MIN,
    retry_max=RECONCILE_RETRY_MAX,
)
