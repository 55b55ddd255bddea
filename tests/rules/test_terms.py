"""From when to when points can be used: what each pending and expiry policy means for a purchase."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.calendar import Rounding
from rules.programs import (
    Card,
    EarnRate,
    EventType,
    ExpiryMode,
    ExpiryPolicy,
    PendingMode,
    PendingPolicy,
    Settings,
    Term,
    check_settings,
)

CARD = Card("points", "Points", 2, EarnRate(100, 1000, "EUR"))
SETTINGS = Settings("Coffee club", "Europe/Prague", (CARD,), (EventType("order.delivered", "Delivered"),))
BOUGHT = datetime(2025, 1, 25, 9, 30, tzinfo=UTC)
DELAY = PendingPolicy(PendingMode.DELAY, 14)
EVENT = PendingPolicy(PendingMode.EVENT, event_type="order.delivered")
SLIDING = ExpiryPolicy(6, mode=ExpiryMode.SLIDING, activity_types=("points.spent", "order.delivered"))


def prague(year: int, month: int, day: int) -> datetime:
    """When that day begins in winter."""
    return datetime(year, month, day, tzinfo=UTC) - timedelta(hours=1)


def test_points_without_policies_are_active_at_once_and_never_expire() -> None:
    """Absent means never, not "at once"; and active from the purchase's own instant, not from its processing."""
    assert SETTINGS.term(CARD, BOUGHT) == Term(BOUGHT, None)


def test_the_expiry_clock_starts_at_activation() -> None:
    """Pending days are not taken from the time to use the points: 25 January + 14 days, then one month."""
    card = replace(CARD, pending=DELAY, expiry_policy=ExpiryPolicy(1))
    assert SETTINGS.term(card, BOUGHT) == (prague(2025, 2, 9), prague(2025, 3, 10), False, "")


def test_the_day_of_a_purchase_is_that_of_the_program_not_of_the_server() -> None:
    """23:30 UTC on the 31st is the 1st in Prague: another month, another expiry."""
    card = replace(CARD, expiry_policy=ExpiryPolicy(0, Rounding.MONTH))
    assert SETTINGS.term(card, datetime(2025, 1, 31, 23, 30, tzinfo=UTC)).expires_at == prague(2025, 3, 1)


@pytest.mark.parametrize(
    ("days", "rounding", "active"),
    [
        (14, Rounding.DAY, prague(2025, 2, 9)),
        (14, Rounding.WEEK, prague(2025, 2, 10)),
        (15, Rounding.WEEK, prague(2025, 2, 10)),
        (16, Rounding.WEEK, prague(2025, 2, 17)),
        (0, Rounding.WEEK, prague(2025, 1, 27)),
        (0, Rounding.MONTH, prague(2025, 2, 1)),
        (6, Rounding.MONTH, prague(2025, 2, 1)),
        (7, Rounding.MONTH, prague(2025, 3, 1)),
    ],
)
def test_a_delay_ends_as_a_day_a_week_or_a_month_begins(days: int, rounding: Rounding, active: datetime) -> None:
    """Bought on Saturday 25 January. The same days after an event, which may come much later."""
    card = replace(CARD, pending=replace(DELAY, days=days, rounding=rounding))
    assert SETTINGS.term(card, BOUGHT).activates_at == active
    waits = replace(CARD, pending=replace(EVENT, days=days, rounding=rounding))
    assert SETTINGS.matures_at(waits, BOUGHT) == active


def test_a_fixed_date_holds_points_back_until_it_begins_and_none_after() -> None:
    """ "Active from 1 December": at the first instant of it there, and a purchase of that day needs not wait."""
    pending = PendingPolicy(PendingMode.FIXED_DATE, date=date(2025, 12, 1))
    card = replace(CARD, pending=pending, expiry_policy=ExpiryPolicy(1))
    begins = prague(2025, 12, 1)
    assert SETTINGS.term(card, BOUGHT) == Term(begins, prague(2026, 1, 2))
    assert SETTINGS.term(card, begins - timedelta(microseconds=1)).activates_at == begins
    assert SETTINGS.term(card, begins) == Term(begins, prague(2026, 1, 2))
    later = begins + timedelta(days=40, hours=3)
    assert SETTINGS.term(card, later) == Term(later, prague(2026, 2, 11))


def test_a_fixed_date_whose_midnight_is_skipped_begins_as_the_clocks_skip_it() -> None:
    """In São Paulo there was no midnight on 4 November 2018."""
    pending = PendingPolicy(PendingMode.FIXED_DATE, date=date(2018, 11, 4))
    settings = replace(SETTINGS, time_zone="America/Sao_Paulo")
    term = settings.term(replace(CARD, pending=pending), datetime(2018, 11, 1, tzinfo=UTC))
    assert term.activates_at == datetime(2018, 11, 4, 3, tzinfo=UTC)


def test_points_that_wait_for_an_event_or_a_person_have_no_dates_yet() -> None:
    """Their time starts at activation, which nobody knows; a date made up would take points from the customer."""
    card = replace(CARD, pending=replace(EVENT, days=3), expiry_policy=ExpiryPolicy(1))
    assert SETTINGS.term(card, BOUGHT) == Term(None, None, False, "order.delivered")
    by_hand = replace(card, pending=PendingPolicy(PendingMode.BY_HAND))
    assert SETTINGS.term(by_hand, BOUGHT) == Term(None, None)
    assert SETTINGS.term(replace(by_hand, expiry_policy=SLIDING), BOUGHT) == Term(None, None, slides=True)


def test_without_days_to_cancel_in_points_are_active_with_their_event() -> None:
    """At its very instant; and so where the policy was changed after they began to wait."""
    for pending in (EVENT, None, DELAY, PendingPolicy(PendingMode.BY_HAND)):
        assert SETTINGS.matures_at(replace(CARD, pending=pending), BOUGHT) == BOUGHT


def test_points_that_waited_expire_as_long_after_their_activation_as_any() -> None:
    """What the ledger asks once it knows the instant."""
    card = replace(CARD, pending=EVENT, expiry_policy=ExpiryPolicy(1, days=1))
    assert SETTINGS.usable_until(card, BOUGHT) == prague(2025, 2, 27)
    assert SETTINGS.usable_until(replace(card, expiry_policy=None), BOUGHT) is None
    assert SETTINGS.usable_until(replace(card, expiry_policy=SLIDING), BOUGHT) is None


def test_points_expire_on_the_next_of_the_days_of_the_year() -> None:
    """To the end of June or December, whichever comes first after three months."""
    policy = ExpiryPolicy(3, mode=ExpiryMode.CALENDAR, dates=((12, 31), (6, 30)))
    card = replace(CARD, expiry_policy=policy)
    assert SETTINGS.term(card, BOUGHT) == Term(BOUGHT, datetime(2025, 6, 30, 22, tzinfo=UTC))
    april = datetime(2025, 4, 1, 12, tzinfo=UTC)
    assert SETTINGS.term(card, april).expires_at == prague(2026, 1, 1)


def test_sliding_points_expire_after_the_last_activity_that_counts() -> None:
    """Refunds and adjustments are not in the list, and neither is what was never declared to count."""
    card = replace(CARD, expiry_policy=SLIDING)
    assert SETTINGS.term(card, BOUGHT) == Term(BOUGHT, None, slides=True)
    july = datetime(2025, 7, 25, 22, tzinfo=UTC)
    assert SETTINGS.sliding_expiry_at(card, "points.spent", BOUGHT) == july
    assert SETTINGS.sliding_expiry_at(card, "order.delivered", BOUGHT) == july
    assert SETTINGS.sliding_expiry_at(card, "", BOUGHT) == july
    assert SETTINGS.sliding_expiry_at(card, "transaction.recorded", BOUGHT) is None
    for other in (None, ExpiryPolicy(6)):
        assert SETTINGS.sliding_expiry_at(replace(card, expiry_policy=other), "", BOUGHT) is None


ZONES = [
    "Europe/Prague",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "America/St_Johns",
    "Asia/Kathmandu",
    "UTC",
]
_instants = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
_starts = st.sampled_from([Rounding.DAY, Rounding.WEEK, Rounding.MONTH])
_ends = st.sampled_from([rounding for rounding in Rounding if rounding is not Rounding.WEEK])
_month_days = st.dates(date(2024, 1, 1), date(2024, 12, 31)).map(lambda day: (day.month, day.day))
_pending = st.one_of(
    st.none(),
    st.builds(PendingPolicy, st.just(PendingMode.DELAY), st.integers(1, 400), _starts),
    st.builds(PendingPolicy, st.just(PendingMode.FIXED_DATE), date=st.dates(date(2000, 1, 1), date(2040, 1, 1))),
)
_lasting = st.one_of(
    st.builds(ExpiryPolicy, st.integers(0, 60), _ends, st.integers(0, 800)),
    st.builds(
        ExpiryPolicy,
        st.integers(0, 24),
        days=st.integers(0, 40),
        mode=st.just(ExpiryMode.CALENDAR),
        dates=st.lists(_month_days, min_size=1, max_size=4).map(tuple),
    ),
)
_settings = st.sampled_from(ZONES).map(lambda zone: replace(SETTINGS, time_zone=zone))


@given(_settings, st.lists(_instants, min_size=2, max_size=4).map(sorted), _pending, _lasting)
def test_points_are_usable_for_a_while_and_later_purchases_never_for_less(
    settings: Settings, bought: list[datetime], pending: PendingPolicy | None, policy: ExpiryPolicy
) -> None:
    """Activation never before the purchase, expiry after the activation, and no reason to have bought earlier."""
    card = replace(CARD, pending=pending, expiry_policy=policy)
    check_settings(replace(settings, cards=(card,)))
    terms = [settings.term(card, instant) for instant in bought]
    for instant, term in zip(bought, terms, strict=True):
        assert term.activates_at is not None
        assert term.expires_at is not None
        assert instant <= term.activates_at < term.expires_at
        assert term.expires_at == settings.usable_until(card, term.activates_at)
    for (active, expires, *_), (later_active, later_expires, *_) in pairwise(terms):
        assert active is not None
        assert later_active is not None
        assert expires is not None
        assert later_expires is not None
        assert active <= later_active
        assert expires <= later_expires


@given(_settings, _instants, st.integers(0, 400), _starts)
def test_an_event_never_activates_points_before_it_happens(
    settings: Settings, happened: datetime, days: int, rounding: Rounding
) -> None:
    """And never less than the whole days in which it can be cancelled."""
    card = replace(CARD, pending=replace(EVENT, days=days, rounding=rounding))
    matures_at = settings.matures_at(card, happened)
    # A day less: one that was lost at the date line, or the rest of the event's own.
    assert matures_at >= happened + timedelta(days=max(0, days - 1))


@given(st.sampled_from(ZONES), st.datetimes(datetime(9990, 1, 1), timezones=st.just(UTC)), _pending, _lasting)
def test_nothing_overflows_at_the_end_of_time(
    zone: str, bought: datetime, pending: PendingPolicy | None, policy: ExpiryPolicy
) -> None:
    """A test clock may be moved there: points that late never expire, and no call ends in an internal error."""
    settings = replace(SETTINGS, time_zone=zone)
    term = settings.term(replace(CARD, pending=pending, expiry_policy=policy), bought)
    assert term.activates_at is not None
    assert bought <= term.activates_at
    assert term.expires_at is None or term.expires_at > term.activates_at
    settings.sliding_expiry_at(replace(CARD, expiry_policy=replace(SLIDING, months=1200)), "", bought)
