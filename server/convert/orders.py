"""Orders that coupons are used for."""

from fealty.v1 import coupons_pb2 as pb
from rules.coupons.judging import check_order
from rules.coupons.orders import Order, OrderLine
from rules.coupons.refusals import CurrenciesDiffer


def order(given: pb.Order) -> Order:
    """The order in a message. What contradicts itself is refused before any coupon is looked for, so that it tells
    nothing of them. Raises CurrenciesDiffer, OrderLinesDiffer."""
    amount = given.amount
    shipping = given.shipping if given.HasField("shipping") else None
    if shipping is not None and shipping.currency_code != amount.currency_code:
        raise CurrenciesDiffer(expected=amount.currency_code, given=shipping.currency_code)
    lines = tuple(OrderLine(one.product_id, one.category, one.quantity, one.amount_minor) for one in given.lines)
    minor = None if shipping is None else shipping.amount_minor
    made = Order(given.order_id, amount.amount_minor, amount.currency_code, lines, given.store, minor)
    check_order(made)
    return made
