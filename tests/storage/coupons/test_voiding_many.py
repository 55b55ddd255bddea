"""The end of many coupons: those that match, each once, and no others."""

import json
from typing import Any
from uuid import UUID

import pytest

from rules.coupons.refusals import CampaignNotFound
from storage.coupons.voiding import steps
from storage.coupons.voiding.commands import VoidCoupons
from storage.engine.database import Busy, Database
from storage.engine.requests import Answer
from storage.engine.unit import run
from storage.operations.queries import Operation
from storage.operations.records import OperationState
from tests.storage.coupons import making
from tests.storage.coupons.making import WHY, campaign, codes, generate, made
from tests.storage.operating import cancel, read
from tests.storage.scene import START, Scene, asked

VOIDED = "SELECT batch FROM coupon WHERE voided_at IS NOT NULL ORDER BY id"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Two batches of a campaign: of the first, ada has a coupon and one was used."""
    found = Scene(database)
    campaign(found)
    made(found, 7)
    made(found, 2)
    found.execute(
        "UPDATE coupon SET customer = (SELECT id FROM customer) WHERE id = (SELECT min(id::text)::uuid FROM coupon)"
    )
    found.execute("UPDATE coupon SET uses = 1 WHERE id = (SELECT max(id::text)::uuid FROM coupon WHERE batch = 1)")
    return found


def void(
    scene: Scene,
    batch: int | None = None,
    assigned: bool | None = None,
    unused: bool = False,
    of: str = "spring",
    **how: Any,
) -> Answer[Operation]:
    """Asks for it."""
    context = asked((batch, assigned, unused), action="coupons.voided", **{"reason": WHY, **how})
    return scene.carry_out(VoidCoupons(scene.program_id, of, batch, assigned, unused, context))


def step(scene: Scene, operation: UUID, size: int = 3) -> bool:
    """One step, as a worker takes it."""
    return run(scene.database, lambda unit: steps.step(unit, operation, size))


def finish(scene: Scene, operation: Operation) -> Operation:
    """All that are left; the operation as it ended."""
    for _ in range(100):
        if step(scene, operation.id):
            return read(scene, operation)
    raise AssertionError("it does not end")


@pytest.mark.parametrize(
    ("which", "batches"),
    [
        ({}, [1] * 7 + [2] * 2),
        ({"batch": 2}, [2, 2]),
        ({"assigned": True}, [1]),
        ({"assigned": False}, [1] * 6 + [2] * 2),
        ({"unused": True}, [1] * 6 + [2] * 2),
        ({"assigned": False, "unused": True, "batch": 1}, [1] * 5),
    ],
)
def test_those_that_match_are_voided_and_no_others(scene: Scene, which: Any, batches: list[int]) -> None:
    """As many as whoever asked before was told."""
    told = void(scene, **which, validate_only=True).value
    assert (told.name, told.accounts_total, scene.rows(VOIDED)) == ("", len(batches), [])
    ended = finish(scene, void(scene, **which).value)
    assert (ended.state, ended.accounts_done, ended.accounts_total) == (
        OperationState.SUCCEEDED,
        len(batches),
        len(batches),
    )
    assert ended.figures == {"voided": len(batches)}
    assert scene.rows(VOIDED) == [(number,) for number in batches]
    assert scene.rows("SELECT DISTINCT voided_at FROM coupon WHERE voided_at IS NOT NULL") == [(START,)] * bool(batches)


def test_what_comes_later_is_not_covered(scene: Scene) -> None:
    """Whoever voids a leaked batch and prints another at once must not lose that too."""
    under_way = generate(scene, 3).value
    operation = void(scene).value
    making.finish(scene, under_way)
    made(scene, 2)
    assert finish(scene, operation).figures == {"voided": 9}
    assert scene.rows("SELECT DISTINCT batch FROM coupon WHERE voided_at IS NULL ORDER BY 1") == [(3,), (4,)]


def test_coupons_in_other_hands_are_passed_over_and_voided_later(scene: Scene) -> None:
    """A redemption under way stops no step, and escapes none."""
    operation = void(scene).value
    with scene.another_connection() as books, books.transaction():
        books.execute("SELECT FROM coupon WHERE customer IS NOT NULL FOR NO KEY UPDATE")
        assert not any(step(scene, operation.id) for _ in range(3))
        assert scene.rows("SELECT count(*) FROM coupon WHERE voided_at IS NULL") == [(1,)]
        with pytest.raises(Busy):
            step(scene, operation.id)
    assert finish(scene, operation).figures == {"voided": 9}


def test_cancelled_it_stops_where_it_is(scene: Scene) -> None:
    """What is voided stays so: for good is for good."""
    operation = void(scene).value
    step(scene, operation.id)
    cancel(scene, operation)
    assert step(scene, operation.id)
    assert len(scene.rows(VOIDED)) == 3


def test_whose_coupon_it_was_finds_it_in_their_history(scene: Scene) -> None:
    """Of what nobody had, the operation tells."""
    operation = finish(scene, void(scene).value)
    bodies = [json.loads(body) for body in scene.bodies()]
    [told] = [body for body in bodies if body["action"] == "coupon.voided"]
    assert told["subject"].startswith("programs/coffee/couponCampaigns/spring/coupons/coupon_")
    assert (told["cause"], told["details"]["operation"]) == (str(operation.activity), operation.name)
    assert scene.rows(
        "SELECT c.customer_id FROM activity a JOIN customer c ON c.id = a.customer WHERE a.event = 'coupon.voided'"
    ) == [("ada",)]
    [ended] = [body for body in bodies if body["action"] == "operation.succeeded" and body["details"].get("voided")]
    assert ended["details"]["voided"] == 9
    assert not any(code in str(bodies) for code in codes(scene))


def test_whoever_only_asks_plans_nothing(scene: Scene) -> None:
    """And a campaign that is not there has none."""
    before = scene.contents()
    void(scene, validate_only=True)
    assert scene.contents() == before
    with pytest.raises(CampaignNotFound):
        void(scene, of="autumn")
