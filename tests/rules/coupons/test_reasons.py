"""Every reason against a coupon on an order, each at its boundary, and which of several is told first."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

import pytest

from rules.calendar import start_of_day
from rules.coupons import refusals
from rules.coupons.campaigns import window
from rules.coupons.coupons import Origin
from rules.coupons.judging import check_order
from rules.coupons.orders import Candidate, Order, Standing, check_named_once
from rules.coupons.terms import Benefit, CustomerLimit, Period, Stacking
from rules.refusals import Refusal
from tests.rules.coupons.orders import (
    ANNA,
    BORIS,
    NOW,
    PRAGUE,
    candidate,
    card,
    coupon,
    judged,
    order,
    percent,
    reasons,
    stacked,
    terms,
)

SECOND, TICK = timedelta(seconds=1), timedelta(microseconds=1)
DAY = date(2026, 6, 17)
MIDNIGHT = start_of_day(DAY, PRAGUE)
FREE_ITEM = terms(Benefit.FREE_ITEM, quantity=1)
FREE_SHIPPING = terms(Benefit.FREE_SHIPPING)
TWICE = terms(uses_per_code=2)
ONCE_A_DAY = terms(customer_limits=(CustomerLimit(Period.DAY, 1),))
BOTTLES = terms(product_ids=("A",), minimum_spend_minor=2000)


class Case(NamedTuple):
    """A coupon that is refused for one reason, and one beside it, one step away, that nothing is against."""

    reason: type[Refusal]
    refused: Candidate
    allowed: Candidate
    on: Order = order(3000, 100, store="brno", shipping_minor=99)
    allowed_on: Order | None = None
    now: datetime = NOW
    allowed_now: datetime | None = None


def owned(**others: object) -> Candidate:
    """A coupon in such a state."""
    return candidate(coupon=coupon(**others))


CASES = {
    "another customer's": Case(refusals.CouponWrongCustomer, owned(customer=BORIS), owned(customer=ANNA)),
    "voided": Case(refusals.CouponVoided, owned(voided_at=NOW), owned()),
    "over since this instant": Case(refusals.CouponExpired, owned(expires_at=NOW), owned(expires_at=NOW + SECOND)),
    "of a campaign that is over": Case(
        refusals.CouponExpired,
        candidate(terms(last_day=DAY)),
        candidate(terms(last_day=DAY)),
        now=MIDNIGHT + timedelta(days=1),
        allowed_now=MIDNIGHT + timedelta(days=1) - SECOND,
    ),
    "archived": Case(refusals.CampaignArchived, candidate(archived=True), candidate()),
    "before its first day": Case(
        refusals.CouponNotStarted,
        candidate(terms(first_day=DAY)),
        candidate(terms(first_day=DAY)),
        now=MIDNIGHT - SECOND,
        allowed_now=MIDNIGHT,
    ),
    "used": Case(refusals.CouponUsedUp, owned(uses=1), owned()),
    "used twice of two": Case(
        refusals.CouponUsedUp, candidate(TWICE, coupon=coupon(uses=2)), candidate(TWICE, coupon=coupon(uses=1))
    ),
    "an empty gift card": Case(refusals.GiftCardEmpty, card(0, uses=3), card(1, uses=3)),
    "a code for many, all uses made": Case(
        refusals.CouponUsedUp,
        candidate(coupon=coupon(stock=1, origin=Origin.SHARED), code_left=0),
        candidate(coupon=coupon(stock=1, origin=Origin.SHARED), code_left=1),
    ),
    "reserved elsewhere": Case(
        refusals.CouponReserved,
        candidate(coupon=coupon(reserved=1), reserved_until=NOW + SECOND),
        candidate(coupon=coupon(reserved=1), reserved_until=NOW),
    ),
    "the last use reserved elsewhere": Case(
        refusals.CouponReserved,
        candidate(TWICE, coupon=coupon(uses=1, reserved=1), reserved_until=NOW + SECOND),
        candidate(TWICE, coupon=coupon(reserved=1), reserved_until=NOW + SECOND),
    ),
    "a gift card, all reserved elsewhere": Case(
        refusals.CouponReserved,
        card(0, reserved=1)._replace(reserved_until=NOW + SECOND),
        card(1, reserved=1)._replace(reserved_until=NOW + SECOND),
    ),
    "of a campaign that is used up": Case(
        refusals.CampaignUsedUp, candidate(campaign_left=0), candidate(campaign_left=1)
    ),
    "had today": Case(
        refusals.CustomerLimitReached,
        candidate(ONCE_A_DAY, used_at=(MIDNIGHT,)),
        candidate(ONCE_A_DAY, used_at=(MIDNIGHT - TICK,)),
    ),
    "money in another currency": Case(
        refusals.CurrenciesDiffer,
        candidate(terms(currency_code="EUR")),
        candidate(percent(1000, currency_code="")),
    ),
    "for other stores": Case(
        refusals.CouponNotApplicable, candidate(terms(stores=("praha",))), candidate(terms(stores=("praha", "brno")))
    ),
    "for other products": Case(
        refusals.CouponNotApplicable,
        candidate(terms(product_ids=("C",), categories=("c",))),
        candidate(terms(product_ids=("C",), categories=("b",))),
    ),
    "minimum missed by one": Case(
        refusals.MinimumSpendMissed,
        candidate(terms(minimum_spend_minor=3101)),
        candidate(terms(minimum_spend_minor=3100)),
    ),
    "minimum missed by the products": Case(
        refusals.MinimumSpendMissed,
        candidate(BOTTLES),
        candidate(BOTTLES),
        on=order(1999, 500),
        allowed_on=order(2000, 500),
    ),
    "an amount asked of what is no gift card": Case(
        refusals.CouponNotApplicable, candidate(asked_minor=1), card(1, asked_minor=1)
    ),
    "a free piece without lines": Case(
        refusals.CouponNotApplicable,
        candidate(FREE_ITEM),
        candidate(FREE_ITEM),
        on=order(amount_minor=500),
        allowed_on=order(500),
    ),
    "free shipping of nothing": Case(
        refusals.CouponNotApplicable,
        candidate(FREE_SHIPPING),
        candidate(FREE_SHIPPING),
        on=order(500),
        allowed_on=order(500, shipping_minor=1),
    ),
    "nothing left to take off": Case(
        refusals.CouponNotApplicable, candidate(), candidate(), on=order(0), allowed_on=order(1)
    ),
    "more than a gift card has": Case(refusals.BalanceExceeded, card(500, 501), card(500, 500)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_reason_is_told_at_its_boundary_and_not_one_step_before(case: Case) -> None:
    """One minor unit, one use, one second: the step beyond which people complain."""
    [verdict] = judged(case.on, case.refused, now=case.now)
    assert [type(refusal) for refusal in verdict.refusals] == [case.reason]
    assert (verdict.discount_minor, verdict.lines, verdict.points) == (0, (), 0)
    assert "{" not in str(verdict.refusals[0])
    [allowed] = judged(case.allowed_on or case.on, case.allowed, now=case.allowed_now or case.now)
    assert reasons(allowed) == []


def test_all_reasons_are_told_the_first_being_what_a_redemption_is_refused_for() -> None:
    """A till that mends one thing after the other asks five times; and whoever may not know whose a code is must not
    learn of anything that comes after it."""
    of = terms(
        last_day=DAY - timedelta(days=1),
        currency_code="CZK",
        customer_limits=(CustomerLimit(Period.DAY, 1), CustomerLimit(Period.EVER, 2)),
        stores=("praha",),
        minimum_spend_minor=5000,
        stacking=Stacking(exclusive=True),
    )
    state = coupon(customer=BORIS, voided_at=NOW, uses=1)
    worst = candidate(of, coupon=state, archived=True, used_at=(NOW, NOW), campaign_left=0, asked_minor=1)
    [verdict] = judged(order(100, store="brno"), worst, standing=(Standing(terms(), 1),))
    assert reasons(verdict) == [
        "CouponWrongCustomer",
        "CouponVoided",
        "CouponExpired",
        "CampaignArchived",
        "CouponUsedUp",
        "CampaignUsedUp",
        "CustomerLimitReached",
        "CustomerLimitReached",
        "CouponNotApplicable",
        "MinimumSpendMissed",
        "CouponNotApplicable",
        "CouponNotStackable",
    ]


def test_what_is_reserved_for_the_order_is_used_whatever_has_changed_since() -> None:
    """Who was promised it has paid by now. What the order itself says is looked at again: that is the caller's."""
    of = terms(
        first_day=DAY + timedelta(days=1),
        customer_limits=(CustomerLimit(Period.EVER, 1),),
        stacking=Stacking(exclusive=True),
    )
    state = coupon(voided_at=NOW, expires_at=NOW, uses=1, reserved=1)
    here = candidate(of, coupon=state, archived=True, used_at=(NOW,), campaign_left=0, is_reserved_here=True)
    [verdict] = judged(order(1000), here, standing=(Standing(terms()),))
    assert (verdict.refusals, verdict.discount_minor) == ((), 1000)
    missed = here._replace(terms=replace(of, minimum_spend_minor=1001))
    assert reasons(judged(order(1000), missed)[0]) == ["MinimumSpendMissed"]
    foreign = here._replace(coupon=state._replace(customer=BORIS))
    assert reasons(judged(order(1000), foreign)[0]) == ["CouponWrongCustomer"]


def stackable(*of: Candidate, standing: tuple[Standing, ...] = ()) -> list[bool]:
    """Of each, whether it goes on an order with the others."""
    found = judged(order(100_000), *of, standing=standing)
    assert all(reasons(verdict) in ([], ["CouponNotStackable"]) for verdict in found)
    return [not verdict.refusals for verdict in found]


def numbered(*of: object) -> list[Candidate]:
    """A candidate of each of the terms, of campaigns of their own."""
    return [candidate(each, campaign_id=str(number)) for number, each in enumerate(of)]  # type: ignore[arg-type]


def test_of_those_that_do_not_go_together_the_first_by_priority_stays() -> None:
    """Lower priority first, of equal ones the first in the request: whoever sends them again gets the same."""
    group, alone = stacked(5, group="drinks"), stacked(5, exclusive=True)
    assert stackable(*numbered(group, group)) == [True, False]
    assert stackable(*numbered(stacked(6, group="drinks"), group)) == [False, True]
    assert stackable(*numbered(group, stacked(5, group="food"), stacked(5))) == [True, True, True]
    assert stackable(*numbered(alone, stacked(5))) == [True, False]
    assert stackable(*numbered(alone, stacked(4))) == [False, True]
    assert stackable(*numbered(alone)) == [True]


def test_what_stands_on_the_order_already_was_first() -> None:
    """Also where it has a higher priority: it cannot be taken back from the customer."""
    assert stackable(*numbered(stacked()), standing=(Standing(stacked(9, exclusive=True)),)) == [False]
    assert stackable(*numbered(stacked(exclusive=True)), standing=(Standing(stacked(9)),)) == [False]
    assert stackable(*numbered(stacked(group="a")), standing=(Standing(stacked(9, group="a")),)) == [False]
    here = candidate(stacked(9, group="a"), campaign_id="here", is_reserved_here=True)
    assert stackable(*numbered(stacked(group="a")), here) == [False, True]


def test_one_that_is_refused_stands_in_nobodys_way() -> None:
    """A voided coupon that tolerates no other would otherwise refuse those that are good."""
    voided = candidate(stacked(exclusive=True, priority=0), coupon=coupon(voided_at=NOW))
    refused, good = judged(order(100_000), voided, candidate(stacked(5), campaign_id="good"))
    assert (reasons(refused), reasons(good)) == (["CouponVoided"], [])


@pytest.mark.parametrize(("lines", "amount"), [((600, 401), 1000), ((600, 399), 1000), ((0,), 1)])
def test_an_order_whose_lines_are_not_its_amount_is_refused_as_a_whole(lines: tuple[int, ...], amount: int) -> None:
    """A discount on what is on no line could never be shared out; one minor unit is enough."""
    with pytest.raises(refusals.OrderLinesDiffer) as refused:
        judged(order(*lines, amount_minor=amount), candidate())
    assert refused.value.facts == {"lines": str(sum(lines)), "amount": str(amount)}
    check_order(order(amount_minor=amount))


def test_an_order_takes_each_code_once() -> None:
    """Named by its code and by its name it is still one."""
    check_named_once(["aa", "bb"])
    with pytest.raises(refusals.CouponNamedTwice) as refused:
        check_named_once(["aa", "bb", "aa"])
    assert refused.value.facts == {"item": "3"}


def test_an_end_of_its_own_counts_instead_of_the_campaigns() -> None:
    """A use that was given back with an extension is of no worth if the campaign's end still holds; and a campaign
    that is made longer does not make longer what was given for three days."""
    over = terms(last_day=DAY - timedelta(days=1))
    [extended] = judged(order(1000), candidate(over, coupon=coupon(expires_at=NOW + SECOND)))
    assert reasons(extended) == []
    [ended] = judged(order(1000), candidate(terms(last_day=DAY), coupon=coupon(expires_at=NOW)))
    assert reasons(ended) == ["CouponExpired"]


@pytest.mark.parametrize(
    ("first", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 17), 24)]
)
def test_a_campaign_of_one_day_lasts_as_long_as_that_day(first: date, hours: int) -> None:
    """On the days when clocks change, too: the last hour before midnight is part of the last day."""
    starts_at, ends_at = window(terms(first_day=first, last_day=first), PRAGUE)
    assert starts_at is not None
    assert ends_at is not None
    assert ends_at - starts_at == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (refusals.CouponUsedUp(limit=1), "It can be used once, and was."),
        (refusals.CouponUsedUp(limit=5), "It can be used 5 times, and was."),
        (refusals.GiftCardEmpty(), "Nothing is left of the gift card."),
        (
            refusals.CampaignUsedUp(limit=1),
            "Coupons of its campaign can be used once in all, and were, or are reserved.",
        ),
        (
            refusals.CustomerLimitReached(limit=1, period=Period.EVER),
            "A customer can have it once in all, and this one has.",
        ),
        (
            refusals.CustomerLimitReached(limit=2, period=Period.WEEK),
            "A customer can have it twice a week, and this one has.",
        ),
        (
            refusals.CustomerLimitReached(limit=3, period=Period.MONTH),
            "A customer can have it 3 times a month, and this one has.",
        ),
    ],
)
def test_what_is_told_at_a_till_is_a_sentence_that_somebody_would_say(refusal: Refusal, sentence: str) -> None:
    """It is read aloud to the customer; callers branch on the facts, which stay as they are."""
    assert str(refusal) == sentence
    assert str(type(refusal)(**refusal.facts)) == sentence


def test_every_period_has_words() -> None:
    """One that is added later would be told by its name."""
    assert not [period for period in Period if refusals.each(period) == period]


def test_every_reason_has_its_case() -> None:
    """A reason without one could never be met, and nobody would know. Those of stacking, accounts and whole orders
    have tests of their own above."""
    told = {case.reason for case in CASES.values()}
    elsewhere = {refusals.CouponNotStackable, refusals.CouponAccountNeeded}
    names = """
        CampaignArchived CampaignUsedUp CustomerLimitReached CouponWrongCustomer CouponVoided CouponExpired
        CouponNotStarted CouponUsedUp CouponReserved CouponNotApplicable CouponNotStackable CouponAccountNeeded
        MinimumSpendMissed BalanceExceeded CurrenciesDiffer GiftCardEmpty
    """
    assert {refusal.__name__ for refusal in told | elsewhere} == set(names.split())
