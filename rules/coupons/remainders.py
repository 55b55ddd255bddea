"""What is left of an order's lines and shipping, while coupons take from it one after the other."""

from collections.abc import Sequence

from rules.coupons.orders import Order, Standing
from rules.coupons.terms import Benefit

# Shares of a discount by line, as (line from 1, amount).
Shares = tuple[tuple[int, int], ...]


class Remainder:
    """What is left of an order. `lines` are amounts, one a line; an order without lines has one, of all of it."""

    def __init__(self, order: Order, standing: Sequence[Standing]) -> None:
        self.lines = [line.amount_minor for line in order.lines] or [order.amount_minor]
        self.shipping_minor = order.shipping_minor or 0
        for other in standing:
            if other.terms.benefit is Benefit.FREE_SHIPPING:
                self.shipping_minor -= min(other.discount_minor, self.shipping_minor)
            else:
                self._take_standing(other)

    def of(self, places: Sequence[int]) -> int:
        """The amount that is left of the lines at these places, from 0."""
        return sum(self.lines[place] for place in places)

    def take(self, discount_minor: int, places: Sequence[int]) -> Shares:
        """Takes a discount, no larger than what is left of the lines at these places, off them in proportion."""
        taken = spread(discount_minor, [self.lines[place] for place in places])
        return self.take_each(dict(zip(places, taken, strict=True)))

    def take_each(self, amounts: dict[int, int]) -> Shares:
        """Takes so much off each of the lines."""
        for place, amount in amounts.items():
            assert 0 <= amount <= self.lines[place]
            self.lines[place] -= amount
        return tuple((place + 1, amount) for place, amount in sorted(amounts.items()) if amount)

    def _take_standing(self, other: Standing) -> None:
        """What stands may have been computed for other lines, or none: what is not left of its own comes off all."""
        left = other.discount_minor
        for line, amount in other.lines:
            if line <= len(self.lines):
                taken = min(amount, self.lines[line - 1], left)
                self.lines[line - 1] -= taken
                left -= taken
        everywhere = range(len(self.lines))
        self.take(min(left, self.of(everywhere)), everywhere)


def spread(amount: int, over: Sequence[int]) -> list[int]:
    """The amount, no larger than their sum, in proportion over these: shares add up exactly, and none is larger than
    what it is of. What rounding down leaves goes to the largest remainders, of equal ones to the first."""
    total = sum(over)
    assert 0 <= amount <= total
    if len(over) == 1:
        return [amount]
    if not total:
        return [0] * len(over)
    shares = [amount * part // total for part in over]
    by_remainder = sorted(range(len(over)), key=lambda place: -(amount * over[place] % total))
    for place in by_remainder[: amount - sum(shares)]:
        shares[place] += 1
    return shares
