"""Coupons of two customers that are one: they go with their uses, count together, and find their way back."""

import json
from datetime import timedelta
from typing import Any

import pytest

from rules.coupons.refusals import CustomerLimitReached
from rules.coupons.terms import CustomerLimit, Period
from storage.activity.records import ActivityRow
from storage.customers.belongings import Belongings
from storage.engine.database import Database
from tests.storage.coupons import standing
from tests.storage.coupons.standing import become, campaign, coupon, coupons_of, redemption, redemptions_of
from tests.storage.members import assert_conserved, merge, unmerge
from tests.storage.scene import START, Scene

ONCE_A_DAY = [{"period": "DAY", "uses": 1}]


@pytest.fixture
def scene(database: Database) -> Scene:
    """Three customers without anything."""
    return Scene(database, "ada", "ben", "cyd")


def limited(scene: Scene, *limits: dict[str, Any], campaign_id: str = "limited") -> int:
    """A campaign with limits for a customer."""
    return campaign(scene, campaign_id, customer_limits=list(limits))


def test_coupons_and_their_uses_become_the_others(scene: Scene) -> None:
    """She has one card from now on: what she could use yesterday she can use today."""
    spring = campaign(scene)
    kept, used, reserved = (coupon(scene, spring, "ada") for _ in range(3))
    bens = coupon(scene, spring, "ben")
    redeemed, waiting = redemption(scene, used), redemption(scene, reserved, state="RESERVED")
    ended = redemption(scene, kept, state="RELEASED")
    preview = merge(scene, validate_only=True).value
    assert coupons_of(scene, "ada") == {kept.id, used.id, reserved.id}
    done = merge(scene).value
    assert preview.belongings == done.belongings == Belongings(coupons=3, redemptions=3, reservations=1)
    assert (coupons_of(scene, "ada"), redemptions_of(scene, "ada")) == (set(), {})
    assert coupons_of(scene, "ben") == {kept.id, used.id, reserved.id, bens.id}
    assert redemptions_of(scene, "ben") == {redeemed: "REDEEMED", waiting: "RESERVED", ended: "RELEASED"}
    assert_conserved(scene)


def test_both_records_count_what_moved(scene: Scene) -> None:
    """Whoever looks at either of them a year later sees where the coupons went, and how many."""
    used = coupon(scene, campaign(scene), "ada")
    redemption(scene, used)
    activity = merge(scene).activity
    bodies = [json.loads(row.body) for row in ActivityRow.select().where(ActivityRow.action == "customer.merged")]
    assert len(bodies) == 2
    assert [(body["details"]["coupons"], body["details"]["redemptions"]) for body in bodies] == [(1, 1)] * 2
    assert "reservations" not in bodies[0]["details"]
    assert scene.rows("SELECT activity::text, noun FROM merge_belonging ORDER BY noun") == [
        (activity, "COUPON"),
        (activity, "REDEMPTION"),
    ]


def test_a_limit_that_both_exceed_together_is_told_and_nothing_is_refused(scene: Scene) -> None:
    """Two people who turn out to be one had the welcome gift twice: it happened, and somebody should know."""
    daily, ever, yesterdays, single = (
        limited(scene, {"period": period, "uses": uses}, campaign_id=name)
        for name, period, uses in (("d", "DAY", 1), ("e", "EVER", 3), ("y", "DAY", 1), ("s", "DAY", 1))
    )
    for name in ("ada", "ben"):
        redemption(scene, coupon(scene, daily), name)
        redemption(scene, coupon(scene, ever), name)
        redemption(scene, coupon(scene, yesterdays), name, created_at=START - timedelta(days=1))
    redemption(scene, coupon(scene, single), "ada")
    redemption(scene, coupon(scene, single), "ben", state="ROLLED_BACK")
    redemption(scene, coupon(scene, single), "ben", state="RESERVED", expires_at=START)
    assert merge(scene, validate_only=True).value.belongings.exceeded_limits == 1
    redemption(scene, coupon(scene, ever), "ben", state="RESERVED")
    redemption(scene, coupon(scene, ever), "ben")
    done = merge(scene).value.belongings
    assert (done.redemptions, done.exceeded_limits) == (4, 2)


@pytest.mark.parametrize(("hour", "exceeded"), [(22, 0), (23, 1)])
def test_days_are_those_of_the_program(scene: Scene, hour: int, exceeded: int) -> None:
    """It is midnight in Prague an hour before UTC: what was used before it was used the day before."""
    daily = limited(scene, *ONCE_A_DAY)
    midnight = START.replace(hour=0)
    for name in ("ada", "ben"):
        redemption(scene, coupon(scene, daily), name, created_at=midnight - timedelta(hours=24 - hour))
    assert merge(scene).value.belongings.exceeded_limits == exceeded


def test_points_that_a_coupon_gave_are_of_the_account_that_has_them(scene: Scene) -> None:
    """Rolled back, they are taken from where the merge brought them; parted again, from where they were before."""
    scene.earn(10)
    [[ada]] = scene.rows("SELECT id FROM account")
    gave = redemption(scene, coupon(scene, campaign(scene)), account=ada, points=10)
    of = (
        "SELECT c.customer_id FROM redemption r JOIN account a ON a.id = r.account JOIN customer c ON c.id = a.customer"
    )
    merge(scene)
    assert scene.rows(of) == [("ben",)]
    unmerge(scene)
    assert scene.rows(of) == [("ada",)]
    assert list(redemptions_of(scene, "ada")) == [gave]


def test_claims_of_rewards_move_and_count_with_the_others(scene: Scene) -> None:
    """A mug for each member, and she has had hers twice."""
    scene.offer("mug", "plain", 10, customer_limits=(CustomerLimit(Period.EVER, 1),))
    for name in ("ada", "ben"):
        scene.earn(10, name)
        scene.do(scene.claim("mug", name, "plain"))
    of = "SELECT c.customer_id, count(*) FROM claim JOIN customer c ON c.id = claim.customer GROUP BY 1 ORDER BY 1"
    assert merge(scene).value.belongings == Belongings(claims=1, exceeded_limits=1)
    assert scene.rows(of) == [("ben", 2)]
    scene.earn(10, "ben")
    assert isinstance(scene.refused(scene.claim("mug", "ben", "plain")), CustomerLimitReached)
    assert_conserved(scene)
    assert unmerge(scene).value.belongings == Belongings(claims=1)
    assert scene.rows(of) == [("ada", 1), ("ben", 1)]
    assert_conserved(scene)


def test_undone_at_once_all_of_it_is_back_and_the_others_own_stays(scene: Scene) -> None:
    """Somebody merged the wrong two."""
    spring = campaign(scene)
    hers, his = (coupon(scene, spring, name) for name in ("ada", "ben"))
    mine = redemption(scene, hers, "ada", state="RESERVED")
    yours = redemption(scene, his, "ben")
    merged = merge(scene).value
    preview = unmerge(scene, validate_only=True).value
    done = unmerge(scene).value
    assert preview.belongings == done.belongings == merged.belongings
    assert (coupons_of(scene, "ada"), coupons_of(scene, "ben")) == ({hers.id}, {his.id})
    assert (redemptions_of(scene, "ada"), redemptions_of(scene, "ben")) == ({mine: "RESERVED"}, {yours: "REDEEMED"})
    assert_conserved(scene)


def test_what_was_used_since_stays_with_its_use_and_the_rest_goes_back(scene: Scene) -> None:
    """The use was the other's, and limits counted it so; it would be wrong to say of ada that she used it."""
    spring = campaign(scene)
    used, redeemed, rolled_back, released, earlier = (coupon(scene, spring, "ada") for _ in range(5))
    waiting = {one: redemption(scene, one, state="RESERVED") for one in (redeemed, released)}
    before = {one: redemption(scene, one) for one in (earlier, rolled_back)}
    merge(scene)
    used_since = redemption(scene, used, "ben")
    become(scene, redeemed, waiting[redeemed], "REDEEMED")
    become(scene, released, waiting[released], "RELEASED")
    become(scene, rolled_back, before[rolled_back], "ROLLED_BACK")
    preview = unmerge(scene, validate_only=True).value
    done = unmerge(scene).value
    assert preview.belongings == done.belongings == Belongings(coupons=3, redemptions=3)
    assert coupons_of(scene, "ada") == {rolled_back.id, released.id, earlier.id}
    assert coupons_of(scene, "ben") == {used.id, redeemed.id}
    assert redemptions_of(scene, "ben") == {used_since: "REDEEMED", waiting[redeemed]: "REDEEMED"}
    assert redemptions_of(scene, "ada") == {
        waiting[released]: "RELEASED",
        before[rolled_back]: "ROLLED_BACK",
        before[earlier]: "REDEEMED",
    }
    assert_conserved(scene)


def test_what_the_other_gave_back_is_no_use(scene: Scene) -> None:
    """Tried at the till and let go: the coupon is as good as it was."""
    hers = coupon(scene, campaign(scene), "ada")
    merge(scene)
    tried = [redemption(scene, hers, "ben", state=state) for state in ("RELEASED", "EXPIRED", "ROLLED_BACK")]
    unmerge(scene)
    assert coupons_of(scene, "ada") == {hers.id}
    assert set(redemptions_of(scene, "ben")) == {*tried}


def test_a_chain_is_undone_from_its_end(scene: Scene) -> None:
    """Each finds its own, whatever became of the others' on the way."""
    spring = campaign(scene)
    planted = {name: coupon(scene, spring, name) for name in ("ada", "ben", "cyd")}
    waiting = redemption(scene, planted["ada"], "ada", state="RESERVED")
    merge(scene, "ada", "ben")
    merge(scene, "ben", "cyd")
    assert len(coupons_of(scene, "cyd")) == 3
    become(scene, planted["ada"], waiting, "REDEEMED")
    unmerge(scene, "ben")
    unmerge(scene, "ada")
    assert coupons_of(scene, "ada") == set()
    assert coupons_of(scene, "ben") == {planted["ben"].id}
    assert coupons_of(scene, "cyd") == {planted["cyd"].id, planted["ada"].id}
    assert redemptions_of(scene, "cyd") == {waiting: "REDEEMED"}


def test_it_can_be_done_and_undone_again_and_again(scene: Scene) -> None:
    """Each merge remembers its own."""
    hers = coupon(scene, campaign(scene), "ada")
    for _ in range(3):
        merge(scene)
        assert coupons_of(scene, "ben") == {hers.id}
        unmerge(scene)
        assert coupons_of(scene, "ada") == {hers.id}


def test_a_shared_code_is_nobodys_and_only_its_uses_move(scene: Scene) -> None:
    """Thousands use it at once: a merge must not make them wait."""
    summer = coupon(scene, campaign(scene), capacity=100)
    use = redemption(scene, summer)
    with scene.another_connection() as other, other.transaction():
        other.execute("SELECT FROM coupon FOR UPDATE")
        assert merge(scene).value.belongings == Belongings(redemptions=1)
    assert redemptions_of(scene, "ben") == {use: "REDEEMED"}
    assert standing.figures(scene, summer)[-1] == [1, 1]
