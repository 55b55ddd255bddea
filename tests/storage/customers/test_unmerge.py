"""A merge is undone to the last point as long as nothing that moved was used; else it says what was."""

from datetime import timedelta
from typing import Any

import pytest

from rules.refusals import UnmergeImpossible
from rules.states import CustomerState
from storage.activity.records import ActivityRow
from storage.engine.database import Database
from storage.ledger.acts.adjustments import ChangeLot
from storage.ledger.acts.transactions import DecideTransaction
from storage.ledger.addresses import Address, TransactionName
from tests.storage import members
from tests.storage.customers.test_merge import CARDS, live
from tests.storage.members import assert_conserved, merge, unmerge
from tests.storage.scene import Scene, asked

BEN = "programs/coffee/customers/ben"


@pytest.fixture
def scene(database: Database) -> Scene:
    """Three customers, and cards of every kind."""
    made = Scene(database, "ada", "ben", "cyd")
    members.more_cards(made)
    return made


def seen(scene: Scene, name: str) -> list[Any]:
    """All that a customer has and had, but for what counts acts, and accounts in which nothing ever was."""
    found: list[Any] = [members.purchases(scene, name)]
    for card in CARDS:
        account = members.figures(scene, name, card)
        if any(account.get(figure) for figure in ("pending", "active", "earned", "debt")):
            counted = ("lots", "holds", "shortfalls", "sliding_expiries", "due_at")
            found.append({key: value for key, value in account.items() if key not in counted})
            found.append([lot for lot in members.lots(scene, name, card) if lot["state"] != "MOVED"])
            found.append([one for one in members.holds(scene, name, card) if one["state"] != "RELEASED"])
            found.append([one for one in members.shortfalls(scene, name, card) if one["remaining"]])
    return found


def test_undone_at_once_both_are_what_they_were(scene: Scene) -> None:
    """Somebody merged the wrong two: nobody may be able to tell from an account."""
    live(scene)
    merge(scene, "cyd")
    before = [seen(scene, name) for name in ("ada", "ben")]
    merged = merge(scene).value
    assert seen(scene, "ben") != before[1]
    preview = unmerge(scene, validate_only=True)
    done = unmerge(scene)
    assert preview.value == done.value._replace(customer=preview.value.customer)
    assert done.value.accounts == merged.accounts
    assert [seen(scene, name) for name in ("ada", "ben")] == before
    ada = done.value.customer
    assert (ada.state, ada.merged_into) == (CustomerState.ACTIVE, "")
    assert ada == members.customer(scene, "ada")
    assert_conserved(scene)
    scene.do(scene.spending(60))
    assert_conserved(scene)


def test_it_can_be_done_and_undone_again_and_again(scene: Scene) -> None:
    """Each time from the numbers that the lots had, and each purchase finds its own."""
    scene.earn(100, transaction_id="coffee")
    scene.earn(40, card="slow", transaction_id="slow")
    before = seen(scene, "ada")
    for _ in range(3):
        merge(scene)
        unmerge(scene)
        assert seen(scene, "ada") == before
    merge(scene)
    assert members.refund(scene, "coffee", "ben", 30).value.claimed.own_lot == 30
    assert_conserved(scene)


def test_a_chain_is_undone_from_its_end(scene: Scene) -> None:
    """What went on to a third cannot come back before it did."""
    for name, points in (("ada", 100), ("ben", 50), ("cyd", 20)):
        scene.earn(points, name=name, transaction_id=f"t-{name}")
        scene.earn(points, name=name, card="slow")
    members.hold(scene, 10)
    before = [seen(scene, name) for name in ("ada", "ben", "cyd")]
    merge(scene, "ada", "ben")
    merge(scene, "ben", "cyd")
    with pytest.raises(UnmergeImpossible, match=f"{BEN} was merged into programs/coffee/customers/cyd since"):
        unmerge(scene, "ada")
    assert unmerge(scene, "ben").value.accounts[0].active == 150
    assert_conserved(scene)
    unmerge(scene, "ada")
    assert [seen(scene, name) for name in ("ada", "ben", "cyd")] == before
    assert_conserved(scene)


def test_what_happened_to_a_lot_alone_is_known_all_along_a_chain(scene: Scene) -> None:
    """A purchase is refunded, and points expire, wherever they are by then; that is nobody else's loss."""
    scene.earn(100, transaction_id="coffee")
    scene.earn(40, card="slow")
    number = members.hold(scene, 10, ttl_s=0)
    merge(scene, "ada", "ben")
    merge(scene, "ben", "cyd")
    assert members.refund(scene, "coffee", "cyd", 5).value.claimed.own_lot == 5
    scene.advance(timedelta(hours=20))
    assert unmerge(scene, "ben").value.accounts[0].active == 95
    assert members.refund(scene, "coffee", "ben", 5).value.claimed.own_lot == 5
    merge(scene, "ben", "cyd")
    scene.advance(timedelta(days=60))
    scene.sweep()
    unmerge(scene, "ben")
    unmerge(scene, "ada")
    assert (scene.balance().active, scene.balance(card="slow").active) == (90, 0)
    assert [lot["state"] for lot in members.lots(scene, "ada", "slow")] == ["MOVED"]
    assert members.holds(scene, "ada")[number - 1]["state"] == "EXPIRED"
    assert_conserved(scene)


def test_time_may_have_passed(scene: Scene) -> None:
    """Points that ripened go back ripe; what expired is gone, wherever it was; a hold that ended has ended."""
    scene.earn(100, transaction_id="coffee")
    number = members.hold(scene, 40)
    scene.earn(70, card="slow", transaction_id="early")
    scene.advance(timedelta(days=20))
    scene.earn(30, card="slow", transaction_id="late")
    merge(scene)
    scene.advance(timedelta(days=25))
    unmerge(scene)
    assert (scene.balance().active, scene.balance().held) == (100, 0)
    assert members.holds(scene, "ada")[number - 1]["state"] == "EXPIRED"
    slow = scene.balance(card="slow")
    assert (slow.active, slow.pending, slow.expired) == (30, 0, 0)
    assert scene.balance("ben", "slow").expired == 70
    assert [lot["state"] for lot in members.lots(scene, "ada", "slow")] == ["MOVED", "ACTIVE"]
    assert_conserved(scene)
    scene.advance(timedelta(days=60))
    scene.sweep()
    assert scene.balance(card="slow").expired == 30
    assert_conserved(scene)


def test_what_concerned_one_lot_alone_goes_back_with_it(scene: Scene) -> None:
    """A refund, a decision, a write-off for what came from the source is the source's, also after it was merged."""
    scene.earn(100, transaction_id="coffee")
    scene.earn(40, card="slow", transaction_id="slow")
    scene.earn(60, card="by_hand", transaction_id="accepted")
    scene.earn(70, card="by_hand", transaction_id="rejected")
    scene.earn(80, card="by_hand", transaction_id="dropped")
    scene.earn(50, card="lenient", transaction_id="lenient")
    scene.do(scene.spending(50, card="lenient"))
    members.refund(scene, "lenient", "ada")
    first, second = members.hold(scene, 10), members.hold(scene, 20)
    merge(scene)
    members.refund(scene, "coffee", "ben", 25)
    members.refund(scene, "slow", "ben", 10)
    for name, accept in (("accepted", True), ("rejected", False)):
        scene.do(DecideTransaction(TransactionName("coffee", "ben", name), accept, asked(object())))
    scene.do(ChangeLot(Address("coffee", "ben", "by_hand"), 3, False, asked(object())))
    members.write_off(scene, 1, "ben", "lenient", 20)
    members.release(scene, first, "ben")
    scene.earn(11, name="ben", transaction_id="tea")
    entry = members.spend_entry(scene, 60, "ben")
    members.roll_back(scene, entry, "ben")
    unmerge(scene)
    assert (scene.balance().active, scene.balance().held) == (75, 20)
    assert [one["state"] for one in members.holds(scene, "ada")] == ["RELEASED", "ACTIVE"]
    assert scene.balance(card="slow").pending == 30
    states = [(lot["state"], lot["remaining"]) for lot in members.lots(scene, "ada", "by_hand")]
    assert states == [("ACTIVE", 60), ("CANCELLED", 0), ("CANCELLED", 0)]
    [mine], [theirs] = (members.shortfalls(scene, name, "lenient") for name in ("ada", "ben"))
    assert (mine["remaining"], mine["written_off"], mine["moved"]) == (30, 0, 20)
    assert (theirs["remaining"], theirs["written_off"], theirs["moved"]) == (0, 20, 30)
    assert (scene.balance("ben").active, members.purchases(scene, "ben")) == (11, ["tea"])
    assert_conserved(scene)
    assert members.refund(scene, "coffee", "ada").value.claimed.own_lot == 55
    assert members.capture(scene, second, "ada").value.entry.amount == -20
    assert_conserved(scene)


def test_both_histories_show_it_and_it_names_the_merge(scene: Scene) -> None:
    """Done and undone are two acts, and neither is forgotten."""
    scene.earn(100)
    done = merge(scene).activity
    undone = unmerge(scene).activity
    rows = list(ActivityRow.select().where(ActivityRow.event == "customer.unmerged").order_by(ActivityRow.id))
    assert [(row.customer, row.points, str(row.id) == undone) for row in rows] == [(1, 100, True), (2, -100, False)]
    assert all(f'"merge":"{done}"' in row.body for row in rows)
    assert scene.rows("SELECT activity::text, merge::text FROM customer_unmerge") == [(undone, done)]


def test_sliding_points_part_with_the_later_end_where_one_was_active_since(scene: Scene) -> None:
    """Nobody's points are cut short by a merge that was a mistake."""
    scene.earn(10, card="sliding")
    scene.advance(timedelta(days=10))
    scene.earn(20, name="ben", card="sliding")
    merge(scene)
    scene.advance(timedelta(days=10))
    scene.earn(5, name="ben", card="sliding")
    unmerge(scene)
    ends = scene.rows("SELECT DISTINCT expires_at FROM sliding_expiry")
    assert len(ends) == 1
    scene.advance(timedelta(days=40))
    assert (scene.balance(card="sliding").expired, scene.balance("ben", "sliding").expired) == (10, 25)
    scene.sweep()
    assert_conserved(scene)
