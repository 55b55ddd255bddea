"""What one coupon gives on what is left of an order."""

from collections.abc import Iterator, Sequence
from functools import cmp_to_key
from typing import NamedTuple

from rules.coupons.orders import Candidate, Order
from rules.coupons.refusals import (
    BalanceExceeded,
    CouponNotApplicable,
    CurrenciesDiffer,
    MinimumSpendMissed,
)
from rules.coupons.remainders import Remainder, Shares
from rules.coupons.terms import Benefit, Terms
from rules.refusals import Refusal

_WHOLE = 10_000  # basis points


class Gift(NamedTuple):
    """What it takes off the order, and its shares by line."""

    discount_minor: int = 0
    shares: Shares = ()


def eligible(terms: Terms, order: Order) -> Sequence[int]:
    """The places of the lines, from 0, that it is for: of its products or categories, or all where it names neither.
    Of an order without lines the only place, which stands for all of it: whoever sent none checks that himself."""
    if not order.lines:
        return range(1)
    if not terms.product_ids and not terms.categories:
        return range(len(order.lines))
    products, categories = set(terms.product_ids), set(terms.categories)
    return [
        place for place, line in enumerate(order.lines) if line.product_id in products or line.category in categories
    ]


def against(candidate: Candidate, order: Order, left: Remainder) -> Iterator[Refusal]:
    """Why it is not for this order. The minimum is of what was bought, before discounts: no coupon misses it because
    another one comes first. Of a gift card no more can be asked than it has, nor than others left of the order."""
    terms = candidate.terms
    is_comparable = terms.currency_code in ("", order.currency_code)
    if not is_comparable:
        yield CurrenciesDiffer(expected=terms.currency_code, given=order.currency_code)
    if terms.stores and order.store and order.store not in terms.stores:
        yield CouponNotApplicable(what="it is for other stores")
    places = eligible(terms, order)
    if not places:
        yield CouponNotApplicable(what="no line is of the products or categories that it is for")
    elif is_comparable:
        amounts = [line.amount_minor for line in order.lines] or [order.amount_minor]
        bought = sum(amounts[place] for place in places)
        if bought < terms.minimum_spend_minor:
            yield MinimumSpendMissed(minimum=terms.minimum_spend_minor, given=bought)
        if terms.benefit is Benefit.BALANCE and candidate.asked_minor > (
            available := _available(candidate, places, left)
        ):
            yield BalanceExceeded(asked=candidate.asked_minor, available=available)
    if candidate.asked_minor and terms.benefit is not Benefit.BALANCE:
        yield CouponNotApplicable(what="an amount can be asked only of a gift card")
    if terms.benefit is Benefit.FREE_ITEM and not order.lines:
        yield CouponNotApplicable(what="it takes pieces off an order, and the order has no lines")
    if terms.benefit is Benefit.FREE_SHIPPING and order.shipping_minor is None:
        yield CouponNotApplicable(what="nothing is shipped")


def give(candidate: Candidate, order: Order, left: Remainder) -> Gift:
    """What it gives, taken off `left`. Only of a coupon that `against` has nothing against.

    A percentage is rounded half up to the minor unit. Raises CouponNotApplicable where nothing is left that it could
    take anything off: a use is not spent for nothing.
    """
    terms = candidate.terms
    if terms.benefit is Benefit.POINTS:
        return Gift()
    if terms.benefit is Benefit.FREE_SHIPPING:
        gift = Gift(_at_most(left.shipping_minor, terms.discount_max_minor))
        left.shipping_minor -= gift.discount_minor
    elif terms.benefit is Benefit.FREE_ITEM:
        pieces = _cheapest(terms.quantity, order, eligible(terms, order), left)
        gift = Gift(sum(pieces.values()), left.take_each(pieces))
    else:
        places = eligible(terms, order)
        discount = _off(candidate, places, left)
        shares = left.take(discount, places)
        gift = Gift(discount, shares if order.lines else ())
    if not gift.discount_minor:
        raise CouponNotApplicable(what="nothing is left of the order that it could take off")
    return gift


def _off(candidate: Candidate, places: Sequence[int], left: Remainder) -> int:
    """What comes off the lines at these places: never more than is left of them."""
    terms, amount_minor = candidate.terms, left.of(places)
    if terms.benefit is Benefit.PERCENT_OFF:
        part = (amount_minor * terms.basis_points + _WHOLE // 2) // _WHOLE
        return _at_most(part, terms.discount_max_minor)
    if terms.benefit is Benefit.AMOUNT_OFF:
        return min(terms.amount_minor, amount_minor)
    return candidate.asked_minor or _available(candidate, places, left)


def _available(candidate: Candidate, places: Sequence[int], left: Remainder) -> int:
    """What can be had of a gift card on the lines at these places."""
    return min(candidate.coupon.balance_minor or 0, left.of(places))


def _cheapest(quantity: int, order: Order, places: Sequence[int], left: Remainder) -> dict[int, int]:
    """By line, what so many of the cheapest pieces come to, of what is left of their lines: a piece costs its part of
    its line, rounded half up over those of one line together. Pieces that cost nothing are no gift."""

    def dearer(one: int, other: int) -> int:
        return left.lines[one] * order.lines[other].quantity - left.lines[other] * order.lines[one].quantity

    taken = {}
    for place in sorted((place for place in places if left.lines[place]), key=cmp_to_key(dearer)):
        pieces = order.lines[place].quantity
        free = min(quantity, pieces)
        if not free:
            break
        taken[place] = (2 * left.lines[place] * free + pieces) // (2 * pieces)
        quantity -= free
    return taken


def _at_most(amount_minor: int, max_minor: int | None) -> int:
    return amount_minor if max_minor is None else min(amount_minor, max_minor)
