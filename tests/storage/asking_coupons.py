"""Every command about coupons, with what a test does not care about filled in."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rules.coupons.codes import Code
from rules.coupons.orders import Order, OrderLine
from storage.coupons import nouns
from storage.coupons.acts.assigning import AssignCoupon
from storage.coupons.acts.giving import FreshCode
from storage.coupons.acts.redeeming import RedeemCoupons
from storage.coupons.acts.reserving import ReleaseCoupons, ReserveCoupons
from storage.coupons.acts.rollbacks import RollBackRedemption
from storage.coupons.acts.using import Wanted
from storage.coupons.acts.voiding import VoidCoupon
from storage.coupons.nouns import CouponKey
from storage.ledger.addresses import CustomerName
from tests.personal import CODES
from tests.storage.asking import Asking, asked


class AskingCoupons(Asking):
    """Commands about the customers of one program and their coupons, which are known by their keys."""

    def coded(self, code: str) -> CouponKey:
        """The key of a code."""
        return nouns.by_code(self.program_id, self.seal(code))

    def seal(self, code: str = "") -> str:
        """A code as the books have it; one of chance, unless it is given."""
        return CODES.seal(self.program_id, Code(code or secrets.token_hex(10).upper())).hex()

    def customer(self, name: str = "ada") -> CustomerName:
        """A customer."""
        return CustomerName(self.program_id, name)

    def redeem(
        self,
        *coupons: CouponKey | Wanted,
        name: str = "ada",
        order_id: str = "",
        amount: int = 2_000,
        lines: Sequence[OrderLine] = (),
        card: str = "",
        spend: int = 0,
        order: Order | None = None,
        **how: Any,
    ) -> RedeemCoupons:
        """Coupons used for an order of twenty euros."""
        order = order or self.order(order_id, amount, lines)
        account = self.address(name, card) if card else None
        what = (self.customer(name), order, tuple(map(_wanted, coupons)), account, spend)
        return RedeemCoupons(*what, asked(what, action="coupon.redeemed", **how))

    def reserve(
        self,
        *coupons: CouponKey | Wanted,
        name: str = "ada",
        order_id: str = "",
        amount: int = 2_000,
        ttl_s: int = 0,
        order: Order | None = None,
        **how: Any,
    ) -> ReserveCoupons:
        """Coupons reserved for an order."""
        order = order or self.order(order_id, amount)
        what = (self.customer(name), order, tuple(map(_wanted, coupons)), ttl_s)
        return ReserveCoupons(*what, asked(what, action="coupon.reserved", **how))

    def let_go(self, order_id: str, name: str = "ada", **how: Any) -> ReleaseCoupons:
        """What is reserved for an order, released."""
        what = (self.customer(name), order_id)
        return ReleaseCoupons(*what, asked(what, action="coupon.released", **how))

    def give_back(
        self, redemption: str, name: str = "ada", until: datetime | None = None, card: str = "", **how: Any
    ) -> RollBackRedemption:
        """A redemption rolled back."""
        what = (self.customer(name), redemption, until, self.address(name, card) if card else None)
        return RollBackRedemption(*what, asked(what, action="redemption.rolled_back", **how))

    def assign(
        self,
        key: CouponKey | None = None,
        campaign_id: str = "",
        name: str = "ada",
        code: str = "",
        template: str = "",
        **how: Any,
    ) -> AssignCoupon:
        """A coupon given to a customer: one that is named, or one of a campaign; with a pass of a template."""
        sealed = self.seal(code)
        what = (self.customer(name), key, campaign_id, FreshCode(sealed, "WXYZ"))
        return AssignCoupon(*what, asked((*what, template), action="coupon.assigned", **how), template)

    def void(self, key: CouponKey, **how: Any) -> VoidCoupon:
        """A coupon voided."""
        return VoidCoupon(key, asked(key, action="coupon.voided", **how))

    def order(self, order_id: str = "", amount: int = 2_000, lines: Sequence[OrderLine] = ()) -> Order:
        """An order, in euros."""
        return Order(order_id or f"order-{next(self._numbers)}", amount, "EUR", tuple(lines))


def _wanted(coupon: CouponKey | Wanted) -> Wanted:
    return coupon if isinstance(coupon, Wanted) else Wanted(coupon)
