"""What a card earns, and which settings of one contradict themselves."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar import Rounding
from rules.cards import (
    COUNTABLE,
    Card,
    CardKind,
    EarnRate,
    ExpiryMode,
    ExpiryPolicy,
    PendingMode,
    PendingPolicy,
    check_card,
)
from rules.refusals import CurrencyMismatch, SettingsInvalid

RATE = EarnRate(points=100, per_amount_minor=1000, currency_code="EUR")
CARD = Card("points", "Points", 2, RATE)
STAMPS = Card("stamps", "Stamps", 0, replace(RATE, whole_steps=True), kind=CardKind.STAMPS, stamps_per_reward=10)
DECLARED = ("order.delivered", "review")

DELAY = PendingPolicy(PendingMode.DELAY, 14)
FIXED_DATE = PendingPolicy(PendingMode.FIXED_DATE, date=date(2025, 12, 1))
EVENT = PendingPolicy(PendingMode.EVENT, event_type="order.delivered")
BY_HAND = PendingPolicy(PendingMode.BY_HAND)
ROLLING = ExpiryPolicy(12)
CALENDAR = ExpiryPolicy(mode=ExpiryMode.CALENDAR, dates=((12, 31),))
SLIDING = ExpiryPolicy(12, mode=ExpiryMode.SLIDING, activity_types=("points.spent",))


def test_a_rate_counts_parts_of_a_step_unless_only_whole_steps_count() -> None:
    """19.99 at 1 point per 10.00, with two decimals: 1.99 points, or 1."""
    assert RATE.earned(1999, "EUR") == 199
    assert replace(RATE, whole_steps=True).earned(1999, "EUR") == 100


@given(st.integers(0, 10**12), st.integers(1, 10**9), st.integers(1, 10**9))
def test_earned_points_are_the_exact_fraction_rounded_down(amount: int, points: int, per_amount: int) -> None:
    """Floats would round a cent up somewhere between 0 and 10^12."""
    rate = EarnRate(points, per_amount, "EUR")
    exact = Fraction(amount * points, per_amount)
    assert rate.earned(amount, "EUR") == exact.numerator // exact.denominator
    assert replace(rate, whole_steps=True).earned(amount, "EUR") == (amount // per_amount) * points


def test_an_amount_in_another_currency_earns_nothing_and_says_why() -> None:
    """Counting yen as cents would give away a hundredfold."""
    with pytest.raises(CurrencyMismatch) as refused:
        RATE.earned(100, "JPY")
    assert refused.value.facts == {"expected": "EUR", "given": "JPY"}


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        STAMPS,
        replace(CARD, pending=DELAY),
        replace(CARD, pending=replace(DELAY, days=0, rounding=Rounding.WEEK)),
        replace(CARD, pending=replace(DELAY, rounding=Rounding.MONTH)),
        replace(CARD, pending=FIXED_DATE),
        replace(CARD, pending=EVENT),
        replace(CARD, pending=replace(EVENT, days=14, rounding=Rounding.MONTH)),
        replace(CARD, pending=BY_HAND),
        replace(CARD, expiry_policy=ExpiryPolicy()),
        replace(CARD, expiry_policy=replace(ROLLING, days=3, rounding=Rounding.HALF_YEAR)),
        replace(CARD, expiry_policy=replace(CALENDAR, months=3, days=1, dates=((2, 29), (6, 30)))),
        replace(CARD, expiry_policy=replace(SLIDING, rounding=Rounding.MONTH, activity_types=(*COUNTABLE, *DECLARED))),
        replace(STAMPS, pending=EVENT, expiry_policy=SLIDING),
    ],
)
def test_what_a_card_can_be_is_accepted(card: Card) -> None:
    """Every mode, with every field that means something in it."""
    check_card(card, DECLARED)


@pytest.mark.parametrize(
    ("policy", "word"),
    [
        (replace(DELAY, days=0), "0 days delays nothing"),
        (replace(DELAY, days=-1), "forward"),
        (replace(DELAY, rounding=Rounding.QUARTER), "a day, a week or a month"),
        (replace(DELAY, date=date(2025, 12, 1)), "date"),
        (replace(DELAY, event_type="review"), "event_type"),
        (replace(FIXED_DATE, date=None), "date"),
        (replace(FIXED_DATE, date=date(1969, 12, 31)), "1970-01-01"),
        (replace(FIXED_DATE, date=date.max), "9000-12-31"),
        (replace(FIXED_DATE, days=1), "days"),
        (replace(FIXED_DATE, rounding=Rounding.WEEK), "rounding"),
        (replace(EVENT, event_type=""), "declare it"),
        (replace(EVENT, event_type="order.lost"), "order.lost"),
        (replace(EVENT, date=date(2025, 12, 1)), "date"),
        (replace(BY_HAND, days=1), "days"),
        (replace(BY_HAND, event_type="review"), "event_type"),
    ],
)
def test_a_pending_policy_that_contradicts_its_mode_is_refused_and_says_what_to_do(
    policy: PendingPolicy, word: str
) -> None:
    """A field that is silently ignored is a promise to somebody who believes in it."""
    with pytest.raises(SettingsInvalid, match=word) as refused:
        check_card(replace(CARD, pending=policy), DECLARED)
    assert refused.value.facts["what"].startswith("card points: ")


@pytest.mark.parametrize(
    ("policy", "word"),
    [
        (replace(ROLLING, months=-1), "0 months and days or more"),
        (replace(ROLLING, days=-1), "0 months and days or more"),
        (replace(ROLLING, rounding=Rounding.WEEK), "end of a week"),
        (replace(ROLLING, dates=((12, 31),)), "dates"),
        (replace(ROLLING, activity_types=("points.spent",)), "activity_types"),
        (replace(CALENDAR, dates=()), "at least one"),
        (replace(CALENDAR, dates=((12, 31), (2, 30))), "no month 2 has a day 30"),
        (replace(CALENDAR, dates=((13, 1),)), "no month 13"),
        (replace(CALENDAR, dates=((0, 1),)), "no month 0"),
        (replace(CALENDAR, dates=((4, 0),)), "a day 0"),
        (replace(CALENDAR, rounding=Rounding.YEAR), "rounding"),
        (replace(SLIDING, activity_types=()), "give activity_types"),
        (replace(SLIDING, activity_types=("order.lost",)), "order.lost"),
        (replace(SLIDING, activity_types=("transaction.refunded",)), "transaction.refunded"),
        (replace(SLIDING, activity_types=("points.adjusted",)), "points.adjusted"),
        (replace(SLIDING, dates=((12, 31),)), "dates"),
    ],
)
def test_an_expiry_policy_that_contradicts_its_mode_is_refused_and_says_what_to_do(
    policy: ExpiryPolicy, word: str
) -> None:
    """Found at the first purchase, it would be an internal error of a till; found years later, points that are gone."""
    with pytest.raises(SettingsInvalid, match=word):
        check_card(replace(CARD, expiry_policy=policy), DECLARED)


def test_stamps_are_whole_and_fill_a_reward() -> None:
    """Half a stamp is on no card; and a card that is never full is a promise never kept."""
    with pytest.raises(SettingsInvalid, match="leave decimals away"):
        check_card(replace(STAMPS, decimals=2), DECLARED)
    with pytest.raises(SettingsInvalid, match="stamps_per_reward"):
        check_card(replace(STAMPS, stamps_per_reward=0), DECLARED)
    with pytest.raises(SettingsInvalid, match="stamps_per_reward"):
        check_card(replace(CARD, stamps_per_reward=10), DECLARED)
