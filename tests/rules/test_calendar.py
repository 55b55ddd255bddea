"""Counting in days, months and periods: the last day of February, the end of a week, the end of time."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import calendar
from rules.calendar import (
    Rounding,
    add_days,
    add_months,
    end_of_pending,
    end_of_period,
    expiry,
    local_day,
    next_of,
    start_of_day,
    yearly_expiry,
)

PRAGUE = ZoneInfo("Europe/Prague")


@pytest.mark.parametrize(
    ("day", "months", "result"),
    [
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2025, 1, 31), 2, date(2025, 3, 31)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2025, 12, 31), 2, date(2026, 2, 28)),
        (date(2025, 11, 30), 1, date(2025, 12, 30)),
        (date(2025, 5, 17), 0, date(2025, 5, 17)),
    ],
)
def test_months_are_clamped_from_the_original_day(day: date, months: int, result: date) -> None:
    """Counted month by month, 31 January + 2 months would be 28 March: three days stolen from the customer."""
    assert add_months(day, months) == result


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(0, 1200))
def test_months_land_in_the_right_month_on_the_same_day_or_its_last(day: date, months: int) -> None:
    """Checked by counting, for every day of a century."""
    found = add_months(day, months)
    assert (found.year * 12 + found.month) - (day.year * 12 + day.month) == months
    assert found.day == day.day or (found.day < day.day and (found + timedelta(days=1)).day == 1)


@pytest.mark.parametrize(
    ("rounding", "last"),
    [
        (Rounding.DAY, date(2025, 2, 25)),
        (Rounding.MONTH, date(2025, 2, 28)),
        (Rounding.QUARTER, date(2025, 3, 31)),
        (Rounding.HALF_YEAR, date(2025, 6, 30)),
        (Rounding.YEAR, date(2025, 12, 31)),
    ],
)
def test_points_of_25_january_are_usable_for_a_month_and_to_the_end_of_its_period(
    rounding: Rounding, last: date
) -> None:
    """The promise in the customer's words: "to the end of 25 February", "of February", "of the first quarter" …"""
    expires_at = expiry(date(2025, 1, 25), 1, rounding, PRAGUE)
    assert local_day(expires_at - timedelta(microseconds=1), PRAGUE) == last
    assert local_day(expires_at, PRAGUE) == last + timedelta(days=1)


def test_no_months_means_to_the_end_of_that_very_day() -> None:
    """0 is a policy too: points for today."""
    assert expiry(date(2025, 7, 1), 0, Rounding.DAY, PRAGUE) == datetime(2025, 7, 1, 22, tzinfo=UTC)


@pytest.mark.parametrize("month", range(1, 13))
def test_each_month_belongs_to_its_quarter_half_year_and_year(month: int) -> None:
    """An off-by-one here shows only in one month of three."""
    longer = (Rounding.MONTH, Rounding.QUARTER, Rounding.HALF_YEAR, Rounding.YEAR)
    ends = [end_of_period(date(2025, month, 10), rounding).month for rounding in longer]
    assert ends == [month, (month + 2) // 3 * 3, 6 if month <= 6 else 12, 12]


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(Rounding))
def test_rounding_moves_to_a_last_day_never_back_and_only_once(day: date, rounding: Rounding) -> None:
    """The end of a period that already ended would take points away."""
    end = end_of_period(day, rounding)
    assert end >= day
    assert end_of_period(end, rounding) == end
    after = end + timedelta(days=1)
    assert rounding is Rounding.DAY or (after.weekday() == 0 if rounding is Rounding.WEEK else after.day == 1)


def test_policies_beyond_the_end_of_time_answer_far_away_instead_of_failing() -> None:
    """100 years on a test clock in the year 9900 must not end in an internal error."""
    assert add_months(date(9950, 6, 1), 1200) == calendar.FAR_AWAY
    assert add_days(date(9950, 6, 1), 10**12) == calendar.FAR_AWAY
    assert add_days(date.max, 1) == calendar.FAR_AWAY
    assert expiry(date(9950, 6, 1), 1200, Rounding.YEAR, PRAGUE).year == calendar.FAR_AWAY.year
    assert end_of_pending(date.max, 3650, PRAGUE, Rounding.MONTH).year == calendar.FAR_AWAY.year
    assert yearly_expiry(date(9950, 6, 1), ((12, 31),), 1200, 36500, PRAGUE).year == calendar.FAR_AWAY.year


def test_pending_days_are_whole_local_days() -> None:
    """Bought on the 1st with 14 days: pending to the end of the 15th, wherever the server stands."""
    assert end_of_pending(date(2025, 6, 1), 14, PRAGUE) == datetime(2025, 6, 15, 22, tzinfo=UTC)
    assert end_of_pending(date(2025, 6, 1), 14, ZoneInfo("Asia/Tokyo")) == datetime(2025, 6, 15, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "pending_days", "rounding", "first"),
    [
        # Friday and two days is Sunday, the last of its week; one more lies in the next.
        (date(2025, 6, 6), 2, Rounding.WEEK, date(2025, 6, 9)),
        (date(2025, 6, 6), 3, Rounding.WEEK, date(2025, 6, 16)),
        # A week may end in another month, and in another year.
        (date(2024, 12, 30), 0, Rounding.WEEK, date(2025, 1, 6)),
        (date(2025, 6, 6), 0, Rounding.MONTH, date(2025, 7, 1)),
        (date(2025, 6, 16), 14, Rounding.MONTH, date(2025, 7, 1)),
        (date(2025, 6, 17), 14, Rounding.MONTH, date(2025, 8, 1)),
        (date(2024, 2, 29), 0, Rounding.MONTH, date(2024, 3, 1)),
        (date(2025, 12, 31), 0, Rounding.MONTH, date(2026, 1, 1)),
    ],
)
def test_pending_points_become_active_as_the_next_week_or_month_begins(
    day: date, pending_days: int, rounding: Rounding, first: date
) -> None:
    """A period that was pending to its very end is over: nobody waits for another one."""
    assert end_of_pending(day, pending_days, PRAGUE, rounding) == start_of_day(first, PRAGUE)


def test_days_are_counted_after_the_months_and_before_the_rounding() -> None:
    """31 January and a month is 28 February; a day more is 1 March. The other way round it would be another day."""
    assert expiry(date(2025, 1, 31), 1, Rounding.DAY, PRAGUE, 1) == start_of_day(date(2025, 3, 2), PRAGUE)
    assert expiry(date(2025, 1, 31), 1, Rounding.MONTH, PRAGUE, 1) == start_of_day(date(2025, 4, 1), PRAGUE)
    assert expiry(date(2025, 1, 1), 0, Rounding.DAY, PRAGUE, 365) == start_of_day(date(2026, 1, 2), PRAGUE)


@pytest.mark.parametrize(
    ("day", "found"),
    [
        (date(2025, 1, 1), date(2025, 2, 28)),
        (date(2024, 1, 1), date(2024, 2, 29)),
        (date(2024, 2, 29), date(2024, 2, 29)),
        (date(2025, 2, 28), date(2025, 2, 28)),
        (date(2025, 3, 1), date(2025, 8, 31)),
        (date(2025, 8, 31), date(2025, 8, 31)),
        (date(2025, 9, 1), date(2026, 2, 28)),
        (date(2027, 12, 31), date(2028, 2, 29)),
    ],
)
def test_the_next_day_of_the_year_is_today_or_later_and_29_february_is_the_last_of_any(day: date, found: date) -> None:
    """ "To the end of February" is meant in every year, not in every fourth."""
    assert next_of(day, ((8, 31), (2, 29))) == found
    assert yearly_expiry(day, ((8, 31), (2, 29)), 0, 0, PRAGUE) == start_of_day(found + timedelta(days=1), PRAGUE)


def test_points_last_their_least_time_before_a_day_of_the_year_takes_them() -> None:
    """Bought on 30 December and gone on the 31st: what the least time is for."""
    new_year = ((12, 31),)
    assert yearly_expiry(date(2025, 12, 30), new_year, 0, 0, PRAGUE) == start_of_day(date(2026, 1, 1), PRAGUE)
    assert yearly_expiry(date(2025, 12, 30), new_year, 3, 0, PRAGUE) == start_of_day(date(2027, 1, 1), PRAGUE)
    assert yearly_expiry(date(2025, 12, 30), new_year, 0, 2, PRAGUE) == start_of_day(date(2027, 1, 1), PRAGUE)
