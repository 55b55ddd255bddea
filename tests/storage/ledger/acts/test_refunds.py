"""Refunds in the books: from where points are taken back, what is left owing, and what was paid with points."""

from datetime import timedelta

import pytest

from rules.refunds import Claimed
from rules.refusals import (
    LineNotFound,
    RefundExceedsLine,
    RefundExceedsTransaction,
    ShortfallNotFound,
    TransactionStateWrong,
)
from rules.transactions import Line, TransactionState
from storage.engine.database import Database
from tests.storage.policies import Policies

DAY = timedelta(days=1)
LINES = (Line("espresso", "drinks", 2, 60), Line("cake", "", 1, 40, points=70))


@pytest.fixture
def shop(database: Database) -> Policies:
    """Two customers."""
    return Policies(database)


def spent(shop: Policies, card: str, spent: int = 80, other: int = 50) -> None:
    """Purchase t earned 100, of which some were spent; another lot has some."""
    shop.earn(100, card=card, transaction_id="t")
    shop.do(shop.spending(spent, card=card))
    shop.advance(DAY)
    if other:
        shop.earn(other, card=card)


@pytest.mark.parametrize(
    ("card", "claimed", "figures"),
    [
        ("lenient", Claimed(shortfall=100), (0, 70, 0, 0, 70)),
        ("monthly", Claimed(own_lot=20, other_lots=50, shortfall=30), (0, 0, 0, 0, 0)),
        ("owing", Claimed(own_lot=20, other_lots=50, debt=30), (0, 0, 0, 30, 0)),
    ],
)
def test_each_card_refunds_as_far_as_its_policy_goes(
    shop: Policies, card: str, claimed: Claimed, figures: tuple[int, ...]
) -> None:
    """The example of the reference, in the books."""
    spent(shop, card)
    refunded = shop.do(shop.refund("t")).value
    assert (refunded.claimed, refunded.number, refunded.decided.state) == (claimed, 1, TransactionState.REFUNDED)
    assert shop.figures(card=card) == figures
    if card == "owing":
        shop.earn(40, card=card)
        assert shop.figures(card=card) == (0, 10, 0, 0, 10)
        assert shop.history(card=card)[-2:] == [("EARN", 40), ("REPAYMENT", -30)]
    shop.assert_conserved()


def test_thirds_are_cumulative_and_each_is_kept(shop: Policies) -> None:
    """33, 33 and 34; the row of each says what it took."""
    shop.earn(100, card="slow", transaction_id="t", lines=())
    for _ in range(2):
        shop.do(shop.refund("t", 33))
    shop.do(shop.refund("t"))
    rows = shop.rows("SELECT number, amount_minor, points, pending, policy FROM refund ORDER BY 1")
    assert rows == [
        (1, 33, 33, 33, "WITHIN_BALANCE"),
        (2, 33, 33, 33, "WITHIN_BALANCE"),
        (3, 34, 34, 34, "WITHIN_BALANCE"),
    ]
    refused = shop.refused(shop.refund("t"))
    assert (type(refused), refused.facts["remaining"]) == (RefundExceedsTransaction, "0")


def test_lines_give_back_what_they_gave(shop: Policies) -> None:
    """By their numbers; no line twice, and none that was not bought."""
    shop.earn(100, transaction_id="t", lines=LINES)
    first = shop.do(shop.refund("t", lines=((2, 0),))).value
    assert (first.share.points, first.share.amount_minor, first.claimed.own_lot) == (70, 40, 70)
    assert type(shop.refused(shop.refund("t", lines=((2, 1),)))) is RefundExceedsLine
    assert type(shop.refused(shop.refund("t", lines=((3, 0),)))) is LineNotFound
    rest = shop.do(shop.refund("t", lines=((1, 60),))).value
    assert (rest.share.points, shop.balance().active) == (60, 0)
    shop.assert_conserved()


def test_a_gift_is_given_back_once(shop: Policies) -> None:
    """A line of amount 0 has points and no money: asked for again, by this call or the next, it takes no more."""
    shop.earn(60, transaction_id="t", lines=(LINES[0], LINES[1]._replace(amount_minor=0)))
    taken = shop.do(shop.refund("t", lines=((2, 0),))).value
    assert (taken.share.amount_minor, taken.share.points, taken.decided.state) == (0, 70, "PARTIALLY_REFUNDED")
    assert shop.balance().active == 60
    for command in (shop.refund("t", lines=((2, 0),)), shop.refund("t", lines=((1, 10), (2, 0)))):
        refused = shop.refused(command)
        assert (type(refused), refused.facts["remaining"]) == (RefundExceedsLine, "0")
    assert shop.do(shop.refund("t", 30)).value.share.points == 0, "so many were taken with the gift"
    rest = shop.do(shop.refund("t")).value
    assert (rest.share.points, rest.decided.state, shop.balance().active) == (60, "REFUNDED", 0)
    shop.assert_conserved()


@pytest.mark.parametrize(("amount", "left"), [(101, "100"), (71, "70")])
def test_no_more_is_refunded_than_was_paid(shop: Policies, amount: int, left: str) -> None:
    """However many tills refund it."""
    shop.earn(100, transaction_id="t")
    if left == "70":
        shop.do(shop.refund("t", 30))
    refused = shop.refused(shop.refund("t", amount))
    assert (type(refused), refused.facts["remaining"]) == (RefundExceedsTransaction, left)


def test_what_earned_nothing_is_refunded_all_the_same(shop: Policies) -> None:
    """The order desk sees it; no points move."""
    shop.earn(0, transaction_id="t")
    refunded = shop.do(shop.refund("t")).value
    assert (refunded.claimed, refunded.decided.state) == (Claimed(), TransactionState.REFUNDED)
    assert shop.history() == []


def test_points_that_paid_for_it_come_back_in_the_same_share_before_its_own_are_taken(shop: Policies) -> None:
    """Half of the order returned is half of the points returned; what one spends one may get back only once."""
    shop.earn(50)
    shop.do(shop.spending(41, pays_for="t"))
    shop.earn(100, transaction_id="t")
    half = shop.do(shop.refund("t", 50)).value
    assert (half.restored, half.claimed.own_lot, shop.balance().active) == (20, 50, 79)
    shop.do(shop.rollback(2, 5))
    rest = shop.do(shop.refund("t")).value
    assert (rest.restored, shop.balance().active) == (16, 50)
    assert shop.rows("SELECT points, rolled_back, restored FROM spending") == [(41, 41, 41)]
    shop.assert_conserved()


def test_points_that_come_back_pay_what_the_same_refund_takes(shop: Policies) -> None:
    """The customer paid with points, spent those that he earned by it, and returns it: nobody owes anything."""
    shop.earn(100, card="owing")
    shop.do(shop.spending(100, card="owing", pays_for="t"))
    shop.earn(100, card="owing", transaction_id="t")
    shop.do(shop.spending(100, card="owing"))
    refunded = shop.do(shop.refund("t")).value
    assert (refunded.restored, refunded.claimed) == (100, Claimed(other_lots=100))
    assert shop.figures(card="owing") == (0, 0, 0, 0, 0)


def test_a_captured_hold_that_paid_for_it_comes_back_too(shop: Policies) -> None:
    """Most checkouts hold first."""
    shop.earn(100)
    shop.do(shop.hold(60, pays_for="t"))
    shop.do(shop.capture())
    shop.earn(10, transaction_id="t")
    assert shop.do(shop.refund("t")).value.restored == 60
    assert shop.balance().active == 100


def test_a_refund_does_not_touch_a_hold_and_the_hold_pays_when_it_lets_go(shop: Policies) -> None:
    """Whoever is at the till just now can finish; whoever gives up meets his debt."""
    spent(shop, "owing", spent=30, other=0)
    shop.do(shop.hold(70, card="owing"))
    assert shop.do(shop.refund("t")).value.claimed == Claimed(debt=100)
    assert shop.figures(card="owing") == (0, 70, 70, 100, 0)
    shop.do(shop.release(1, card="owing"))
    assert shop.figures(card="owing") == (0, 0, 0, 30, 0)
    shop.assert_conserved()


def test_what_time_sets_free_pays_what_is_owed_whoever_notices(shop: Policies) -> None:
    """Nobody has to come by: a reader sees it at once, and a sweep writes it down as an act of time."""
    spent(shop, "owing", spent=30, other=0)
    shop.do(shop.hold(70, card="owing", ttl_s=3600))
    shop.do(shop.refund("t", 50))
    shop.advance(DAY)
    assert shop.figures(card="owing") == (0, 20, 0, 0, 20)
    shop.sweep()
    assert shop.history(card="owing")[-1] == ("REPAYMENT", -50)
    acts = shop.rows("SELECT action, points FROM activity WHERE actor_type = 'SYSTEM' ORDER BY id")
    assert acts == [("hold.expired", None), ("debt.repaid", -50)]
    assert shop.rows("SELECT remaining, ended_at IS NULL FROM shortfall") == [(0, False)]
    shop.assert_conserved()


def test_a_shortfall_is_written_off_in_parts_and_then_it_is_closed(shop: Policies) -> None:
    """A debt that is given up asks for nothing more; what was given up stays written."""
    spent(shop, "owing", other=0)
    shop.do(shop.refund("t"))
    part = shop.do(shop.write_off(1, 30, card="owing")).value
    assert (part.shortfall.remaining, part.shortfall.written_off, part.balance.debt) == (50, 30, 50)
    rest = shop.do(shop.write_off(1, 999, card="owing")).value
    assert (rest.shortfall.remaining, rest.shortfall.written_off, rest.balance.debt) == (0, 80, 0)
    for number in (1, 2):
        assert type(shop.refused(shop.write_off(number, card="owing"))) is ShortfallNotFound
    shop.earn(40, card="owing")
    assert shop.figures(card="owing") == (0, 40, 0, 0, 40)
    shop.assert_conserved()


def test_a_purchase_that_waits_is_refunded_before_it_ever_counted(shop: Policies) -> None:
    """And what is left of it matures."""
    shop.earn(100, card="slow", transaction_id="t")
    assert shop.do(shop.refund("t", 40)).value.claimed == Claimed(pending=40)
    shop.advance(12 * DAY)
    assert shop.figures(card="slow")[:2] == (0, 60)
    assert shop.do(shop.refund("t")).value.claimed == Claimed(own_lot=60)
    assert shop.history(card="slow") == [("ACTIVATION", 60), ("REFUND", -60)]
    shop.assert_conserved()


def test_a_rejected_purchase_is_not_refunded(shop: Policies) -> None:
    """It gave nothing."""
    shop.earn(100, card="slow", transaction_id="t")
    shop.do(shop.decision("t", accept=False))
    assert type(shop.refused(shop.refund("t"))) is TransactionStateWrong
