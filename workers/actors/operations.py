"""Takes the steps of operations: acts over many accounts, customers or coupons, which a call has begun.

How large a step is, is decided where it is taken. What an operation still has to go through stands in the books, so a
worker that is killed leaves whole steps, and any other goes on behind them.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from storage.coupons import batches
from storage.coupons.assigning.steps import step as assign
from storage.coupons.generating import steps as generating
from storage.coupons.voiding.steps import step as void
from storage.engine.unit import Unit
from storage.ledger.redating.steps import step as redate
from storage.operations import commands as operations
from storage.operations.records import OperationKind
from workers.codes import WorkerSeals
from workers.limits import OPERATION_ATTEMPTS_MAX, OPERATION_RETRY_MAX, OPERATION_RETRY_MIN
from workers.tasks import Actor

_GIVING_UP: Mapping[OperationKind, Callable[[Unit, UUID, str], None]] = {
    OperationKind.GENERATE_COUPONS: generating.give_up
}


def operation(seals: WorkerSeals) -> Actor:
    """The actor that takes steps; `seals` are those of codes, where a step makes some."""
    steps: Mapping[OperationKind, Callable[[Unit, UUID], bool]] = {
        OperationKind.REDATE_LOTS: redate,
        OperationKind.GENERATE_COUPONS: lambda unit, identity: generating.step(unit, identity, seals.of(unit)),
        OperationKind.ASSIGN_COUPONS: lambda unit, identity: assign(unit, identity, seals.of(unit)),
        OperationKind.VOID_COUPONS: void,
    }

    def take_step(unit: Unit, args: Mapping[str, Any]) -> bool:
        """One step; the last ends the operation. One that was cancelled has none left but to clear up."""
        return steps[OperationKind(args["kind"])](unit, UUID(args["operation"]))

    return _actor(operations.ACTOR, operations.QUEUE, take_step, give_up)


def give_up(unit: Unit, args: Mapping[str, Any], error: str) -> None:
    """The operation has failed: nobody goes on with it."""
    _GIVING_UP.get(OperationKind(args["kind"]), operations.fail)(unit, UUID(args["operation"]), error)


def _discard(unit: Unit, args: Mapping[str, Any]) -> bool:
    return batches.remove(unit, args["campaign"], args["batch"])


def _actor(
    name: str, queue: str, step: Callable[[Unit, Mapping[str, Any]], bool], given_up: Callable[..., None] | None = None
) -> Actor:
    return Actor(
        name=name,
        queue=queue,
        step=step,
        attempts_max=OPERATION_ATTEMPTS_MAX,
        retry_min=OPERATION_RETRY_MIN,
        retry_max=OPERATION_RETRY_MAX,
        given_up=given_up,
    )


# Removes coupons that were never published, of whatever came to nothing.
DISCARD_BATCH = _actor(batches.REMOVING, batches.QUEUE, _discard)
