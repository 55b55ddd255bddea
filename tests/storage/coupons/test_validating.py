"""Validations against the books: what is told is what a redemption then does, nothing changes, nobody is waited for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rules.coupons.orders import OrderLine, Verdict
from rules.coupons.refusals import CampaignUsedUp, CouponNamedTwice, CouponUsedUp
from rules.coupons.terms import Benefit, CustomerLimit, Period, Stacking, Terms
from rules.refusals import CustomerSuspended, Refusal
from storage.coupons.acts.using import Wanted
from storage.coupons.nouns import CouponKey
from storage.coupons.validating import ValidateCoupons, Validated
from storage.engine.database import Database
from storage.engine.requests import Answer
from tests.storage.blocking import Reader
from tests.storage.coupons.till import FIVE_OFF, Till

GIFT = Terms(Benefit.BALANCE, amount_minor=3_000, currency_code="EUR")
TEA = OrderLine("tea", "drinks", 3, 1_000)
CAKE = OrderLine("cake", "", 1, 333)


@pytest.fixture
def till(database: Database) -> Till:
    """Ada and Ben, and a campaign of five euros off."""
    made = Till(database)
    made.campaign()
    return made


def asked_of(till: Till, *coupons: CouponKey | Wanted, **how: Any) -> ValidateCoupons:
    """The question whose answer a redemption of the same is."""
    command = till.redeem(*coupons, **how)
    return ValidateCoupons(command.name, command.order, command.coupons)


def verdicts(till: Till, *coupons: CouponKey | Wanted, **how: Any) -> list[Verdict]:
    """What is told of coupons."""
    [answer] = Reader(till.database).run([asked_of(till, *coupons, **how)])
    assert isinstance(answer, Validated)
    return [verdict for verdict, _ in answer.verdicts]


def refusal(till: Till, *coupons: CouponKey, **how: Any) -> Refusal:
    """What is against the question itself."""
    [answer] = Reader(till.database).run([asked_of(till, *coupons, **how)])
    assert isinstance(answer, Refusal)
    return answer


def _campaign(**terms: Any) -> Callable[[Till], list[Any]]:
    def scene(till: Till) -> list[Any]:
        till.campaign("other", replace(FIVE_OFF, **terms))
        return [till.coupon("other"), till.coupon()]

    return scene


def _used(till: Till) -> list[Any]:
    key = till.coupon()
    till.do(till.redeem(key))
    return [key]


def _reserved(till: Till) -> list[Any]:
    key = till.coupon()
    till.do(till.reserve(key, ttl_s=60))
    return [key]


def _reserved_here(till: Till) -> list[Any]:
    key = till.coupon()
    till.do(till.reserve(key, order_id="here"))
    till.do(till.void(key))
    return [key]


def _ended(till: Till) -> list[Any]:
    keys = _reserved(till)
    till.advance(timedelta(seconds=60))
    return keys


def _limited(till: Till) -> list[Any]:
    till.campaign("once", replace(FIVE_OFF, customer_limits=(CustomerLimit(Period.DAY, 1),)))
    till.do(till.redeem(till.coupon("once")))
    return [till.coupon("once")]


def _twice_of_one_limit(till: Till) -> list[Any]:
    till.campaign("once", replace(FIVE_OFF, customer_limits=(CustomerLimit(Period.DAY, 1),)))
    return [till.coupon("once"), till.coupon("once")]


def _gift_used_in_part(till: Till) -> list[Any]:
    till.campaign("gift", GIFT)
    key = till.coupon("gift", initial_minor=3_000, balance_minor=3_000)
    till.do(till.redeem(Wanted(key, 1_900)))
    return [Wanted(key), till.coupon()]


def _on_an_order_with_another(till: Till) -> list[Any]:
    till.do(till.redeem(till.coupon(), order_id="here"))
    till.campaign("half", Terms(Benefit.PERCENT_OFF, basis_points=5_000))
    return [till.coupon("half")]


SCENES: dict[str, Callable[[Till], list[Any]]] = {
    "by priority": _campaign(stacking=Stacking(priority=3)),
    "exclusive": _campaign(stacking=Stacking(exclusive=True)),
    "for some lines": _campaign(product_ids=("cake",)),
    "too little": _campaign(minimum_spend_minor=1_334),
    "unknown": lambda till: [("coffee", "code", "00" * 20)],
    "another's": lambda till: [till.coupon(name="ben")],
    "used": _used,
    "reserved": _reserved,
    "reserved for this order, and voided": _reserved_here,
    "reserved until now": _ended,
    "had today": _limited,
    "two of one limit": _twice_of_one_limit,
    "a gift card used in part": _gift_used_in_part,
    "on an order with another": _on_an_order_with_another,
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_what_is_told_is_what_a_redemption_does(till: Till, scene: Callable[[Till], list[Any]]) -> None:
    """To the minor unit and the line, and the first reason is the one that it is refused for."""
    coupons = scene(till)
    how: dict[str, Any] = {"order": till.order("here", 1_333, [TEA, CAKE])}
    before = till.contents()
    told = verdicts(till, *coupons, **how)
    assert till.contents() == before
    [outcome] = till.group(till.redeem(*coupons, **how))
    if isinstance(outcome, Answer):
        by_coupon = sorted(
            (used.redemption.discount_minor, used.redemption.lines) for used in outcome.value.redemptions
        )
        assert sorted((verdict.discount_minor, verdict.lines) for verdict in told) == by_coupon
        assert not any(verdict.refusals for verdict in told)
    else:
        first = next(verdict.refusals[0] for verdict in told if verdict.refusals)
        assert (type(outcome), str(outcome)) == (type(first), str(first))


def test_questions_that_arrive_together_know_nothing_of_each_other(till: Till) -> None:
    """None of them takes a use, so the last use is free for each."""
    till.campaign("last", replace(FIVE_OFF, uses_max=1))
    key = till.coupon("last")
    questions = [asked_of(till, key, name=name) for name in ("ada", "ben", "ada")]
    answers = Reader(till.database).run([*questions, asked_of(till, till.coupon("last"))])
    assert all(isinstance(answer, Validated) and not answer.verdicts[0][0].refusals for answer in answers)


def test_what_ended_comes_back_before_anybody_has_settled_it(till: Till) -> None:
    """A code for many is all reserved by carts that were left: who comes a moment after their end may have it."""
    till.campaign("crowd", replace(FIVE_OFF, uses_per_code=1, unlimited_for_customer=True))
    key = till.shared("crowd")
    till.do(till.reserve(key, ttl_s=60))
    [told] = verdicts(till, key, name="ben")
    assert [type(reason) for reason in told.refusals] == [CouponUsedUp]
    till.advance(timedelta(seconds=60))
    before = till.contents()
    [told] = verdicts(till, key, name="ben")
    assert (told.refusals, told.discount_minor) == ((), 500)
    assert till.contents() == before


def test_a_campaign_that_is_used_up_says_so(till: Till) -> None:
    """Its stock is read, and not held: whoever redeems at the same moment decides."""
    till.campaign("last", replace(FIVE_OFF, uses_max=1))
    till.do(till.redeem(till.coupon("last")))
    [told] = verdicts(till, till.coupon("last"))
    assert [type(reason) for reason in told.refusals] == [CampaignUsedUp]


def test_nobody_is_waited_for(till: Till) -> None:
    """A redemption holds the coupon for as long as it takes; who only asks is told at once."""
    key = till.coupon()
    with till.another_connection() as holder:
        holder.execute("BEGIN")
        holder.execute("SELECT FROM coupon FOR UPDATE")
        holder.execute("SELECT FROM stock_slot FOR UPDATE")
        [told] = verdicts(till, key)
    assert not told.refusals


def test_what_is_against_the_customer_or_the_request_is_against_all_of_it(till: Till) -> None:
    """There is no verdict to give on each."""
    key = till.coupon()
    assert isinstance(refusal(till, key, key), CouponNamedTwice)
    till.execute("UPDATE customer SET state = 'SUSPENDED'")
    assert isinstance(refusal(till, key), CustomerSuspended)
