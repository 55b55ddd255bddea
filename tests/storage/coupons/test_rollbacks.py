"""Redemptions given back: by hand, and with the purchase of their order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rules.coupons.refusals import (
    CouponAccountNeeded,
    CouponExpired,
    CouponVoided,
    RedemptionNotFound,
    RedemptionStateWrong,
)
from rules.coupons.terms import Benefit, CustomerLimit, GiveBack, Period, Terms
from rules.refusals import ExpiryInPast
from storage.engine.database import Database
from tests.storage.coupons.till import FIVE_OFF, START, RedemptionState, Till

DAY = timedelta(days=1)


@pytest.fixture
def till(database: Database) -> Till:
    """Ada and Ben, and a campaign of five euros off."""
    made = Till(database)
    made.campaign()
    return made


def redeemed(till: Till, *coupons: tuple[str, ...], **how: object) -> str:
    """The id of the first of the redemptions of some coupons."""
    return str(till.do(till.redeem(*coupons, **how)).value.redemptions[0].id)  # type: ignore[arg-type]


def test_a_use_comes_back_once(till: Till) -> None:
    """With it the uses of its campaign and what the customer may have; a second time there is nothing to give."""
    till.campaign("once", replace(FIVE_OFF, uses_max=1, customer_limits=(CustomerLimit(Period.EVER, 1),)))
    coupon = till.shared("once")
    redemption = redeemed(till, coupon)
    till.do(till.give_back(redemption))
    assert till.standing_of(coupon) == (0, 0, None, 0, 0)
    assert isinstance(till.refused(till.give_back(redemption)), RedemptionStateWrong)
    assert isinstance(till.refused(till.give_back(redemption, name="ben")), RedemptionNotFound)
    redeemed(till, coupon)


def test_what_is_reserved_is_released_and_not_rolled_back(till: Till) -> None:
    """Two ways to give one use back would be one too many."""
    [held] = till.do(till.reserve(till.coupon(), order_id="o-1")).value.redemptions
    assert isinstance(till.refused(till.give_back(held.id)), RedemptionStateWrong)


def test_a_gift_card_gets_its_money_back(till: Till) -> None:
    """As much as the redemption took, and no more."""
    till.campaign("gift", Terms(Benefit.BALANCE, amount_minor=3_000, currency_code="EUR"))
    card = till.coupon("gift", initial_minor=3_000, balance_minor=3_000)
    redemption = redeemed(till, card, amount=1_200)
    redeemed(till, card, amount=800)
    till.do(till.give_back(redemption))
    assert till.standing_of(card) == (1, 0, 2_200, 1, None)


def test_expired_it_stays_so_unless_it_is_extended(till: Till) -> None:
    """Giving a use back revives nothing by itself; somebody decides until when it can be used."""
    coupon = till.coupon(expires_at=START + DAY)
    redemption = redeemed(till, coupon)
    till.advance(2 * DAY)
    assert isinstance(till.refused(till.give_back(redemption, until=START + DAY)), ExpiryInPast)
    till.do(till.give_back(redemption))
    assert isinstance(till.refused(till.redeem(coupon)), CouponExpired)
    other = till.coupon(expires_at=START + 3 * DAY)
    redemption = redeemed(till, other)
    till.do(till.give_back(redemption, until=START + 9 * DAY))
    assert till.end_of(other) == START + 9 * DAY
    till.advance(5 * DAY)
    redeemed(till, other)


def test_voided_it_stays_so(till: Till) -> None:
    """The use is given back in the books, and nobody can use it."""
    coupon = till.coupon()
    redemption = redeemed(till, coupon)
    till.do(till.void(coupon))
    till.do(till.give_back(redemption))
    assert till.standing_of(coupon).uses == 0
    assert isinstance(till.refused(till.redeem(coupon)), CouponVoided)


def test_points_that_it_gave_are_taken_back_as_far_as_they_are_there(till: Till) -> None:
    """From the account that got them, which must be named; what was spent is not owed."""
    till.campaign("bonus", Terms(Benefit.POINTS, points=40, card_id="plain"))
    redemption = redeemed(till, till.coupon("bonus"), card="plain")
    till.do(till.spending(15))
    assert isinstance(till.refused(till.give_back(redemption)), CouponAccountNeeded)
    assert isinstance(till.refused(till.give_back(redemption, card="slow")), CouponAccountNeeded)
    answer = till.do(till.give_back(redemption, card="plain"))
    assert (answer.value.points, till.balance().spendable) == (25, 0)
    till.assert_conserved()


@pytest.mark.parametrize(
    ("gives", "rejected", "part", "whole"),
    [(GiveBack.NEVER, False, False, False), (GiveBack.WHOLE, True, False, True), (GiveBack.ANY, True, True, True)],
)
def test_a_purchase_gives_its_coupons_back_by_policy(
    till: Till, gives: GiveBack, rejected: bool, part: bool, whole: bool
) -> None:
    """In one transaction with its rejection or refund: else a crash in between would keep the one and not the other."""
    till.campaign("back", replace(FIVE_OFF, give_back=gives))
    for order, undo, comes_back in (
        ("rejected", lambda: till.decision("rejected", accept=False), rejected),
        ("part", lambda: till.refund("part", 10), part),
        ("whole", lambda: till.refund("whole"), whole),
    ):
        coupon = till.coupon("back")
        till.earn(100, card="slow", transaction_id=order)
        redeemed(till, coupon, order_id=order)
        before = till.contents()
        undoing = undo()
        till.do(undoing._replace(context=undoing.context._replace(validate_only=True)))
        assert till.contents() == before
        till.do(undo())
        assert till.standing_of(coupon).uses == (not comes_back)
        assert (order in till.orders_of(RedemptionState.ROLLED_BACK)) == comes_back
    till.assert_conserved()


def test_a_refund_leaves_coupons_of_points_and_of_others(till: Till) -> None:
    """The refund claims what the purchase earned; another customer's order of that id is another order."""
    till.campaign("bonus", Terms(Benefit.POINTS, points=40, card_id="plain", give_back=GiveBack.ANY))
    till.campaign("back", replace(FIVE_OFF, give_back=GiveBack.ANY))
    till.earn(100, transaction_id="t-9")
    redeemed(till, till.coupon("bonus"), card="plain", order_id="t-9")
    redeemed(till, till.coupon("back"), name="ben", order_id="t-9")
    till.do(till.refund("t-9"))
    assert till.orders_of(RedemptionState.ROLLED_BACK) == set()
    assert till.balance().spendable == 40
