"""Which coupons go together on one order."""

from collections.abc import Iterator, Sequence

from rules.coupons.orders import Candidate
from rules.coupons.refusals import CouponNotStackable
from rules.coupons.terms import Benefit, Stacking


def against(stacking: Stacking, before: Sequence[Stacking]) -> Iterator[CouponNotStackable]:
    """Why it does not go together with those that the order has before it. Who comes first stays: it is the later one
    that is refused, also where the one before is what tolerates no other."""
    if any(other.exclusive for other in before):
        yield CouponNotStackable(what="the order has one that tolerates no other")
    if stacking.exclusive and before:
        yield CouponNotStackable(what="it tolerates no other, and the order has one already")
    if stacking.group and any(other.group == stacking.group for other in before):
        yield CouponNotStackable(what=f"of the group {stacking.group} an order takes one")


def against_again(candidate: Candidate) -> Iterator[CouponNotStackable]:
    """An order takes a coupon once, also in calls of their own; of a gift card, which pays part by part, as often as it
    has something left."""
    if candidate.is_redeemed_here and candidate.terms.benefit is not Benefit.BALANCE:
        yield CouponNotStackable(what="the order has it already")
