"""Takes the steps of operations: acts over many accounts, which a call has begun.

How large a step is, is decided where it is taken. What an operation still has to go through stands in the books, so a
worker that is killed leaves whole steps, and any other goes on behind them.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from storage.engine.unit import Unit
from storage.ledger.redating.steps import step as redate
from storage.operations import commands as operations
from storage.operations.records import OperationKind
from workers.limits import OPERATION_ATTEMPTS_MAX, OPERATION_RETRY_MAX, OPERATION_RETRY_MIN
from workers.tasks import Actor

_STEPS: Mapping[OperationKind, Callable[[Unit, UUID], bool]] = {OperationKind.REDATE_LOTS: redate}


def take_step(unit: Unit, args: Mapping[str, Any]) -> bool:
    """One step; the last ends the operation. One that was cancelled has none left."""
    return _STEPS[OperationKind(args["kind"])](unit, UUID(args["operation"]))


def give_up(unit: Unit, args: Mapping[str, Any], error: str) -> None:
    """The operation has failed: nobody goes on with it."""
    operations.fail(unit, UUID(args["operation"]), error)


OPERATION = Actor(
    name=operations.ACTOR,
    queue=operations.QUEUE,
    step=take_step,
    attempts_max=OPERATION_ATTEMPTS_MAX,
    retry_min=OPERATION_RETRY_MIN,
    retry_max=OPERATION_RETRY_MAX,
    given_up=give_up,
)
