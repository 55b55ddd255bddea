"""What coupons take off an order by example: to the minor unit, by line, one after the other."""

import pytest

from rules.coupons.coupons import Origin
from rules.coupons.orders import Candidate, Order, OrderLine, Standing
from rules.coupons.remainders import spread
from rules.coupons.terms import Benefit, Terms
from tests.rules.coupons.orders import candidate, card, coupon, judged, order, percent, reasons, stacked, terms


@pytest.mark.parametrize(
    ("of", "amount", "discount"),
    [
        (terms(), 1001, 1000),
        (terms(), 999, 999),
        (percent(1250), 10_000, 1250),
        # Half a heller is the customer's, less than half is not.
        (percent(1000), 5, 1),
        (percent(1000), 14, 1),
        (percent(10_000), 1234, 1234),
        (percent(5000, discount_max_minor=700), 1400, 700),
        (percent(5000, discount_max_minor=700), 1402, 700),
        (percent(5000, discount_max_minor=700), 1398, 699),
    ],
)
def test_a_coupon_takes_off_what_it_says_and_never_more_than_there_is(of: Terms, amount: int, discount: int) -> None:
    """Boundaries to one minor unit: a till and its customer check each of them."""
    [verdict] = judged(order(amount), candidate(of))
    assert (verdict.refusals, verdict.discount_minor, verdict.lines) == ((), discount, ((1, discount),))


def test_what_is_for_some_products_leaves_the_other_lines_alone() -> None:
    """By product or by category, and a line that is of both counts once."""
    of = percent(5000, product_ids=("A",), categories=("a", "c"))
    [verdict] = judged(order(1000, 2000, 500), candidate(of))
    assert (verdict.discount_minor, verdict.lines) == (750, ((1, 500), (3, 250)))


def test_shares_are_in_proportion_and_the_odd_unit_goes_to_the_largest_remainder() -> None:
    """A refund of one line gives back what was paid for it: the shares must add up to the discount exactly."""
    assert spread(100, [50, 50, 50]) == [34, 33, 33]
    assert spread(10, [33, 33, 34]) == [3, 3, 4]
    assert spread(0, [0, 0]) == [0, 0]
    [verdict] = judged(order(1999, 1, 1000), candidate())
    assert verdict.lines == ((1, 667), (3, 333))


def test_each_coupon_works_on_what_those_before_it_left() -> None:
    """Ten percent and then 10.00 is another discount than the other way round: priority says which, not the request."""
    first, then = percent(1000), terms()
    cheap = [candidate(stacked(2), campaign_id="b"), candidate(first, campaign_id="a")]
    assert [verdict.discount_minor for verdict in judged(order(20_000), *cheap)] == [1000, 2000]
    of_request = [candidate(then, campaign_id="b"), candidate(first, campaign_id="a")]
    assert [verdict.discount_minor for verdict in judged(order(20_000), *of_request)] == [1000, 1900]


def free(quantity: int, *lines: tuple[int, int]) -> tuple[int, tuple[tuple[int, int], ...]]:
    """What a free item takes off lines of (pieces, amount), and by line."""
    sold = tuple(OrderLine("A", "", pieces, amount) for pieces, amount in lines)
    of = Order("o-1", sum(amount for _, amount in lines), "CZK", sold)
    [verdict] = judged(of, candidate(terms(Benefit.FREE_ITEM, quantity=quantity)))
    assert not verdict.refusals
    return verdict.discount_minor, verdict.lines


def test_a_free_item_is_the_cheapest_piece_that_costs_anything() -> None:
    """By the price of a piece, not of the line; the bag for nothing is not what was promised."""
    assert free(1, (3, 900), (1, 400), (1, 0)) == (300, ((1, 300),))
    assert free(2, (1, 500), (1, 400), (1, 600)) == (900, ((1, 500), (2, 400)))
    # All pieces there are, where more would be free; and equal ones in the order of their lines.
    assert free(9, (2, 500), (1, 250)) == (750, ((1, 500), (2, 250)))
    assert free(1, (1, 300), (1, 300)) == (300, ((1, 300),))
    # A third of 1.00, and two: together they come to what they cost, rounded once.
    assert free(1, (3, 100)) == (33, ((1, 33),))
    assert free(2, (3, 100)) == (67, ((1, 67),))


def test_a_free_item_needs_the_lines() -> None:
    """A guess at which piece is cheapest would be somebody's loss."""
    [verdict] = judged(order(amount_minor=500), candidate(terms(Benefit.FREE_ITEM, quantity=1)))
    assert reasons(verdict) == ["CouponNotApplicable"]


@pytest.mark.parametrize(("shipping", "most", "discount"), [(9900, None, 9900), (9900, 5000, 5000), (4999, 5000, 4999)])
def test_free_shipping_takes_the_shipping_and_no_line(shipping: int, most: int | None, discount: int) -> None:
    """It is no part of the order's amount, so it never has a share by line."""
    of = terms(Benefit.FREE_SHIPPING, discount_max_minor=most)
    verdict, beside = judged(order(1000, shipping_minor=shipping), candidate(of), candidate(campaign_id="other"))
    assert (verdict.discount_minor, verdict.lines) == (discount, ())
    assert beside.discount_minor == 1000


def test_shipping_is_free_once() -> None:
    """The second coupon is not used up for nothing."""
    of = terms(Benefit.FREE_SHIPPING)
    first, second = judged(order(1, shipping_minor=1), candidate(of), candidate(of, campaign_id="other"))
    assert (first.discount_minor, reasons(second)) == (1, ["CouponNotApplicable"])


def test_a_gift_card_pays_what_it_has_what_is_left_or_what_is_asked() -> None:
    """It pays last what others left, where its priority says so, and keeps the rest."""
    assert [verdict.discount_minor for verdict in judged(order(800), card(500))] == [500]
    assert [verdict.discount_minor for verdict in judged(order(800), card(900))] == [800]
    assert [verdict.discount_minor for verdict in judged(order(800), card(900, asked_minor=1))] == [1]
    both = judged(order(1500), candidate(), card(900)._replace(campaign_id="cards"))
    assert [verdict.discount_minor for verdict in both] == [1000, 500]


@pytest.mark.parametrize(("balance", "amount", "available"), [(500, 800, 500), (800, 500, 500)])
def test_of_a_gift_card_no_more_can_be_asked_than_it_has_and_the_order_takes(
    balance: int, amount: int, available: int
) -> None:
    """One minor unit more is refused, not cut: the till has told the customer a number."""
    [at_most] = judged(order(amount), card(balance, available))
    assert at_most.discount_minor == available
    [beyond] = judged(order(amount), card(balance, available + 1))
    [refusal] = beyond.refusals
    assert (type(refusal).__name__, refusal.facts) == (
        "BalanceExceeded",
        {"asked": str(available + 1), "available": str(available)},
    )


def test_points_are_told_and_take_nothing_off() -> None:
    """Whose account they go to is asked for when the coupon is redeemed, not when it is looked at."""
    of = terms(Benefit.POINTS, points=500, card_id="points")
    [verdict] = judged(order(100), candidate(of))
    assert (verdict.refusals, verdict.discount_minor, verdict.points) == ((), 0, 500)
    assert judged(order(100), candidate(of), account_card="points")[0].points == 500
    for wrong in ("", "stamps"):
        assert reasons(judged(order(100), candidate(of), account_card=wrong)[0]) == ["CouponAccountNeeded"]


def test_nothing_is_spent_where_nothing_comes_off() -> None:
    """A customer whose coupon was used for 0.00 has lost it."""
    first, second = judged(order(1000), candidate(), candidate(campaign_id="other"))
    assert (first.discount_minor, reasons(second)) == (1000, ["CouponNotApplicable"])
    [rounded] = judged(order(4), candidate(percent(1000)))
    assert reasons(rounded) == ["CouponNotApplicable"]


def test_what_was_used_before_comes_off_first() -> None:
    """Else two calls for one order give away more than it comes to; also where they sent other lines, or none."""
    before = Standing(terms(), 900, ((2, 900),))
    [verdict] = judged(order(500, 1000), candidate(percent(10_000), campaign_id="other"), standing=(before,))
    assert verdict.lines == ((1, 500), (2, 100))
    [without] = judged(order(amount_minor=1500), candidate(percent(10_000)), standing=(before,))
    assert (without.discount_minor, without.lines) == (600, ())
    [changed] = judged(order(1000, 500), candidate(percent(10_000)), standing=(before,))
    assert (changed.discount_minor, changed.lines) == (600, ((1, 600),))
    [nothing] = judged(order(899), candidate(), standing=(before,))
    assert reasons(nothing) == ["CouponNotApplicable"]
    shipped = Standing(terms(Benefit.FREE_SHIPPING), 60)
    [shipping] = judged(order(1, shipping_minor=99), candidate(terms(Benefit.FREE_SHIPPING)), standing=(shipped,))
    assert shipping.discount_minor == 39


def test_what_was_not_sent_is_the_callers_to_check() -> None:
    """Fealty does not know the order; it says what it would have looked at."""
    of = terms(product_ids=("A",), categories=("c",), stores=("brno",))
    [unknown] = judged(order(amount_minor=2000), candidate(of))
    assert (unknown.discount_minor, unknown.lines) == (1000, ())
    assert (unknown.products_to_check, unknown.categories_to_check, unknown.stores_to_check) == (
        ("A",),
        ("c",),
        ("brno",),
    )
    [known] = judged(order(2000, store="brno"), candidate(of))
    assert known == ((), 1000, ((1, 1000),), 0, (), (), ())


def shared(code_left: int | None) -> Candidate:
    """A code for many."""
    return candidate(coupon=coupon(stock=1, origin=Origin.SHARED), code_left=code_left)


def test_a_shared_code_is_counted_by_its_stock_and_not_by_its_row() -> None:
    """Its row is never written; without a limit it is never used up."""
    assert not judged(order(1000), shared(None))[0].refusals
    assert not judged(order(1000), shared(1))[0].refusals
    assert reasons(judged(order(1000), shared(0))[0]) == ["CouponUsedUp"]
