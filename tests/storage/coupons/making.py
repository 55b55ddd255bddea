"""Campaigns of a scene, and codes made for them step by step."""

from typing import Any
from uuid import UUID

from rules.coupons.terms import Benefit, Terms
from storage.coupons import batches
from storage.coupons.campaigns import ArchiveCampaign, CreateCampaign
from storage.coupons.generating import steps
from storage.coupons.generating.commands import GenerateCoupons
from storage.coupons.queries import Campaign
from storage.engine.commands import Reason
from storage.engine.requests import Answer
from storage.engine.unit import run
from storage.operations.queries import Operation
from tests.personal import CODES
from tests.storage.operating import read
from tests.storage.scene import Scene, asked

WHY = Reason("SEASON")
FREE_SHIPPING = Terms(Benefit.FREE_SHIPPING)
GIFT = Terms(Benefit.BALANCE, amount_minor=5_000, currency_code="EUR")


def campaign(scene: Scene, name: str = "spring", terms: Terms = FREE_SHIPPING) -> Campaign:
    """A campaign without codes."""
    return scene.carry_out(CreateCampaign(scene.program_id, name, name.capitalize(), terms, asked(name))).value


def archive(scene: Scene, name: str = "spring") -> None:
    """Archives it."""
    scene.carry_out(ArchiveCampaign(scene.program_id, name, "", True, asked(("archive", name), reason=WHY)))


def generate(scene: Scene, count: int, name: str = "spring", pattern: str = "", **how: Any) -> Answer[Operation]:
    """Asks for codes."""
    context = asked((name, count, pattern), action="coupons.generated", **how)
    return scene.carry_out(GenerateCoupons(scene.program_id, name, count, pattern, context))


def step(scene: Scene, operation: UUID, size: int = 10) -> bool:
    """One step, as a worker takes it: whether it was the last."""
    return run(scene.database, lambda unit: steps.step(unit, operation, CODES, size))


def finish(scene: Scene, operation: Operation, size: int = 10) -> Operation:
    """All steps that are left; the operation as it ended."""
    for _ in range(1_000):
        if step(scene, operation.id, size):
            return read(scene, operation)
    raise AssertionError("it does not end")


def made(scene: Scene, count: int = 5, name: str = "spring", **how: Any) -> Operation:
    """A batch that is published."""
    return finish(scene, generate(scene, count, name, **how).value)


def discard(scene: Scene, campaign: int, number: int) -> None:
    """As the task of it does."""
    while not run(scene.database, lambda unit: batches.remove(unit, campaign, number)):
        pass


def codes(scene: Scene, batch: int | None = None) -> list[str]:
    """The codes of all coupons in the clear, or of those of a batch of whatever campaign, as they were made."""
    rows = scene.rows("SELECT code FROM coupon WHERE %s::int IS NULL OR batch = %s ORDER BY id", [batch, batch])
    return [CODES.unseal(scene.program_id, bytes(code)) for (code,) in rows]
