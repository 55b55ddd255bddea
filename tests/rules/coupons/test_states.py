"""What a coupon is called: one state of several that fit, derived from what is kept of it and the clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.coupons.campaigns import Window
from rules.coupons.coupons import (
    Coupon,
    CouponState,
    Origin,
    Redemption,
    RedemptionState,
    end_of,
    state_of,
    uses_max,
)
from rules.coupons.terms import Benefit, Terms

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
OPEN = Window(None, None)
TEN = Terms(Benefit.PERCENT_OFF, basis_points=1000)
GIFT = Terms(Benefit.BALANCE, amount_minor=50, currency_code="EUR")
NEW = Coupon("c0de", "7F3K", Origin.GENERATED, NOW)
CARD = NEW._replace(initial_minor=50, balance_minor=50)


@pytest.mark.parametrize(
    ("coupon", "terms", "state"),
    [
        (NEW, TEN, CouponState.AVAILABLE),
        (NEW._replace(customer=1), TEN, CouponState.ASSIGNED),
        (NEW._replace(customer=1, reserved=1), TEN, CouponState.RESERVED),
        (NEW._replace(reserved=1), replace(TEN, uses_per_code=2), CouponState.AVAILABLE),
        (NEW._replace(uses=1), TEN, CouponState.USED_UP),
        (NEW._replace(uses=1), replace(TEN, uses_per_code=2), CouponState.PARTIALLY_REDEEMED),
        (NEW._replace(uses=1, reserved=1), replace(TEN, uses_per_code=2), CouponState.RESERVED),
        (NEW._replace(uses=2), replace(TEN, uses_per_code=1), CouponState.USED_UP),
        (NEW._replace(stock=1, uses=1_000), TEN, CouponState.PARTIALLY_REDEEMED),
        (NEW._replace(stock=1, uses=1_000, reserved=9), TEN, CouponState.PARTIALLY_REDEEMED),
        (NEW._replace(stock=1, uses=1_000), replace(TEN, uses_per_code=1_000), CouponState.USED_UP),
        (CARD, GIFT, CouponState.AVAILABLE),
        (CARD._replace(uses=7, balance_minor=1), GIFT, CouponState.PARTIALLY_REDEEMED),
        (CARD._replace(uses=7, balance_minor=0), GIFT, CouponState.USED_UP),
        (CARD._replace(reserved=1, balance_minor=0), GIFT, CouponState.RESERVED),
        (CARD._replace(reserved=1, balance_minor=1), GIFT, CouponState.AVAILABLE),
    ],
)
def test_the_state_follows_from_what_is_left(coupon: Coupon, terms: Terms, state: CouponState) -> None:
    """Of uses, or of the balance; what is reserved is not left, and not used."""
    assert state_of(coupon, terms, OPEN, NOW) is state


@given(st.booleans(), st.booleans(), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_voided_comes_before_expired_and_both_before_all_else(
    voided: bool, over: bool, uses: int, reserved: int, uses_per_code: int, assigned: bool
) -> None:
    """What cannot be used any more is said first, whatever became of it before."""
    coupon = NEW._replace(
        uses=uses, reserved=reserved, customer=1 if assigned else None, voided_at=NOW if voided else None
    )
    terms = replace(TEN, uses_per_code=uses_per_code)
    state = state_of(coupon, terms, Window(None, NOW if over else NOW + SECOND), NOW)
    if voided or over:
        assert state is (CouponState.VOIDED if voided else CouponState.EXPIRED)
    else:
        limit = uses_max(terms, is_shared=False)
        assert (state is CouponState.USED_UP) == (uses >= limit)
        assert (state is CouponState.RESERVED) == (uses < limit <= uses + reserved)


def test_it_has_expired_at_its_end_and_not_before() -> None:
    """An end of its own is the one that counts: it may have been extended beyond the campaign's, or end before."""
    sooner, later = NOW - SECOND, NOW + SECOND
    assert state_of(NEW, TEN, Window(None, NOW), NOW) is CouponState.EXPIRED
    assert state_of(NEW, TEN, Window(later, later), NOW) is CouponState.AVAILABLE
    assert state_of(NEW._replace(expires_at=later), TEN, Window(None, sooner), NOW) is CouponState.AVAILABLE
    assert state_of(NEW._replace(expires_at=NOW), TEN, Window(None, later), NOW) is CouponState.EXPIRED
    assert end_of(NEW, OPEN) is None


def test_a_reservation_expires_with_the_clock() -> None:
    """At its end, to the instant; a redemption never does."""
    reserved = Redemption(1, "c", "o1", RedemptionState.RESERVED, 1, NOW, expires_at=NOW + SECOND)
    assert reserved.at(NOW) == reserved
    ended = reserved.at(NOW + SECOND)
    assert (ended.state, ended.ended_at) == (RedemptionState.EXPIRED, NOW + SECOND)
    assert not ended.is_open(NOW)
    redeemed = reserved._replace(state=RedemptionState.REDEEMED)
    assert redeemed.at(NOW + SECOND) == redeemed
