"""Finds out to whom a token to set a password again is to be mailed: behind the call, which does the same work for an
address of nobody."""

from collections.abc import Mapping
from typing import Any

from storage.engine.unit import Unit
from storage.logins import passwords
from workers.limits import PRUNE_ATTEMPTS_MAX, PRUNE_RETRY_MAX, PRUNE_RETRY_MIN
from workers.tasks import Actor


def mail_reset(unit: Unit, args: Mapping[str, Any]) -> bool:
    """Plans the mail, where there is anybody."""
    passwords.mail_reset(unit, args["token"])
    return True


MAIL_RESET = Actor(
    name=passwords.ACTOR,
    queue=passwords.QUEUE,
    step=mail_reset,
    attempts_max=PRUNE_ATTEMPTS_MAX,
    retry_min=PRUNE_RETRY_MIN,
    retry_max=PRUNE_RETRY_MAX,
)
