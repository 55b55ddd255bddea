"""After a merge or a closing, coupons are used as if they had always been whose they are."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rules.coupons.coupons import RedemptionState
from rules.coupons.refusals import CouponUsedUp, CouponWrongCustomer, CustomerLimitReached
from rules.coupons.terms import CustomerLimit, GiveBack, Period
from rules.refusals import CustomerMerged
from storage.coupons.records import RedemptionRow
from storage.engine.database import Busy, Database
from tests.storage.coupons.till import FIVE_OFF, Till
from tests.storage.members import close, merge, unmerge

ONCE = replace(FIVE_OFF, customer_limits=(CustomerLimit(Period.EVER, 1),), uses_per_code=1)


@pytest.fixture
def till(database: Database) -> Till:
    """Three customers, and a campaign whose codes and customers have one use."""
    made = Till(database, "ada", "ben", "cyd")
    made.campaign(terms=ONCE)
    return made


def test_a_reservation_is_redeemed_by_whose_it_is_now(till: Till) -> None:
    """The basket was hers; who pays is the customer that goes on."""
    own = till.coupon(name="ada")
    till.do(till.reserve(own, order_id="basket"))
    merge(till)
    assert isinstance(till.refused(till.redeem(own, order_id="basket")), CustomerMerged)
    till.do(till.redeem(own, name="ben", order_id="basket"))
    assert till.standing_of(own)[:2] == (1, 0)
    unmerge(till)
    assert isinstance(till.refused(till.redeem(own, name="ada")), CouponWrongCustomer)
    till.assert_conserved()


def test_limits_of_a_customer_count_both(till: Till) -> None:
    """Two cards do not make two welcome gifts."""
    till.do(till.redeem(till.coupon(), name="ada"))
    merge(till)
    assert isinstance(till.refused(till.redeem(till.coupon(), name="ben")), CustomerLimitReached)
    unmerge(till)
    till.do(till.redeem(till.coupon(), name="ben"))
    till.assert_conserved()


def test_a_refund_gives_back_what_was_used_for_a_purchase_that_moved(till: Till) -> None:
    """The purchase moves, and so does what was used for it: its refund finds both."""
    till.campaign("back", replace(FIVE_OFF, give_back=GiveBack.ANY))
    own = till.coupon("back", "ada")
    till.earn(100, transaction_id="bought")
    till.do(till.redeem(own, order_id="bought"))
    merge(till)
    till.do(till.refund("bought", None, "ben"))
    assert till.standing_of(own)[:2] == (0, 0)
    till.do(till.redeem(own, name="ben"))
    till.assert_conserved()


@pytest.mark.parametrize("moves", [True, False])
def test_the_last_use_is_anybodys_once_the_reservation_has_ended(till: Till, moves: bool) -> None:
    """Whoever comes by ends it, also where it is another's by then."""
    summer = till.shared()
    till.do(till.reserve(summer, ttl_s=60))
    if moves:
        merge(till)
    assert isinstance(till.refused(till.redeem(summer, name="cyd")), CouponUsedUp)
    till.advance(timedelta(seconds=60))
    till.do(till.redeem(summer, name="cyd"))
    assert till.redemptions(RedemptionState.EXPIRED) == 1
    till.assert_conserved()


def test_the_last_use_is_anybodys_once_its_customer_is_closed(till: Till) -> None:
    """At once, and not only when its time has passed."""
    summer = till.shared()
    till.do(till.reserve(summer, ttl_s=3600))
    close(till)
    till.do(till.redeem(summer, name="ben"))
    assert till.standing_of(summer)[3:] == (1, 1)
    till.assert_conserved()


def test_a_merge_waits_for_who_is_using_a_coupon(till: Till) -> None:
    """Else a use could be counted for somebody who is no more: it is told to come again, and has done nothing."""
    own = till.coupon(name="ada")
    till.do(till.reserve(own))
    with till.another_connection() as other, other.transaction():
        other.execute("SELECT FROM coupon FOR NO KEY UPDATE")
        before = till.contents()
        with pytest.raises(Busy):
            merge(till)
        assert till.contents() == before
    merge(till)
    [row] = RedemptionRow.select()
    assert row.customer == till.rows("SELECT id FROM customer WHERE customer_id = 'ben'")[0][0]
