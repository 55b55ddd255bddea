"""Coupons and redemptions as the contract shows them."""

from typing import Any

from fealty.v1 import coupon_campaigns_pb2, coupons_pb2
from rules.coupons.coupons import CouponState, RedemptionState, end_of, uses_max
from rules.coupons.terms import Benefit
from server.convert import names, terms
from server.convert.requests import set_instant
from server.policy import word
from storage.coupons.reading.coupons import CouponRead
from storage.coupons.reading.pages import CouponFilter
from storage.coupons.reading.redemptions import RedemptionFilter, RedemptionRead
from storage.coupons.sealing import CodeSeals

_STATES: dict[str, Any] = {name.removeprefix("COUPON_STATE_"): n for name, n in coupons_pb2.CouponState.items()}
_TYPES: dict[str, Any] = {name.removeprefix("COUPON_TYPE_"): n for name, n in coupons_pb2.CouponType.items()}
_ORIGINS: dict[str, Any] = {
    name.removeprefix("COUPON_ORIGIN_"): n for name, n in coupon_campaigns_pb2.CouponOrigin.items()
}
_REDEMPTION_STATES: dict[str, Any] = {
    name.removeprefix("REDEMPTION_STATE_"): n for name, n in coupons_pb2.RedemptionState.items()
}


def fill_coupon(shown: coupons_pb2.Coupon, read: CouponRead, with_terms: bool = True) -> None:
    """A coupon as the contract shows it. Its terms are most of it, and not wanted by who asks with every basket."""
    coupon, of = read.coupon, read.of
    shown.name, shown.campaign, shown.customer = read.name, of.campaign, read.customer
    shown.state, shown.type = _STATES[read.state], _TYPES[of.terms.benefit]
    shown.masked_code = f"••••{coupon.last_four}"
    shown.fingerprint = CodeSeals.fingerprint(bytes.fromhex(coupon.code))
    shown.shared = coupon.is_shared
    if with_terms:
        terms.fill(shown.terms, of.terms)
    if coupon.balance_minor is not None:
        shown.balance.currency_code = shown.initial_balance.currency_code = of.terms.currency_code
        shown.balance.amount_minor, shown.initial_balance.amount_minor = coupon.balance_minor, coupon.initial_minor or 0
    shown.uses, shown.uses_max, shown.reserved = coupon.uses, uses_max(of.terms, coupon.is_shared), coupon.reserved
    if of.window.starts_at is not None:
        set_instant(shown.start_time, of.window.starts_at)
    if (ends_at := end_of(coupon, of.window)) is not None:
        set_instant(shown.expire_time, ends_at)
    set_instant(shown.add_time, coupon.added_at)
    shown.origin = _ORIGINS[coupon.origin]
    shown.activity = names.activity(read.activity)
    if coupon.voided_at is not None:
        set_instant(shown.void_time, coupon.voided_at)


def fill_redemption(shown: coupons_pb2.Redemption, read: RedemptionRead) -> None:
    """A redemption as the contract shows it."""
    redemption = read.redemption
    shown.name, shown.coupon, shown.campaign, shown.customer = read.name, read.coupon, read.campaign, read.customer
    shown.state = _REDEMPTION_STATES[redemption.state]
    shown.campaign_version = redemption.version
    shown.order_id = redemption.order_id
    if redemption.discount_minor is not None:
        shown.discount.currency_code = redemption.currency_code
        shown.discount.amount_minor = redemption.discount_minor
    for line, amount_minor in redemption.lines:
        shown.lines.add(line=line, amount_minor=amount_minor)
    shown.account, shown.points = read.account, redemption.points
    set_instant(shown.create_time, redemption.created_at)
    if redemption.expires_at is not None and redemption.redeemed_at is None:
        set_instant(shown.expire_time, redemption.expires_at)
    if redemption.redeemed_at is not None:
        set_instant(shown.redeem_time, redemption.redeemed_at)
    if redemption.ended_at is not None:
        set_instant(shown.end_time, redemption.ended_at)
    shown.activity = names.activity(redemption.activity)


def coupon_filter(message: coupons_pb2.ListCouponsRequest) -> CouponFilter:
    """The filter in a request."""
    return CouponFilter(
        [CouponState(word(coupons_pb2.CouponState, state, "COUPON_STATE_")) for state in message.states],
        [Benefit(word(coupons_pb2.CouponType, kind, "COUPON_TYPE_")) for kind in message.types],
        names.batch(message.batch) if message.batch else None,
    )


def redemption_filter(message: coupons_pb2.ListRedemptionsRequest) -> RedemptionFilter:
    """The filter in a request."""
    state = word(coupons_pb2.RedemptionState, message.state, "REDEMPTION_STATE_")
    return RedemptionFilter(RedemptionState(state) if state else "", message.order_id)
