"""Every day: whether the certificates that cards are signed and pushed with are in order, and for how long.

Said in the log of the worker at its start and, from 30 days before the end, each day; in the activity log once at 30,
14, 7 and 1 days.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from storage.engine.unit import Unit
from storage.passes import expiring
from storage.tasks import commands as tasks
from wallet.accounts import Accounts
from wallet.apple.certificates import Expiry
from workers.actors.passes.reconcile import next_at
from workers.limits import (
    CERTIFICATES_ATTEMPTS_MAX,
    CERTIFICATES_HOUR,
    CERTIFICATES_RETRY_MAX,
    CERTIFICATES_RETRY_MIN,
)
from workers.tasks import Actor

log = structlog.get_logger()

NAME = "watch_certificates"
QUEUE = "push"


def watch_certificates(accounts: Callable[[], Accounts]) -> Actor:
    """The actor that looks at the accounts as they are in their folder then."""

    def watch(unit: Unit, args: Mapping[str, Any]) -> bool:
        for topic, ends in say(accounts(), unit.now):
            expiring.note(unit, topic, ends.file, ends.expires_at, ends.stage, ends.days_left)
        return True

    return Actor(
        name=NAME,
        queue=QUEUE,
        step=watch,
        attempts_max=CERTIFICATES_ATTEMPTS_MAX,
        retry_min=CERTIFICATES_RETRY_MIN,
        retry_max=CERTIFICATES_RETRY_MAX,
    )


def say(found: Accounts, now: datetime) -> list[tuple[str, Expiry]]:
    """Says in the log which accounts cannot be used, and which certificates end soon; answers these, by pass type."""
    for fault in found.faults:
        log.error("account of a wallet cannot be used", reason=str(fault))
    ending = [(account.pass_type, ends) for account in found.apple_accounts for ends in account.warnings(now)]
    for topic, ends in ending:
        log.warning("certificate ends soon", topic=topic, file=ends.file, days_left=ends.days_left, advice=ends.advice)
    return ending


def plan_watch(unit: Unit) -> None:
    """Plans the next day's look, unless that is planned."""
    tasks.plan(unit, NAME, QUEUE, {}, NAME, due_at=next_at(unit.now, CERTIFICATES_HOUR))
