"""What holds of any coupons on any order: shares add up, nothing is taken twice, and each reason is one of the list."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rules.coupons.orders import Candidate, Order, OrderLine, Standing, Verdict, by_priority
from rules.coupons.remainders import spread
from rules.coupons.terms import Benefit, CustomerLimit, Period, Stacking, Terms
from server.reasons import REFUSALS
from tests.rules.coupons.orders import ANNA, BORIS, NOW, candidate, coupon, judged, reasons

AMOUNTS = st.integers(0, 5000)
LINES = st.builds(OrderLine, st.sampled_from("ABC"), st.sampled_from("ab"), st.integers(1, 5), AMOUNTS)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Orders with and without lines."""
    lines = tuple(draw(st.lists(LINES, max_size=6)))
    amount = sum(line.amount_minor for line in lines) if lines else draw(AMOUNTS)
    return Order("o-1", amount, "CZK", lines, draw(st.sampled_from(["", "brno"])), draw(st.none() | AMOUNTS))


@st.composite
def many_terms(draw: st.DrawFn) -> Terms:
    """Terms of every kind, of which most can be met."""
    return Terms(
        draw(st.sampled_from(Benefit)),
        amount_minor=draw(st.integers(1, 9000)),
        basis_points=draw(st.integers(1, 10_000)),
        quantity=draw(st.integers(1, 4)),
        points=10,
        card_id="points",
        discount_max_minor=draw(st.none() | AMOUNTS),
        currency_code=draw(st.sampled_from(["CZK", "CZK", "", "EUR"])),
        customer_limits=draw(st.sampled_from([(), (CustomerLimit(Period.DAY, 1),)])),
        minimum_spend_minor=draw(st.sampled_from([0, 0, 3000])),
        product_ids=draw(st.sampled_from([(), ("A",), ("A", "C")])),
        categories=draw(st.sampled_from([(), (), ("b",)])),
        stores=draw(st.sampled_from([(), (), ("brno",), ("praha",)])),
        stacking=Stacking(
            draw(st.sampled_from([False] * 5 + [True])),
            draw(st.integers(0, 2)),
            draw(st.sampled_from(["", "", "g"])),
        ),
    )


CANDIDATES = st.builds(
    candidate,
    many_terms(),
    coupon=st.builds(
        coupon,
        customer=st.sampled_from([None, None, ANNA, BORIS]),
        uses=st.sampled_from([0, 0, 0, 1]),
        balance_minor=AMOUNTS,
    ),
    campaign_id=st.sampled_from("xyz"),
    asked_minor=st.sampled_from([0, 0, 0, 700]),
    used_at=st.sampled_from([(), (NOW,)]),
    is_reserved_here=st.sampled_from([False, False, True]),
)
STANDING = st.builds(
    Standing, many_terms(), AMOUNTS, st.sampled_from([(), ((1, 300),), ((2, 9000),), ((1, 5), (9, 100))])
)
SEVERAL = st.lists(CANDIDATES, min_size=1, max_size=5)


def eligible_minor(of: Order, terms: Terms) -> int:
    """What the lines come to that a coupon is for, computed the plain way."""
    if terms.benefit is Benefit.FREE_SHIPPING:
        return of.shipping_minor or 0
    if not of.lines:
        return of.amount_minor
    return sum(
        line.amount_minor
        for line in of.lines
        if not (terms.product_ids or terms.categories)
        or line.product_id in terms.product_ids
        or line.category in terms.categories
    )


def told(verdicts: Sequence[Verdict]) -> list[tuple[object, ...]]:
    """Verdicts to compare: two refusals are equal where they say the same."""
    return [(*verdict[1:], reasons(verdict), [str(each) for each in verdict.refusals]) for verdict in verdicts]


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=20), st.floats(0, 1))
def test_shares_add_up_and_are_off_by_less_than_one(over: list[int], part: float) -> None:
    """And none is larger than what it is of: no line is ever paid back beyond its price."""
    amount = int(sum(over) * part)
    shares = spread(amount, over)
    assert sum(shares) == amount
    for share, whole in zip(shares, over, strict=True):
        assert 0 <= share <= whole
        assert abs(share * sum(over) - amount * whole) < sum(over) or not amount


@given(orders(), SEVERAL, st.lists(STANDING, max_size=2))
def test_coupons_together_never_take_more_than_there_is(
    of: Order, several: list[Candidate], standing: list[Standing]
) -> None:
    """Of the order, of any line, of what each is for, of its shipping; whatever was taken before."""
    verdicts = judged(of, *several, standing=tuple(standing))
    by_line = dict.fromkeys(range(1, len(of.lines) + 1), 0)
    off, shipped = 0, 0
    for verdict, each in zip(verdicts, several, strict=True):
        assert 0 <= verdict.discount_minor <= eligible_minor(of, each.terms)
        if each.terms.benefit is Benefit.FREE_SHIPPING:
            shipped += verdict.discount_minor
            assert verdict.lines == ()
            continue
        off += verdict.discount_minor
        assert sum(amount for _, amount in verdict.lines) == (verdict.discount_minor if of.lines else 0)
        for line, amount in verdict.lines:
            assert amount > 0
            by_line[line] += amount
    before = sum(other.discount_minor for other in standing if other.terms.benefit is not Benefit.FREE_SHIPPING)
    assert off + min(before, of.amount_minor) <= of.amount_minor
    assert shipped <= (of.shipping_minor or 0)
    assert all(by_line[number] <= line.amount_minor for number, line in enumerate(of.lines, start=1))


@given(orders(), SEVERAL, st.lists(STANDING, max_size=2))
def test_a_coupon_gives_something_or_is_refused_for_a_reason_callers_know(
    of: Order, several: list[Candidate], standing: list[Standing]
) -> None:
    """Nothing in between, and no use spent for nothing; a gift is of the kind that its terms say."""
    for verdict, each in zip(judged(of, *several, standing=tuple(standing)), several, strict=True):
        assert {type(refusal) for refusal in verdict.refusals} <= set(REFUSALS)
        gives = verdict.discount_minor, verdict.points
        assert (gives != (0, 0)) == (not verdict.refusals)
        assert not verdict.points or each.terms.benefit is Benefit.POINTS


@given(orders(), SEVERAL)
def test_what_others_are_refused_for_changes_nothing(of: Order, several: list[Candidate]) -> None:
    """Whoever leaves out what was refused gets what he was told: a till shows the discount before it sends it."""
    pairs = zip(several, judged(of, *several), strict=True)
    kept = [(each, verdict) for each, verdict in pairs if not verdict.refusals or each.is_reserved_here]
    again = judged(of, *(each for each, _ in kept))
    assert told(again) == told([verdict for _, verdict in kept])


@given(orders(), SEVERAL, CANDIDATES)
def test_one_more_that_comes_last_takes_nothing_from_those_before(
    of: Order, several: list[Candidate], last: Candidate
) -> None:
    """So what is left to pay never grows by a coupon more: the last only takes off what the others left."""
    last = last._replace(
        terms=replace(last.terms, stacking=replace(last.terms.stacking, priority=9)), is_reserved_here=False
    )
    *before, added = judged(of, *several, last)
    assert told(before) == told(judged(of, *several))
    assert added.discount_minor >= 0


@given(SEVERAL)
def test_equal_priorities_stay_in_the_order_of_the_request(several: list[Candidate]) -> None:
    """A repetition of the call must come to the same shares."""
    numbers = by_priority(several)
    assert sorted(numbers) == list(range(len(several)))
    keys = [(several[number].terms.stacking.priority, number) for number in numbers]
    assert keys == sorted(keys)
