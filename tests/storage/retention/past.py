"""Activities of long ago, and the sweep as tests run it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rules.activity import Kind, by_itself
from storage.activity.commands import Outcome, Scope, record
from storage.engine.database import Database
from storage.engine.unit import run, transaction
from storage.retention import sweep
from storage.retention.sweep import Limits
from tests.storage.scene import Scene

YEAR = timedelta(365)
DAY = timedelta(1)
LOOK = Kind("customer.read", "CUSTOMERS", "ACCESS", event="")
# Nearly at once, in small steps.
LIMITS = Limits(timedelta(minutes=1), announced=1_000, batch=7)


def recorded(
    scene: Scene,
    ago: timedelta,
    kind: Kind = LOOK,
    outcome: Outcome = Outcome.SUCCEEDED,
    customer: str = "",
    event: str = "",
    number: int = 1,
    in_program: bool = True,
    note: str = "",
    request_id: str = "",
) -> list[UUID]:
    """Records activities as if it were then; answers their ids, in their order."""
    whose = Scope(scene.program.id if in_program else None, _number(scene, customer) if customer else None)
    with transaction(scene.database) as unit:
        unit.now -= ago
        made: list[UUID] = []
        for _ in range(number):
            unit.now += timedelta(microseconds=1)
            told: dict[str, Any] = {
                "outcome": outcome,
                "event": event,
                "details": {"found": len(made)},
                "note": note,
                "request_id": request_id,
            }
            made.append(UUID(record(unit, by_itself(kind), "programs/coffee", whose, **told)))
            # Each at an instant of its own.
            unit.write()
    return made


def swept(database: Database, limits: Limits = LIMITS, steps: int = 1_000) -> int:
    """Takes steps until there is nothing to do, or so many; answers how many it took."""
    for number in range(steps):
        if run(database, lambda unit: sweep.step(unit, limits)):
            return number
    return steps


def dropped(scene: Scene) -> set[UUID]:
    """The activities whose bodies are gone."""
    return {identity for (identity,) in scene.rows("SELECT id FROM activity WHERE body IS NULL")}


def instant(scene: Scene, activity: UUID) -> datetime:
    """When it was recorded."""
    [(found,)] = scene.rows("SELECT recorded_at FROM activity WHERE id = %s", [activity])
    assert isinstance(found, datetime)
    return found


def _number(scene: Scene, customer: str) -> int:
    [(found,)] = scene.rows("SELECT id FROM customer WHERE customer_id = %s", [customer])
    return int(found)
