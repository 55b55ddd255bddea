"""Rewards: which terms contradict themselves, and what an update makes of them."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from rules.cards import CardKind
from rules.coupons.refusals import RewardArchived, RewardStateWrong, TermsInvalid
from rules.coupons.terms import Benefit, CustomerLimit, Period, Terms
from rules.programs import Card, EarnRate, Settings
from rules.refusals import CardNotFound, FieldFixed
from rules.rewards import (
    CancelPolicy,
    Offer,
    RewardTerms,
    check_active,
    check_change,
    check_state,
    check_terms,
)

RATE = EarnRate(1, 1, "EUR")
PLAIN = Card("plain", "Plain", 0, RATE)
STAMPS = Card("stamps", "Stamps", 0, RATE, kind=CardKind.STAMPS, stamps_per_reward=10)
SETTINGS = Settings("Coffee club", "Europe/Prague", (PLAIN, STAMPS))
TODAY = date(2025, 3, 1)
MUG = RewardTerms("plain", 60, sku="MUG-1")
COUPON = replace(MUG, campaign_id="spring", sku="")
SPRING = Terms(Benefit.AMOUNT_OFF, amount_minor=500, currency_code="EUR", last_day=date(2025, 3, 31))


def check(terms: RewardTerms, campaign: Terms | None = None) -> None:
    """What making such a reward checks."""
    check_terms(terms, SETTINGS, "coffee", TODAY, campaign)


@pytest.mark.parametrize(
    "terms",
    [
        MUG,
        replace(MUG, card_id="stamps", price_points=20),
        replace(MUG, first_day=TODAY, last_day=TODAY),
        replace(MUG, customer_limits=(CustomerLimit(Period.DAY, 1), CustomerLimit(Period.EVER, 3))),
    ],
)
def test_terms_that_make_sense_are_taken(terms: RewardTerms) -> None:
    """Also one day alone, and several limits beside each other."""
    check(terms)


WRONG: dict[str, tuple[RewardTerms, str]] = {
    "stamps": (replace(MUG, card_id="stamps", price_points=15), "a card has 10 stamps; ask for whole cards"),
    "window": (
        replace(MUG, first_day=date(2025, 3, 2), last_day=TODAY),
        "it ends on 2025-03-01, before it begins on 2025-03-02; exchange the days",
    ),
    "limit twice": (
        replace(MUG, customer_limits=(CustomerLimit(Period.DAY, 1), CustomerLimit(Period.DAY, 2))),
        "customer_limits has the period DAY twice; keep one of them",
    ),
    "limit that never counts": (
        replace(MUG, customer_limits=(CustomerLimit(Period.DAY, 5), CustomerLimit(Period.WEEK, 2))),
        "5 uses by DAY are more than 2 by WEEK; lower the former, or leave it away",
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_terms_that_contradict_themselves_are_refused_with_what_to_do(fault: str) -> None:
    """Whoever makes the reward is told, and not the customer who claims it."""
    terms, what = WRONG[fault]
    with pytest.raises(TermsInvalid) as refused:
        check(terms)
    assert refused.value.facts == {"what": what}


def test_it_is_paid_with_a_card_of_the_program() -> None:
    """With which, an app shows beside it."""
    with pytest.raises(CardNotFound):
        check(replace(MUG, card_id="gold"))


@pytest.mark.parametrize(
    ("last_day", "first_day", "gives"),
    [
        (date(2025, 2, 28), None, False),
        (TODAY, None, True),
        (date(2025, 3, 31), date(2025, 4, 1), False),
        (date(2025, 3, 31), date(2025, 3, 31), True),
        (None, date(2030, 1, 1), True),
    ],
)
def test_its_coupons_can_be_used_when_it_is_claimed_first(last_day: Any, first_day: Any, gives: bool) -> None:
    """A coupon that ended before anybody could have it is nothing for sixty points."""
    terms, campaign = replace(COUPON, first_day=first_day), replace(SPRING, last_day=last_day)
    if gives:
        check(terms, campaign)
    else:
        with pytest.raises(TermsInvalid):
            check(terms, campaign)


def test_what_pays_for_it_stays() -> None:
    """Claims of before could else not be told apart from those of after."""
    check_change(MUG, replace(MUG, price_points=80, sku="", campaign_id="spring"))
    with pytest.raises(FieldFixed) as refused:
        check_change(MUG, replace(MUG, card_id="stamps"))
    assert refused.value.facts == {"field": "terms.card_id"}


def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    """A field of the terms by itself, or the terms as a whole, and their fields beside them."""
    offer = Offer("Mug", "", MUG)
    assert offer.changed({}) == offer
    assert offer.changed({"description": "Of china"}) == replace(offer, description="Of china")
    assert offer.changed({"terms.stock": 5}) == replace(offer, terms=replace(MUG, stock=5))
    whole = replace(MUG, price_points=80, cancel_policy=CancelPolicy(days=3))
    assert offer.changed({"terms": whole, "terms.stock": 7}).terms == replace(whole, stock=7)


def test_an_archived_reward_is_neither_claimed_nor_changed_nor_archived_again() -> None:
    """Each by its own reason."""
    check_active(False, "mug")
    check_state(False, True, "mug", "ACTIVE")
    with pytest.raises(RewardArchived):
        check_active(True, "mug")
    with pytest.raises(RewardStateWrong) as refused:
        check_state(True, True, "mug", "ARCHIVED")
    assert refused.value.facts == {"reward": "mug", "state": "ARCHIVED"}
