"""Whether a coupon can be used at all, for any order: whose it is, from and until when, and what is left of it."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from rules.coupons.campaigns import window
from rules.coupons.coupons import end_of, uses_max
from rules.coupons.orders import Candidate
from rules.coupons.refusals import (
    CampaignArchived,
    CouponExpired,
    CouponNotFound,
    CouponNotStarted,
    CouponReserved,
    CouponUsedUp,
    CouponVoided,
    CouponWrongCustomer,
    GiftCardEmpty,
)
from rules.coupons.terms import Benefit
from rules.refusals import Refusal

# What only some may be told: to all others these are one.
HIDDEN: frozenset[type[Refusal]] = frozenset({CouponNotFound, CouponWrongCustomer, CouponVoided, CouponExpired})


def against(candidate: Candidate, customer: int, zone: ZoneInfo, now: datetime) -> Iterator[Refusal]:
    """All that is against its use by that customer. First what stays so for good, and what only some may be told
    (whose it is, that it was voided, that it is over): whoever may not is told nothing beyond. What is reserved for
    this order was found usable when it was reserved, and stays so; it is only asked whose it is."""
    yield from hidden(candidate, customer, zone, now)
    if candidate.is_reserved_here:
        return
    during = window(candidate.terms, zone)
    if candidate.archived:
        yield CampaignArchived(campaign=candidate.campaign_id)
    if during.starts_at is not None and now < during.starts_at:
        yield CouponNotStarted(start_time=during.starts_at.isoformat())
    yield from _used_up(candidate, now)


def hidden(candidate: Candidate, customer: int, zone: ZoneInfo, now: datetime) -> Iterator[Refusal]:
    """What is against it of HIDDEN. Needs nothing of the candidate but the coupon, the terms, and whether it is
    reserved here."""
    coupon = candidate.coupon
    if coupon.customer is not None and coupon.customer != customer:
        yield CouponWrongCustomer()
    if candidate.is_reserved_here:
        return
    if coupon.voided_at is not None:
        yield CouponVoided()
    ends_at = end_of(coupon, window(candidate.terms, zone))
    if ends_at is not None and now >= ends_at:
        yield CouponExpired(expire_time=ends_at.isoformat())


def _used_up(candidate: Candidate, now: datetime) -> Iterator[Refusal]:
    """At most one: that all uses are made, or that those which are not are set aside for other orders."""
    coupon, terms, until = candidate.coupon, candidate.terms, candidate.reserved_until
    if coupon.is_shared:
        if candidate.code_left is not None and candidate.code_left <= 0:
            yield CouponUsedUp(limit=terms.uses_per_code)
        return
    limit = uses_max(terms, is_shared=False)
    reserved = coupon.reserved if until is not None and now < until else 0
    is_empty = terms.benefit is Benefit.BALANCE and not coupon.balance_minor
    if limit and coupon.uses >= limit:
        yield CouponUsedUp(limit=limit)
    elif is_empty and not reserved:
        yield GiftCardEmpty()
    elif until is not None and reserved and (is_empty or (limit and coupon.uses + reserved >= limit)):
        yield CouponReserved(expire_time=until.isoformat())
