"""What an order is, and what is known of the coupons that are to be used on it; `judging` says what they give."""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import NamedTuple

from rules.coupons.coupons import Coupon
from rules.coupons.refusals import CouponNamedTwice
from rules.coupons.terms import Terms
from rules.refusals import Refusal


class OrderLine(NamedTuple):
    """One line of an order, before discounts."""

    product_id: str
    category: str
    quantity: int
    amount_minor: int


class Order(NamedTuple):
    """What coupons are used for. `shipping_minor` None: nothing is shipped. An empty store: it is not known."""

    order_id: str
    amount_minor: int
    currency_code: str
    lines: tuple[OrderLine, ...] = ()
    store: str = ""
    shipping_minor: int | None = None


class Candidate(NamedTuple):
    """A coupon that is to be used on an order, and all that its use depends on.

    `campaign_id` names its campaign, `archived` is whether that is. `asked_minor` is what is asked of a gift card,
    0: as much as the order takes. `used_at` are the instants of this customer's other uses of the campaign that
    stand or are reserved, newest first, as many as its largest limit. `campaign_left` and `code_left` are uses left
    of the campaign and of a shared code, None: any number. `is_reserved_here`: for this very order.
    `reserved_until`: when the last reservation by another order ends, where there is one. `is_redeemed_here`: this very
    order has it already.

    `coupon.reserved` are the reservations that have not ended. Of a gift card that is reserved here, what is set aside
    for this order is put back into `coupon.balance_minor`.
    """

    coupon: Coupon
    campaign_id: str
    terms: Terms
    archived: bool = False
    asked_minor: int = 0
    used_at: tuple[datetime, ...] = ()
    campaign_left: int | None = None
    code_left: int | None = None
    is_reserved_here: bool = False
    reserved_until: datetime | None = None
    is_redeemed_here: bool = False


class Standing(NamedTuple):
    """A coupon that stands on the order already, redeemed or reserved, and is none of the candidates.

    `discount_minor` and `lines` are what it takes off the order, as the redemption keeps them.
    """

    terms: Terms
    discount_minor: int = 0
    lines: tuple[tuple[int, int], ...] = ()


class Verdict(NamedTuple):
    """What a coupon gives on an order, or all that is against it: the first is what a redemption is refused for.

    `lines` are shares of the discount as (line from 1, amount), where lines were sent; free shipping has none.
    """

    refusals: tuple[Refusal, ...]
    discount_minor: int = 0
    lines: tuple[tuple[int, int], ...] = ()
    points: int = 0
    products_to_check: tuple[str, ...] = ()
    categories_to_check: tuple[str, ...] = ()
    stores_to_check: tuple[str, ...] = ()


def by_priority(candidates: Sequence[Candidate]) -> list[int]:
    """The numbers of the candidates in the order in which they are used."""
    return sorted(range(len(candidates)), key=lambda number: candidates[number].terms.stacking.priority)


def check_named_once(coupons: Sequence[Hashable | None]) -> None:
    """Raises CouponNamedTwice where two of the coupons, each by whatever it is known by, are one: an order takes each
    once, also one that is for many. None: one that is not compared."""
    named = set()
    for item, coupon in enumerate(coupons, start=1):
        if coupon in named:
            raise CouponNamedTwice(item=item)
        if coupon is not None:
            named.add(coupon)
