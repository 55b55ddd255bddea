"""Redatings of a scene's lots: asked for, rehearsed, brought on step by step, cancelled."""

from typing import Any

from storage.engine.commands import Reason
from storage.engine.database import connection
from storage.engine.requests import Answer
from storage.engine.unit import run
from storage.ledger.redating import steps
from storage.ledger.redating.commands import Redated, RedateLots
from storage.ledger.redating.steps import StepSize
from storage.ledger.redating.terms import Expiry, Terms
from storage.operations import commands, queries
from storage.operations.commands import CancelOperation
from storage.operations.queries import Operation
from storage.tasks.records import TASKS
from tests.storage.scene import CALLER, Scene, asked

WHY = Reason("GOODWILL", "The shop was closed for a month", "u-17")
NEVER = Terms("slow", Expiry.NEVER)


def redate(scene: Scene, terms: Terms = NEVER, name: str = "", **how: Any) -> Answer[Redated]:
    """Asks for it: of one customer, or of all."""
    return scene.carry_out(RedateLots(scene.program_id, name, terms, asked((name, terms), reason=WHY, **how)))


def begin(scene: Scene, terms: Terms = NEVER) -> Operation:
    """Asks for it while somebody holds every account, so that its first step finds none to take."""
    with scene.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM account FOR UPDATE")
        return redate(scene, terms).value.operation


def step(scene: Scene, operation: Operation, accounts: int = 2, lots: int = 100) -> bool:
    """One step, as a worker takes it: whether it was the last."""
    return run(scene.database, lambda unit: steps.step(unit, operation.id, StepSize(accounts, lots)))


def finish(scene: Scene, operation: Operation, accounts: int = 2, lots: int = 100) -> Operation:
    """All steps that are left; the operation as it ended."""
    for _ in range(1_000):
        if step(scene, operation, accounts, lots):
            return read(scene, operation)
    raise AssertionError("it does not end")


def cancel(scene: Scene, operation: Operation, **how: Any) -> Answer[Operation]:
    """Ends it early."""
    return scene.carry_out(CancelOperation(operation.name, asked(operation.name, reason=WHY, **how)))


def read(scene: Scene, operation: Operation) -> Operation:
    """The operation as it stands."""
    with connection(scene.database):
        return queries.get(operation.name, CALLER)


def tasks() -> list[dict[str, Any]]:
    """The args of every task of an operation that is open."""
    tasks = TASKS.model
    query = tasks.select().where((tasks.actor == commands.ACTOR) & (tasks.state << ["READY", "SENT"]))
    return [row.args for row in query]


def left(scene: Scene, operation: Operation) -> list[tuple[int, int, int]]:
    """The accounts it still has to go through, with their lots and how far it came in them."""
    return scene.rows(
        "SELECT account, lots, lots_done FROM operation_account WHERE operation = %s ORDER BY account", [operation.id]
    )


def expiries(scene: Scene, card: str = "slow") -> dict[str, list[Any]]:
    """When the open lots of a card end, by customer, in the order of their numbers."""
    rows = scene.rows(
        "SELECT c.customer_id, array_agg(l.expires_at ORDER BY l.number) FROM lot l JOIN account a ON a.id = l.account"
        " JOIN customer c ON c.id = a.customer WHERE a.card_id = %s AND l.state IN ('PENDING', 'ACTIVE') GROUP BY 1",
        [card],
    )
    return dict(rows)


def figures(operation: Operation) -> tuple[int, int, int]:
    """Lots, points and accounts that it changed."""
    return (operation.figures["lots"], operation.figures["points"], operation.figures["accounts"])
