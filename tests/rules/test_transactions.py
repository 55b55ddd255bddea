"""What purchases earn, which state they are in, and how much of them each refund takes."""

from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.accounts import UNITS_MAX
from rules.programs import EarnRate
from rules.refusals import (
    AmountTooLarge,
    CurrencyMismatch,
    LineNotFound,
    LinesExceedAmount,
    RefundExceedsLine,
    RefundExceedsTransaction,
    TransactionStateWrong,
)
from rules.transactions import (
    Line,
    Purchase,
    Share,
    TransactionState,
    check_lines,
    check_pending,
    earned,
    part,
    share,
)
from tests.rules.books import at

RATE = EarnRate(1, 3, "EUR")
ESPRESSO = Line("espresso", "drinks", 2, 60)
CAKE = Line("cake", "", 1, 40, points=70)
FREE = Line("voucher", "", 1, 0, points=0)


def purchase(amount: int, points: int, lines: tuple[Line, ...] = (), **more: Any) -> Purchase:
    """A purchase that was accepted when it was made."""
    made = Purchase("t1", amount, "EUR", lines, points, 1, 1, at(0), TransactionState.ACCEPTED, at(0))
    return made._replace(**more)


def after(bought: Purchase, taken: Share) -> Purchase:
    """A purchase after a refund."""
    return bought._replace(
        refunds=bought.refunds + 1,
        refunded_minor=bought.refunded_minor + taken.amount_minor,
        refunded_points=bought.refunded_points + taken.points,
        refunded_lines=taken.lines,
    )


def test_thirds_of_a_hundred_are_thirty_three_thirty_three_and_thirty_four() -> None:
    """Rounding is cumulative: no refund takes too much, and together they take it all."""
    bought = purchase(300, 100)
    taken = []
    for _ in range(3):
        one = share(bought, RATE, 100, None)
        taken.append(one.points)
        bought = after(bought, one)
    assert taken == [33, 33, 34]
    assert bought.state(at(1)) is TransactionState.REFUNDED


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8), st.integers(0, 10_000))
def test_any_parts_of_a_purchase_claim_the_whole_of_its_points(amounts: list[int], points: int) -> None:
    """However the money is cut, never more than was earned, never less in the end."""
    bought = purchase(sum(amounts), points)
    for amount in amounts:
        bought = after(bought, share(bought, RATE, amount, None))
        assert bought.refunded_points == part(points, bought.refunded_minor, bought.amount_minor)
    assert bought.refunded_points == points


@given(
    st.lists(st.tuples(st.integers(0, 500), st.none() | st.integers(0, 500)), min_size=1, max_size=5),
    st.integers(0, 300),
    st.data(),
)
def test_lines_and_amounts_in_any_order_never_claim_more_than_was_earned(
    lines: list[tuple[int, int | None]], beside: int, data: st.DataObject
) -> None:
    """Tills refund a line today and "the rest" tomorrow; what is claimed only grows, to the whole. And there is an end:
    each refund gives back money, or names a line of amount 0 that none has named."""
    made = tuple(Line("p", "", 1, amount, points) for amount, points in lines)
    total = sum(line.amount_minor for line in made) + beside
    bought = purchase(total, earned(RATE, total, "EUR", made), made)
    claims = [0]
    gifts = {number for number, line in enumerate(made, start=1) if not line.amount_minor}
    for _ in range(6):
        left = total - bought.refunded_minor
        number = data.draw(st.none() | st.integers(1, len(made)))
        try:
            if number is None:
                taken = share(bought, RATE, data.draw(st.integers(1, max(1, left))), None)
            else:
                taken = share(bought, RATE, None, {number: data.draw(st.integers(0, made[number - 1].amount_minor))})
        except (RefundExceedsTransaction, RefundExceedsLine):
            continue
        bought = after(bought, taken)
        claims.append(bought.refunded_points)
        assert 0 <= bought.refunded_minor <= total
        assert taken.amount_minor or number in gifts
        gifts -= {number}
    if not bought.is_refunded:
        bought = after(bought, share(bought, RATE, None, None))
    claims.append(bought.refunded_points)
    assert all(one <= other for one, other in pairwise(claims))
    assert claims[-1] == bought.points
    for lines_again in (None, *({number: 0} for number in range(1, len(made) + 1))):
        with pytest.raises((RefundExceedsTransaction, RefundExceedsLine)):
            share(bought, RATE, None, lines_again)


def test_a_line_takes_its_own_points_with_it() -> None:
    """The cake gave 70 of the 90 points; whoever returns it gives back 70, not two fifths."""
    lines = (ESPRESSO, CAKE)
    bought = purchase(100, earned(RATE, 100, "EUR", lines), lines)
    assert bought.points == 20 + 70
    assert share(bought, RATE, None, {2: 0}) == Share(40, 70, (None, 40))
    half = share(bought, RATE, None, {2: 20})
    assert half == Share(20, 35, (None, 20))
    rest = share(after(bought, half), RATE, None, {1: 0, 2: 0})
    assert rest == Share(80, 55, (60, 40))


def test_a_line_that_cost_nothing_is_refunded_once_and_takes_its_points_with_it() -> None:
    """A gift for which there were points: whoever returns it keeps none of them, and can return it no second time."""
    lines = (ESPRESSO, CAKE._replace(amount_minor=0))
    bought = purchase(60, earned(RATE, 60, "EUR", lines), lines)
    assert bought.points == 20 + 70
    gift = share(bought, RATE, None, {2: 0})
    assert gift == Share(0, 70, (None, 0))
    bought = after(bought, gift)
    assert bought.state(at(1)) is TransactionState.PARTIALLY_REFUNDED
    for amount in (0, 1):
        with pytest.raises(RefundExceedsLine) as refused:
            share(bought, RATE, None, {1: 30, 2: amount})
        assert refused.value.facts == {"transaction": "t1", "line": "2", "remaining": "0"}
    half = share(bought, RATE, None, {1: 30})
    assert half == Share(30, 10, (30, 0))
    assert share(after(bought, half), RATE, None, None) == Share(30, 10, (30, 0))


def test_when_all_the_money_is_back_so_are_all_points() -> None:
    """Also those of a gift that nobody brought back; and of what cost nothing, one refund is of all."""
    lines = (ESPRESSO, CAKE._replace(amount_minor=0))
    bought = purchase(60, 90, lines)
    assert share(bought, RATE, None, {1: 0}) == Share(60, 90, (60, None))
    free = purchase(0, 70, (FREE, CAKE._replace(amount_minor=0)))
    refunded = after(free, share(free, RATE, None, {1: 0}))
    assert (refunded.refunded_points, refunded.is_refunded) == (70, True)


def test_lines_without_points_of_their_own_take_their_share_of_the_amount() -> None:
    """A rate on the whole amount rounds once: by line it would lose a point each."""
    lines = (ESPRESSO, ESPRESSO._replace(amount_minor=40))
    bought = purchase(100, earned(RATE, 100, "EUR", lines), lines)
    assert bought.points == 33
    first = share(bought, RATE, None, {1: 0})
    assert (first.amount_minor, first.points) == (60, 19)
    assert share(after(bought, first), RATE, None, {2: 0}).points == 14


def test_all_that_is_left_is_what_was_not_refunded() -> None:
    """Neither amount nor lines given: the till wants it undone."""
    bought = after(purchase(100, 33), Share(40, 13, ()))
    assert share(bought, RATE, None, None) == Share(60, 20, ())


def test_no_more_is_refunded_than_was_paid() -> None:
    """Of a purchase, and of each of its lines; the caller hears what is left."""
    bought = after(purchase(100, 33, (ESPRESSO, CAKE._replace(points=None))), Share(40, 13, (30, 40)))
    bought = bought._replace(refunded_minor=40)
    with pytest.raises(RefundExceedsTransaction) as refused:
        share(bought, RATE, 61, None)
    assert refused.value.facts == {"transaction": "t1", "remaining": "60", "requested": "61"}
    for line, amount, left in ((1, 31, 30), (2, 0, 0)):
        with pytest.raises(RefundExceedsLine) as of_line:
            share(bought, RATE, None, {line: amount})
        assert of_line.value.facts == {"transaction": "t1", "line": str(line), "remaining": str(left)}


def test_what_is_refunded_whole_is_refunded_once() -> None:
    """Also a purchase of nothing, of which nothing is ever left."""
    for amount in (0, 100):
        bought = purchase(amount, 5)
        bought = after(bought, share(bought, RATE, None, None))
        assert (bought.refunded_points, bought.state(at(1))) == (5, TransactionState.REFUNDED)
        with pytest.raises(RefundExceedsTransaction):
            share(bought, RATE, None, None)


def test_only_lines_that_were_bought_can_be_returned() -> None:
    """Counted from one, as people count."""
    bought = purchase(100, 33, (ESPRESSO, CAKE))
    for number in (0, 3, -1):
        with pytest.raises(LineNotFound):
            share(bought, RATE, None, {number: 0})


def test_what_was_rejected_is_not_refunded() -> None:
    """It gave nothing, so there is nothing to take."""
    with pytest.raises(TransactionStateWrong) as refused:
        share(purchase(100, 33, decided=TransactionState.REJECTED), RATE, None, None)
    assert refused.value.facts["state"] == "REJECTED"


def test_time_accepts_a_purchase_at_its_instant() -> None:
    """No worker has to come by for that; without an instant only somebody accepts."""
    waiting = purchase(100, 33, decided=TransactionState.PENDING, accepts_at=at(10))
    assert [waiting.state(at(minute)) for minute in (9, 10)] == [TransactionState.PENDING, TransactionState.ACCEPTED]
    check_pending(waiting, at(9))
    with pytest.raises(TransactionStateWrong) as refused:
        check_pending(waiting, at(10))
    assert refused.value.facts == {"transaction": "t1", "state": "ACCEPTED", "wanted": "PENDING"}
    assert waiting._replace(accepts_at=None).state(at(10_000)) is TransactionState.PENDING


def test_a_purchase_refunded_in_part_says_so_whether_or_not_it_still_waits() -> None:
    """The order desk must see it at a glance."""
    for decided in (TransactionState.PENDING, TransactionState.ACCEPTED):
        bought = purchase(100, 33, decided=decided, accepts_at=None)
        assert after(bought, Share(40, 13, ())).state(at(1)) is TransactionState.PARTIALLY_REFUNDED


@pytest.mark.parametrize("accepts_at", [None, at(10)])
def test_what_was_refunded_whole_is_pending_no_more(accepts_at: datetime | None) -> None:
    """There is nothing left of it to be accepted or rejected, before its instant and after it."""
    waiting = purchase(100, 33, decided=TransactionState.PENDING, accepts_at=accepts_at)
    half = after(waiting, share(waiting, RATE, 50, None))
    check_pending(half, at(9))
    whole = after(half, share(half, RATE, None, None))
    for minute in (9, 11):
        assert whole.state(at(minute)) is TransactionState.REFUNDED
        with pytest.raises(TransactionStateWrong) as refused:
            check_pending(whole, at(minute))
        assert refused.value.facts == {"transaction": "t1", "state": "REFUNDED", "wanted": "PENDING"}


def test_the_lines_of_a_purchase_come_to_no_more_than_was_paid() -> None:
    """A line that nobody paid for would earn by the card's rate beside one that has points of its own."""
    check_lines(100, (ESPRESSO, CAKE))
    check_lines(120, (ESPRESSO, CAKE))
    check_lines(0, ())
    with pytest.raises(LinesExceedAmount) as refused:
        check_lines(99, (ESPRESSO, CAKE))
    assert refused.value.facts == {"amount": "99", "lines": "100"}


def test_lines_earn_for_the_whole_where_any_has_points_of_its_own() -> None:
    """What is beside the lines (shipping, a tip) earns nothing then."""
    assert earned(RATE, 200, "EUR", (ESPRESSO, CAKE, FREE)) == 20 + 70
    assert earned(RATE, 200, "EUR", (ESPRESSO,)) == 66


def test_points_of_lines_are_in_the_cards_currency_and_within_bounds() -> None:
    """The same two questions as for an amount."""
    with pytest.raises(CurrencyMismatch):
        earned(RATE, 40, "CZK", (CAKE,))
    with pytest.raises(AmountTooLarge):
        earned(RATE, 40, "EUR", (CAKE._replace(points=UNITS_MAX), CAKE))
