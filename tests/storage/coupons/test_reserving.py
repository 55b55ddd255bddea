"""Coupons set aside for an order: nobody else gets them, until the order, somebody or the clock ends it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rules.coupons.refusals import (
    CampaignUsedUp,
    CouponReserved,
    CouponUsedUp,
    CouponVoided,
    CustomerLimitReached,
    RedemptionNotFound,
)
from rules.coupons.terms import Benefit, CustomerLimit, Period, Terms
from storage.engine.database import Database
from storage.engine.requests import Answer
from tests.storage.coupons.till import FIVE_OFF, RedemptionState, Till

MINUTE = timedelta(minutes=1)


@pytest.fixture
def till(database: Database) -> Till:
    """Ada and Ben, and a campaign of five euros off."""
    made = Till(database)
    made.campaign()
    return made


def test_what_is_reserved_is_had_by_its_order_alone(till: Till) -> None:
    """A customer who pays is not told that somebody was faster; anybody else is told how long to wait."""
    coupon = till.coupon()
    [held] = till.do(till.reserve(coupon, order_id="o-1")).value.redemptions
    assert till.standing_of(coupon) == (0, 1, None, 1, None)
    assert isinstance(till.refused(till.redeem(coupon, name="ben")), CouponReserved)
    assert isinstance(till.refused(till.redeem(coupon, order_id="o-2")), CouponReserved)
    [used] = till.do(till.redeem(coupon, order_id="o-1")).value.redemptions
    assert (used.id, used.redemption.state) == (held.id, RedemptionState.REDEEMED)
    assert till.standing_of(coupon) == (1, 0, None, 1, None)
    assert isinstance(till.refused(till.redeem(coupon, order_id="o-1")), CouponUsedUp)


def test_the_clock_ends_it_and_whoever_comes_next_notices(till: Till) -> None:
    """No worker is needed for it: who goes away keeps a coupon from nobody."""
    coupon = till.coupon()
    till.do(till.reserve(coupon, order_id="o-1"))
    till.advance(15 * MINUTE)
    till.do(till.redeem(coupon, name="ben", order_id="o-2"))
    assert till.orders_of(RedemptionState.EXPIRED) == {"o-1"}
    assert till.standing_of(coupon) == (1, 0, None, 1, None)
    [(at, customer)] = till.rows(
        "SELECT occurred_at, c.customer_id FROM activity JOIN customer c ON c.id = activity.customer"
        " WHERE action = 'redemption.expired'"
    )
    assert (at - till.program.created_at < timedelta(days=9_999), customer) == (True, "ada")
    assert isinstance(till.refused(till.redeem(coupon, order_id="o-1")), CouponUsedUp)


def test_its_own_order_comes_too_late_and_gets_it_all_the_same(till: Till) -> None:
    """What nobody took meanwhile can still be had, as by anybody else."""
    coupon = till.coupon()
    till.do(till.reserve(coupon, order_id="o-1", ttl_s=60))
    till.advance(MINUTE)
    till.do(till.redeem(coupon, order_id="o-1"))
    assert till.redemptions() == 2
    assert till.standing_of(coupon) == (1, 0, None, 1, None)


def test_reserved_again_it_lasts_longer(till: Till) -> None:
    """A customer who takes their time keeps it; there is one reservation, and one use."""
    coupon = till.coupon()
    till.do(till.reserve(coupon, order_id="o-1"))
    till.advance(10 * MINUTE)
    till.do(till.reserve(coupon, order_id="o-1"))
    till.advance(10 * MINUTE)
    assert isinstance(till.refused(till.redeem(coupon, name="ben")), CouponReserved)
    assert till.standing_of(coupon) == (0, 1, None, 1, None)
    assert till.redemptions() == 1


def test_released_it_is_free(till: Till) -> None:
    """All that was reserved for the order; what was redeemed for it, and what is not there, is not let go of."""
    first, second = till.coupon(), till.coupon()
    till.do(till.reserve(first, second, order_id="o-1"))
    till.do(till.redeem(first, order_id="o-1"))
    [one] = till.do(till.let_go("o-1")).value.redemptions
    assert one.redemption.state is RedemptionState.RELEASED
    assert till.standing_of(second) == (0, 0, None, 1, None)
    assert isinstance(till.refused(till.let_go("o-1")), RedemptionNotFound)
    assert isinstance(till.refused(till.let_go("o-2")), RedemptionNotFound)
    till.do(till.redeem(second, name="ben"))


def test_what_was_reserved_is_redeemed_whatever_has_changed_since(till: Till) -> None:
    """Voided, archived or over: the order was promised it. A new order gets none."""
    coupon = till.coupon()
    till.do(till.reserve(coupon, order_id="o-1"))
    till.do(till.void(coupon))
    till.execute("UPDATE coupon_campaign SET archived = true")
    assert isinstance(till.refused(till.redeem(coupon, order_id="o-2")), CouponVoided)
    till.do(till.redeem(coupon, order_id="o-1"))


def test_a_gift_card_is_reserved_in_part(till: Till) -> None:
    """What is set aside for one order is not there for another, and comes back with its end."""
    till.campaign("gift", Terms(Benefit.BALANCE, amount_minor=3_000, currency_code="EUR"))
    card = till.coupon("gift", initial_minor=3_000, balance_minor=3_000)
    till.do(till.reserve(card, order_id="o-1", amount=2_000))
    till.do(till.redeem(card, order_id="o-2", amount=5_000, name="ben"))
    assert till.standing_of(card).balance_minor == 0
    # The order became smaller: what is not needed is left.
    till.do(till.redeem(card, order_id="o-1", amount=1_500))
    assert till.standing_of(card) == (2, 0, 500, 2, None)
    till.do(till.reserve(card, order_id="o-3", amount=500))
    till.advance(15 * MINUTE)
    till.do(till.reserve(card, order_id="o-4", amount=100))
    assert till.standing_of(card) == (2, 1, 400, 3, None)


def test_limits_count_what_is_reserved_until_it_ends(till: Till) -> None:
    """A limit that reservations could pass would be none; and what ended is free for others, whoever held it."""
    limited = replace(FIVE_OFF, uses_max=1, customer_limits=(CustomerLimit(Period.EVER, 1),))
    till.campaign("few", limited)
    shared = till.shared("few")
    till.do(till.reserve(shared, order_id="o-1"))
    assert isinstance(till.refused(till.redeem(shared, order_id="o-2")), CampaignUsedUp)
    assert isinstance(till.refused(till.redeem(shared, name="ben")), CampaignUsedUp)
    till.advance(15 * MINUTE)
    asked = till.do(till.redeem(shared, name="ben", validate_only=True))
    assert isinstance(asked, Answer)
    till.do(till.redeem(shared, name="ben"))
    assert till.orders_of(RedemptionState.EXPIRED) == {"o-1"}
    assert till.standing_of(shared).of_campaign == 1


def test_ended_reservations_of_other_codes_give_the_campaign_its_uses_back(till: Till) -> None:
    """A campaign of single codes with a limit in all: who walked away does not use it up."""
    till.campaign("few", replace(FIVE_OFF, uses_max=2))
    first, second, third = (till.coupon("few") for _ in range(3))
    till.do(till.reserve(first, order_id="o-1"))
    till.do(till.redeem(second))
    assert isinstance(till.refused(till.redeem(third)), CampaignUsedUp)
    till.advance(15 * MINUTE)
    till.do(till.redeem(third, name="ben"))
    assert till.standing_of(first) == (0, 0, None, 2, None)


def test_a_customer_reserves_no_more_than_they_may_use(till: Till) -> None:
    """Reserved for one order and asked for another: the limit of the customer has been reached."""
    till.campaign("once", replace(FIVE_OFF, customer_limits=(CustomerLimit(Period.EVER, 1),)))
    shared = till.shared("once")
    till.do(till.reserve(shared, order_id="o-1"))
    assert isinstance(till.refused(till.reserve(shared, order_id="o-2")), CustomerLimitReached)
    till.do(till.let_go("o-1"))
    till.do(till.reserve(shared, order_id="o-2"))
