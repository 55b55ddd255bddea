"""Passes of customers who are merged, parted again, paused and closed."""

import json
from uuid import uuid4

import pytest

from storage.activity.records import ActivityRow
from storage.customers.belongings import Belongings
from storage.engine.database import Database
from tests.storage.members import assert_conserved, block, close, merge, suspend, unmerge
from tests.storage.passes.carrying import issue, standing, template
from tests.storage.scene import Scene


@pytest.fixture
def scene(database: Database) -> Scene:
    """Three customers without anything."""
    return Scene(database, "ada", "ben", "cyd")


def test_a_pass_goes_to_the_other_and_finds_its_way_back(scene: Scene) -> None:
    """The card in the wallet stays good: it shows the points where they are now."""
    gold = issue(scene, template(scene))
    preview = merge(scene, validate_only=True).value
    assert standing(scene) == {gold: ("ada", False, False, False)}
    assert preview.belongings == merge(scene).value.belongings == Belongings(passes=1)
    assert standing(scene) == {gold: ("ben", False, False, False)}
    assert unmerge(scene).value.belongings == Belongings(passes=1)
    assert standing(scene) == {gold: ("ada", False, False, False)}
    assert_conserved(scene)


def test_of_two_of_the_same_template_the_others_stays_and_the_way_back_has_both(scene: Scene) -> None:
    """One customer, one card; two that show the same points would be taken for twice as many."""
    gold, blue = template(scene), template(scene, template_id="blue")
    hers, others = issue(scene, gold), [issue(scene, gold, "ben"), issue(scene, blue)]
    # Of templates of coupons there is one for each.
    mugs = [issue(scene, blue, name, claim=uuid4()) for name in ("ada", "ben")]
    done = merge(scene)
    assert done.value.belongings == Belongings(passes=3, voided_passes=1)
    assert standing(scene) == {
        hers: ("ben", True, False, False),
        **dict.fromkeys([*others, *mugs], ("ben", False, False, False)),
    }
    bodies = [json.loads(row.body) for row in ActivityRow.select().where(ActivityRow.action == "customer.merged")]
    assert [body["details"]["voided_passes"] for body in bodies] == [1, 1]
    assert unmerge(scene).value.belongings == done.value.belongings
    assert standing(scene) == {
        hers: ("ada", False, False, False),
        others[0]: ("ben", False, False, False),
        others[1]: ("ada", False, False, False),
        mugs[0]: ("ada", False, False, False),
        mugs[1]: ("ben", False, False, False),
    }


def test_a_pass_that_was_void_before_is_void_after_both_ways(scene: Scene) -> None:
    """What somebody voided comes to life by no side door, over however many merges."""
    gold = template(scene)
    dead, alive = issue(scene, gold), None
    scene.execute("UPDATE pass SET voided_at = now()")
    alive = issue(scene, gold)
    issue(scene, gold, "cyd")
    merge(scene)
    merge(scene, "ben", "cyd")
    assert [standing(scene)[one] for one in (dead, alive)] == [("cyd", True, False, False)] * 2
    unmerge(scene, "ben")
    unmerge(scene)
    assert [standing(scene)[one] for one in (dead, alive)] == [
        ("ada", True, False, False),
        ("ada", False, False, False),
    ]


def test_a_closed_customer_has_no_card_that_is_good_and_one_that_is_paused_keeps_it(scene: Scene) -> None:
    """At a till a card of nobody would be scanned in vain; a suspicion may pass."""
    gold = template(scene)
    cards = {name: issue(scene, gold, name) for name in ("ada", "ben", "cyd")}
    suspend(scene, "ada")
    block(scene, "ben")
    assert not any(voided for _, voided, *_ in standing(scene).values())
    assert close(scene, "cyd", validate_only=True).value.ended.passes == 1
    done = close(scene, "cyd")
    assert done.value.ended.passes == 1
    assert standing(scene)[cards["cyd"]] == ("cyd", True, False, False)
    assert json.loads(ActivityRow.get_by_id(done.activity).body)["details"]["passes"] == 1
    assert close(scene, "ada").value.ended.passes == 1
