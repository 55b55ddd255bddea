"""Merging loses no point, no day and no hold."""

from datetime import timedelta
from typing import Any

import pytest

from rules.refusals import CustomerMerged
from rules.states import CustomerState
from storage.activity.records import ActivityRow
from storage.customers.merging import MergedAccount
from storage.engine.database import Database
from tests.storage import members
from tests.storage.members import assert_conserved, merge
from tests.storage.scene import START, Scene

BEN = "programs/coffee/customers/ben"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Three customers, and cards of every kind."""
    made = Scene(database, "ada", "ben", "cyd")
    members.more_cards(made)
    return made


def live(scene: Scene) -> None:
    """Both have something of everything that can move."""
    scene.earn(100, transaction_id="coffee")
    scene.earn(30, name="ben", transaction_id="tea")
    scene.do(scene.spending(15))
    for days in (0, 3):
        scene.advance(timedelta(days=days))
        scene.earn(40 + days, card="slow", transaction_id=f"slow-{days}")
        scene.earn(20 + days, card="sliding", transaction_id=f"sliding-{days}")
    scene.earn(9, name="ben", card="sliding")
    scene.earn(50, card="owing", transaction_id="owing")
    scene.do(scene.spending(35, card="owing"))
    members.refund(scene, "owing", "ada")
    scene.earn(60, card="lenient", transaction_id="lenient")
    scene.do(scene.spending(50, card="lenient"))
    members.refund(scene, "lenient", "ada")
    scene.earn(70, card="by_hand", transaction_id="by-hand")
    members.hold(scene, 25)


CARDS = [card.card_id for card in members.CARDS]


def test_all_that_is_open_moves_lot_by_lot_and_nothing_is_made_or_lost(scene: Scene) -> None:
    """Points that came together stay together, with the days they were promised."""
    live(scene)
    lots = {card: members.open_lots(scene, "ada", card) for card in CARDS}
    before = {card: scene.balance(card=card) for card in CARDS}
    theirs = {card: scene.balance("ben", card=card) for card in CARDS}
    answer = merge(scene)
    assert answer.value.customer == members.customer(scene, "ben")
    by_card = {one.card_id: one for one in answer.value.accounts}
    assert by_card["plain"] == MergedAccount("plain", 85, 0, 25, 0, 1, 1)
    assert by_card["slow"] == MergedAccount("slow", 0, 83, 0, 0, 2, 0)
    assert by_card["owing"] == MergedAccount("owing", 0, 0, 0, 35, 0, 0)
    for card in CARDS:
        assert [lot for lot in members.open_lots(scene, "ben", card) if lot in lots[card]] == lots[card]
        after = scene.balance("ben", card=card)
        assert after.active - after.debt == before[card].active - before[card].debt + theirs[card].active
        assert after.pending == before[card].pending + theirs[card].pending
        assert set(members.open_lots(scene, "ada", card)) == set()
    assert members.shortfalls(scene, "ben", "lenient")[0]["remaining"] == 50
    assert members.purchases(scene, "ada") == []
    assert members.customer(scene, "ada").state is CustomerState.MERGED
    assert members.customer(scene, "ada").merged_into == BEN
    assert_conserved(scene)


def test_a_preview_tells_what_the_merge_will_do_and_does_nothing(scene: Scene) -> None:
    """People decide by it, so it must be the same to the last figure; and looking must leave no trace."""
    live(scene)
    before = scene.contents()
    preview = merge(scene, validate_only=True)
    assert scene.contents() == before
    assert preview.activity is None
    assert preview.value == merge(scene).value


def test_both_histories_show_it_with_its_points_and_its_reason(scene: Scene) -> None:
    """Whoever looks at either of the two must find where points came from or went."""
    scene.earn(100)
    scene.earn(30, card="slow")
    activity = merge(scene).activity
    rows = list(ActivityRow.select().where(ActivityRow.event == "customer.merged").order_by(ActivityRow.id))
    assert [(row.customer, row.action, str(row.id) == activity) for row in rows] == [
        (1, "customer.merged", True),
        (2, "customer.merged", False),
    ]
    assert '"after":"MERGED","before":"ACTIVE","field":"state"' in rows[0].body
    assert f'"into":"{BEN}"' in rows[0].body
    assert '"from":"programs/coffee/customers/ada"' in rows[1].body
    assert all('"reason_code":"SAME_PERSON"' in row.body and "Ada called" not in row.body for row in rows)
    assert [row.points for row in rows] == [None, None], "points of two cards have no sum"
    scene.earn(5, name="cyd")
    assert [row.points for row in _events(merge(scene, "cyd").activity)] == [-5]


def test_one_card_that_moved_shows_how_many_points_in_both_histories(scene: Scene) -> None:
    """A history of points without the largest change would be no history."""
    scene.earn(100)
    merge(scene)
    rows = ActivityRow.select().where(ActivityRow.event == "customer.merged").order_by(ActivityRow.id)
    assert [row.points for row in rows] == [-100, 100]


def test_holds_survive_and_are_captured_at_the_one_that_goes_on(scene: Scene) -> None:
    """A basket at a till does not know that somebody in an office merges its customer."""
    scene.earn(100)
    number = members.hold(scene, 40)
    members.hold(scene, 10, ttl_s=60)
    merge(scene)
    assert [one["state"] for one in members.holds(scene, "ada")] == ["RELEASED", "RELEASED"]
    moved = members.holds(scene, "ben")
    assert [(one["points"], one["state"], one["reference"]) for one in moved] == [
        (40, "ACTIVE", "basket"),
        (10, "ACTIVE", "basket"),
    ]
    scene.advance(timedelta(minutes=2))
    assert members.capture(scene, number, "ben", points=30).value.entry.amount == -30
    assert scene.balance("ben").spendable == 70
    assert_conserved(scene)


def test_pending_points_ripen_at_the_one_that_goes_on_on_their_day(scene: Scene) -> None:
    """Their days are those of the purchase, whoever has them; a sweep finds them there."""
    scene.earn(100, card="slow")
    term = members.open_lots(scene, "ada", "slow")[0][3:5]
    merge(scene)
    assert members.open_lots(scene, "ben", "slow")[0][3:5] == term
    assert scene.entries("ben", "slow") == []
    scene.advance(timedelta(days=11))
    scene.sweep()
    assert scene.balance("ben", "slow").active == 100
    scene.advance(timedelta(days=60))
    assert (scene.balance("ben", "slow").active, scene.balance("ben", "slow").expired) == (0, 100)
    scene.sweep()
    assert_conserved(scene)


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_purchase_is_refunded_under_the_name_that_it_has_now(scene: Scene, rounds: int) -> None:
    """It takes back the points that it gave, wherever they are by now, also after a second merge."""
    scene.earn(100, transaction_id="coffee")
    scene.earn(100, card="slow", transaction_id="slow")
    # Points of the same lot, that came by another way: they are of no purchase.
    members.transfer(scene, 30, "ada", "ben")
    scene.earn(55, name="ben", transaction_id="tea")
    merge(scene)
    name = "ben"
    if rounds == 2:
        scene.earn(7, name="cyd")
        merge(scene, "ben", "cyd")
        name = "cyd"
    taken = members.refund(scene, "coffee", name, 50).value
    assert taken.claimed.own_lot == 50
    assert members.refund(scene, "slow", name).value.claimed.pending == 100
    assert members.refund(scene, "tea", name).value.claimed.own_lot == 55
    rest = members.refund(scene, "coffee", name).value.claimed
    assert (rest.own_lot, rest.other_lots) == (20, 30)
    with pytest.raises(CustomerMerged) as refused:
        members.refund(scene, "coffee", "ada")
    assert refused.value.facts["target"] == BEN
    assert_conserved(scene)


def test_the_same_purchase_again_under_the_new_name_is_the_same_purchase(scene: Scene) -> None:
    """A till that repeats itself after a merge must not make points twice."""
    scene.earn(100, transaction_id="coffee")
    merge(scene)
    assert scene.do(scene.purchase(100, name="ben", transaction_id="coffee")).replayed
    assert scene.balance("ben").active == 100


def test_debt_and_points_that_meet_settle_at_once(scene: Scene) -> None:
    """An account that owes has nothing free; the two of them together are no exception."""
    scene.earn(50, card="owing", transaction_id="owing")
    scene.do(scene.spending(50, card="owing"))
    members.refund(scene, "owing", "ada")
    scene.earn(80, name="ben", card="owing")
    moved = merge(scene).value.accounts
    assert [(one.card_id, one.debt) for one in moved] == [("owing", 50)]
    assert (scene.balance("ben", "owing").active, scene.balance("ben", "owing").debt) == (30, 0)
    assert scene.entries("ben", "owing")[0].entry.kind == "REPAYMENT"
    [mine] = members.shortfalls(scene, "ada", "owing")
    assert (mine["remaining"], mine["written_off"], mine["moved"]) == (0, 0, 50)
    assert_conserved(scene)


def test_purchases_that_may_be_one_are_named_and_left_to_people(scene: Scene) -> None:
    """The commonest reason for a merge is a customer with two cards, and a till that booked twice."""
    scene.earn(100, transaction_id="shop~1")
    scene.earn(90, name="ben", transaction_id="till~1")
    scene.earn(70, transaction_id="a", occurred_at=START)
    scene.earn(70, name="ben", transaction_id="b", occurred_at=START)
    scene.earn(71, name="ben", transaction_id="c", occurred_at=START)
    scene.earn(70, name="ben", transaction_id="d", occurred_at=START - timedelta(seconds=1))
    found = merge(scene, validate_only=True).value.duplicates
    ada = "programs/coffee/customers/ada"
    assert found == (
        (f"{ada}/transactions/a", f"{BEN}/transactions/b"),
        (f"{ada}/transactions/shop~1", f"{BEN}/transactions/till~1"),
    )
    for number in range(25):
        scene.earn(1, transaction_id=f"shop~x{number}")
        scene.earn(2, name="ben", transaction_id=f"till~x{number}")
    assert len(merge(scene).value.duplicates) == 20


def _events(activity: str | None) -> list[Any]:
    return list(ActivityRow.select().where(ActivityRow.id == activity))
