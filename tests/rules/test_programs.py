"""What a program's settings mean for a purchase, and which changes of them are allowed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar import Rounding
from rules.programs import Card, EarnRate, ExpiryPolicy, Settings, check_change, check_clock, time_zone
from rules.refusals import (
    CardFixed,
    CardNotFound,
    ClockMovesBack,
    CurrencyMismatch,
    NoTestClock,
    TimeZoneUnknown,
)

RATE = EarnRate(points=100, per_amount_minor=1000, currency_code="EUR")
CARD = Card("points", "Points", 2, RATE)
SETTINGS = Settings("Coffee club", "Europe/Prague", (CARD,))


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


def test_a_purchase_without_pending_days_is_active_from_its_own_instant() -> None:
    """Not from when it was processed: a late worker changes nothing."""
    bought = datetime(2025, 1, 25, 9, 30, tzinfo=UTC)
    card = replace(CARD, expiry_policy=ExpiryPolicy(1))
    term = SETTINGS.term(card, bought)
    assert term == (bought, datetime(2025, 2, 25, 23, tzinfo=UTC))


def test_the_expiry_clock_starts_at_activation() -> None:
    """Pending days are not taken from the time to use the points: 25 January + 14 days, then one month."""
    card = replace(CARD, pending_days=14, expiry_policy=ExpiryPolicy(1))
    term = SETTINGS.term(card, datetime(2025, 1, 25, 9, 30, tzinfo=UTC))
    assert term.activates_at == datetime(2025, 2, 8, 23, tzinfo=UTC)
    assert term.expires_at == datetime(2025, 3, 9, 23, tzinfo=UTC)


def test_the_day_of_a_purchase_is_that_of_the_program_not_of_the_server() -> None:
    """23:30 UTC on the 31st is the 1st in Prague: another month, another expiry."""
    card = replace(CARD, expiry_policy=ExpiryPolicy(0, Rounding.MONTH))
    term = SETTINGS.term(card, datetime(2025, 1, 31, 23, 30, tzinfo=UTC))
    assert term.expires_at == datetime(2025, 2, 28, 23, tzinfo=UTC)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 400),
    st.none() | st.builds(ExpiryPolicy, st.integers(0, 60), st.sampled_from(Rounding)),
    st.sampled_from(["Europe/Prague", "Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu", "UTC"]),
)
def test_points_are_always_usable_for_a_while(
    bought: datetime, pending_days: int, policy: ExpiryPolicy | None, zone: str
) -> None:
    """An expiry that is not after the activation would take the points before anybody had them."""
    card = replace(CARD, pending_days=pending_days, expiry_policy=policy)
    term = replace(SETTINGS, time_zone=zone).term(card, bought)
    assert term.activates_at >= bought + timedelta(days=max(0, pending_days - 1))
    assert term.expires_at is None or term.expires_at > term.activates_at


def test_points_without_an_expiry_policy_never_expire() -> None:
    """Absent means never, not "at once"."""
    assert SETTINGS.term(CARD, datetime(2025, 1, 1, tzinfo=UTC)).expires_at is None


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime", "Europe", "a" * 64, "\0"])
def test_what_is_no_time_zone_is_refused_by_name(name: str) -> None:
    """The library answers with five kinds of exception; a caller gets one."""
    with pytest.raises(TimeZoneUnknown):
        time_zone(name)


def test_a_card_is_never_taken_away_and_keeps_its_decimals() -> None:
    """Accounts are counted in it: without it, balances would mean nothing."""
    stamps = Card("stamps", "Stamps", 0, EarnRate(1, 1000, "EUR"))
    settings = replace(SETTINGS, cards=(CARD, stamps))
    for cards in ((CARD,), (CARD, replace(stamps, decimals=1)), (CARD, replace(stamps, card_id="stickers"))):
        with pytest.raises(CardFixed) as refused:
            check_change(settings, replace(settings, cards=cards))
        assert refused.value.facts == {"card": "stamps"}


def test_anything_else_of_a_card_may_change_and_cards_may_be_added() -> None:
    """New settings hold from now on; what was earned keeps its terms."""
    changed = replace(CARD, display_name="Beans", pending_days=3, earn_rate=replace(RATE, points=5))
    check_change(SETTINGS, replace(SETTINGS, display_name="Tea club", cards=(changed, replace(CARD, card_id="extra"))))


def test_a_change_to_an_unknown_time_zone_is_refused() -> None:
    """It would otherwise be found out at the next purchase."""
    with pytest.raises(TimeZoneUnknown):
        check_change(SETTINGS, replace(SETTINGS, time_zone="Europe/Atlantis"))


def test_a_card_that_is_not_the_programs_is_not_found() -> None:
    """With the names that the caller used."""
    assert SETTINGS.card("points", "coffee") is CARD
    with pytest.raises(CardNotFound) as refused:
        SETTINGS.card("stamps", "coffee")
    assert refused.value.facts == {"program": "coffee", "card": "stamps"}


def test_only_a_test_clock_moves_and_only_forward() -> None:
    """A live program has no clock to move; and what has expired cannot come back."""
    noon = datetime(2025, 1, 1, 12, tzinfo=UTC)
    check_clock("coffee", noon, noon)
    check_clock("coffee", noon, noon + timedelta(days=400))
    with pytest.raises(NoTestClock):
        check_clock("coffee", None, noon)
    with pytest.raises(ClockMovesBack):
        check_clock("coffee", noon, noon - timedelta(microseconds=1))
