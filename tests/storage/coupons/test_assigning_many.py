"""A coupon for each of many: whoever can get one gets one, once, and who cannot is counted."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from rules.coupons.codes import Code, Pattern, check_symbol_is_right
from rules.coupons.refusals import CampaignArchived, CampaignNotFound
from rules.coupons.terms import Benefit, CodeSource, Terms
from rules.refusals import ProgramArchived
from rules.states import CustomerState
from storage.coupons.assigning import steps
from storage.coupons.assigning.commands import AssignCoupons
from storage.engine.database import Busy, Database
from storage.engine.requests import Answer
from storage.engine.unit import run
from storage.operations.queries import Operation
from storage.operations.records import OperationState
from tests.personal import CODES
from tests.storage.coupons.making import GIFT, WHY, archive, campaign, codes, made
from tests.storage.operating import cancel, read, tasks
from tests.storage.scene import START, Scene, asked

NAMES = [f"c{number}" for number in range(7)]
POOL = Terms(Benefit.FREE_SHIPPING, code_source=CodeSource.POOL, days_from_assignment=10)
HELD = "SELECT customer_id, count(*)::int FROM coupon JOIN customer c ON c.id = customer GROUP BY 1 ORDER BY 1"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Customers, and a campaign whose codes are made on the spot."""
    found = Scene(database, *NAMES)
    campaign(found)
    return found


def assign(scene: Scene, *names: str, to: str = "spring", **how: Any) -> Answer[Operation]:
    """Asks for it."""
    context = asked((to, names), action="coupons.assigned", **{"reason": WHY, **how})
    return scene.carry_out(AssignCoupons(scene.program_id, to, names, context))


def step(scene: Scene, operation: UUID, size: int = 3) -> bool:
    """One step, as a worker takes it."""
    return run(scene.database, lambda unit: steps.step(unit, operation, CODES, size))


def finish(scene: Scene, operation: Operation) -> Operation:
    """All that are left; the operation as it ended."""
    for _ in range(100):
        if step(scene, operation.id):
            return read(scene, operation)
    raise AssertionError("it does not end")


def set_state(scene: Scene, name: str, state: CustomerState) -> None:
    """Of a customer, by hand."""
    scene.execute("UPDATE customer SET state = %s WHERE customer_id = %s", [state, name])


def test_every_active_customer_gets_a_code_made_for_them(scene: Scene) -> None:
    """And a second time another one."""
    set_state(scene, "c3", CustomerState.BLOCKED)
    operation = assign(scene).value
    ended = finish(scene, operation)
    assert (ended.state, ended.accounts_done, ended.accounts_total) == (OperationState.SUCCEEDED, 6, 6)
    assert ended.figures == {"assigned": 6, "refused": 0}
    everybody = [(name, 1) for name in NAMES if name != "c3"]
    assert scene.rows(HELD) == everybody
    assert len(set(codes(scene))) == 6
    finish(scene, assign(scene).value)
    assert scene.rows(HELD) == [(name, 2) for name, _ in everybody]


def test_those_who_are_named_get_one_and_those_who_are_not_there_are_counted(scene: Scene) -> None:
    """A list from elsewhere names some who have left."""
    set_state(scene, "c1", CustomerState.SUSPENDED)
    ended = finish(scene, assign(scene, "c0", "c1", "nobody", "c6").value)
    assert (ended.accounts_done, ended.figures) == (4, {"assigned": 2, "refused": 2})
    assert scene.rows(HELD) == [("c0", 1), ("c6", 1)]


def test_coupons_of_a_pool_are_taken_from_it_in_their_order(scene: Scene) -> None:
    """Each once; days count from the assignment; and where none is left, the others are refused."""
    campaign(scene, "pool", POOL)
    made(scene, 5, "pool")
    first = codes(scene)
    ended = finish(scene, assign(scene, to="pool").value)
    assert ended.figures == {"assigned": 5, "refused": 2}
    assert scene.rows(HELD) == [(name, 1) for name in NAMES[:5]]
    assert codes(scene) == first
    columns = "SELECT DISTINCT pooled, added_at, expires_at > %s FROM coupon"
    assert scene.rows(columns, [START + timedelta(days=9)]) == [(False, START, True)]


def test_what_is_not_published_is_in_no_pool(scene: Scene) -> None:
    """It may come to nothing."""
    campaign(scene, "pool", POOL)
    made(scene, 2, "pool")
    scene.execute("UPDATE coupon_batch SET published_at = NULL")
    assert finish(scene, assign(scene, to="pool").value).figures == {"assigned": 0, "refused": 7}


def test_what_has_ended_is_given_to_nobody_out_of_a_pool(scene: Scene) -> None:
    """It could not be used: who has a newer one gets that, first what ends first, and the others are refused."""
    campaign(scene, "pool", POOL)
    made(scene, 4, "pool")
    ends = [START, START + timedelta(days=9), START + timedelta(days=3), None]
    for (identity,), end in zip(scene.rows("SELECT id FROM coupon ORDER BY id"), ends, strict=True):
        scene.execute("UPDATE coupon SET expires_at = %s WHERE id = %s", [end, identity])
    assert finish(scene, assign(scene, to="pool").value).figures == {"assigned": 3, "refused": 4}
    found = scene.rows("SELECT expires_at FROM coupon WHERE customer IS NOT NULL ORDER BY customer")
    assert [end for (end,) in found][:2] == [ends[2], ends[1]]


def test_codes_made_for_many_look_like_any_that_is_made_on_the_spot(scene: Scene) -> None:
    """Whatever pattern the campaign generates by: a short one would be guessed, and would run out."""
    campaign(scene, "sale", Terms(Benefit.FREE_SHIPPING, code_pattern="SALE-#"))
    for _ in range(6):
        finish(scene, assign(scene, to="sale").value)
    found = codes(scene)
    assert len(set(found)) == 42
    assert all(len(code) == 13 and check_symbol_is_right(Code(code), Pattern()) for code in found)


def test_gift_cards_are_worth_what_the_terms_say(scene: Scene) -> None:
    """As if each had been assigned by itself."""
    campaign(scene, "gifts", GIFT)
    finish(scene, assign(scene, "c0", to="gifts").value)
    assert scene.rows("SELECT initial_minor, balance_minor, origin FROM coupon") == [(5_000, 5_000, "ASSIGNED")]


def test_customers_in_other_hands_are_passed_over_and_get_theirs_later(scene: Scene) -> None:
    """A till that works on one of them stops nobody else's coupon."""
    operation = assign(scene).value
    with scene.another_connection() as books, books.transaction():
        books.execute("SELECT FROM customer WHERE customer_id = 'c0' FOR NO KEY UPDATE")
        assert [step(scene, operation.id) for _ in range(2)] == [False, False]
        assert scene.rows(HELD) == [(name, 1) for name in NAMES[1:]]
        with pytest.raises(Busy):
            step(scene, operation.id)
    assert finish(scene, operation).figures == {"assigned": 7, "refused": 0}


def test_a_coupon_in_other_hands_is_waited_for_before_it_is_said_that_none_is_left(scene: Scene) -> None:
    """Somebody's purchase that came to nothing would otherwise have cost a customer their coupon."""
    campaign(scene, "pool", POOL)
    made(scene, 1, "pool")
    operation = assign(scene, "c0", to="pool").value
    with scene.another_connection() as books, books.transaction():
        books.execute("SELECT FROM coupon FOR NO KEY UPDATE")
        with pytest.raises(Busy):
            step(scene, operation.id)
    assert finish(scene, operation).figures == {"assigned": 1, "refused": 0}


def test_cancelled_it_stops_where_it_is(scene: Scene) -> None:
    """What was given stays given."""
    operation = assign(scene).value
    step(scene, operation.id)
    cancel(scene, operation)
    assert step(scene, operation.id)
    assert len(scene.rows(HELD)) == 3
    assert scene.rows("SELECT count(*) FROM operation_customer") == [(0,)]


def test_archived_meanwhile_it_fails(scene: Scene) -> None:
    """Nothing of an archived campaign begins."""
    operation = assign(scene).value
    step(scene, operation.id)
    archive(scene)
    failed = finish(scene, operation)
    assert (failed.state, failed.error, failed.figures["assigned"]) == (OperationState.FAILED, "CampaignArchived", 3)


def test_a_campaign_that_is_over_gives_nobody_anything(scene: Scene) -> None:
    """A coupon that cannot be used is a complaint."""
    over = Terms(Benefit.FREE_SHIPPING, last_day=(START + timedelta(days=1)).date())
    campaign(scene, "over", over)
    operation = assign(scene, to="over").value
    scene.advance(timedelta(days=3))
    assert finish(scene, operation).figures == {"assigned": 0, "refused": 7}


def test_whoever_only_asks_hears_how_many_and_nobody_gets_anything(scene: Scene) -> None:
    """Of a list also who is not there."""
    before = scene.contents()
    everybody = assign(scene, validate_only=True).value
    assert (everybody.name, everybody.accounts_total, everybody.figures) == ("", 7, {"assigned": 0, "refused": 0})
    some = assign(scene, "c0", "nobody", validate_only=True).value
    assert (some.accounts_total, some.accounts_done, some.figures["refused"]) == (2, 1, 1)
    assert scene.contents() == before
    assert tasks() == []


def test_it_stands_in_the_history_of_each_customer(scene: Scene) -> None:
    """By whom, why, and because of what; without the code."""
    operation = finish(scene, assign(scene, "c0").value)
    bodies = [json.loads(body) for body in scene.bodies()]
    [given] = [body for body in bodies if body["action"] == "coupon.assigned"]
    assert given["subject"] == "programs/coffee/customers/c0"
    assert given["details"]["operation"] == operation.name
    assert given["details"]["reason_code"] == WHY.code
    assert given["cause"] == str(operation.activity)
    found = scene.rows(
        "SELECT event, c.customer_id FROM activity a JOIN customer c ON c.id = a.customer WHERE event <> ''"
    )
    assert ("coupon.assigned", "c0") in found
    assert codes(scene)[0] not in str(bodies)


def test_coupons_are_of_campaigns_that_are_there_and_not_archived(scene: Scene) -> None:
    """Refused before anything is planned."""
    with pytest.raises(CampaignNotFound):
        assign(scene, to="autumn")
    archive(scene)
    with pytest.raises(CampaignArchived):
        assign(scene)
    scene.archive()
    with pytest.raises(ProgramArchived):
        assign(scene)
