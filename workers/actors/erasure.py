"""Goes on with erasing a person whose records were too many for the call (storage/customers/forgetting.py)."""

from collections.abc import Mapping
from typing import Any

from storage.customers import forgetting
from storage.engine.unit import Unit
from workers.limits import OPERATION_ATTEMPTS_MAX, OPERATION_RETRY_MAX, OPERATION_RETRY_MIN
from workers.tasks import Actor


def _step(unit: Unit, args: Mapping[str, Any]) -> bool:
    return forgetting.go_on(unit, args["customer"])


ERASE_CUSTOMER = Actor(
    name=forgetting.ACTOR,
    queue=forgetting.QUEUE,
    step=_step,
    attempts_max=OPERATION_ATTEMPTS_MAX,
    retry_min=OPERATION_RETRY_MIN,
    retry_max=OPERATION_RETRY_MAX,
)
