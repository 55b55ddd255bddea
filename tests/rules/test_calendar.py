"""Local days and months: the last day of February, clocks that jump at midnight, days that never were."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules import calendar
from rules.calendar import Rounding, add_months, end_of_pending, end_of_period, expiry, local_day, start_of_day

PRAGUE = ZoneInfo("Europe/Prague")
# Where clocks were set at or across midnight, or by half an hour, or by a day.
ZONES = [
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "America/Santiago",
    "America/Asuncion",
    "America/Nuuk",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Atlantic/Azores",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Europe/Prague",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
    "UTC",
]


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
    ends = [end_of_period(date(2025, month, 10), rounding).month for rounding in list(Rounding)[1:]]
    assert ends == [month, (month + 2) // 3 * 3, 6 if month <= 6 else 12, 12]


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(Rounding))
def test_rounding_moves_to_a_last_day_never_back_and_only_once(day: date, rounding: Rounding) -> None:
    """The end of a period that already ended would take points away."""
    end = end_of_period(day, rounding)
    assert end >= day
    assert end_of_period(end, rounding) == end
    assert rounding is Rounding.DAY or (end + timedelta(days=1)).day == 1


def test_policies_beyond_the_end_of_time_answer_far_away_instead_of_failing() -> None:
    """100 years on a test clock in the year 9900 must not end in an internal error."""
    assert add_months(date(9950, 6, 1), 1200) == calendar.FAR_AWAY
    assert expiry(date(9950, 6, 1), 1200, Rounding.YEAR, PRAGUE).year == calendar.FAR_AWAY.year


@pytest.mark.parametrize(
    ("zone", "day", "starts"),
    [
        # Clocks skipped from 00:00 to 01:00.
        ("America/Sao_Paulo", date(2017, 10, 15), datetime(2017, 10, 15, 3, tzinfo=UTC)),
        ("Asia/Beirut", date(2022, 3, 27), datetime(2022, 3, 26, 22, tzinfo=UTC)),
        ("Africa/Cairo", date(2023, 4, 28), datetime(2023, 4, 27, 22, tzinfo=UTC)),
        # Clocks skipped from 23:30 to 00:30: the new day began inside the gap.
        ("America/Toronto", date(1919, 3, 31), datetime(1919, 3, 31, 4, 30, tzinfo=UTC)),
        # Clocks went back from 01:00 to 00:00, so midnight came twice.
        ("America/Havana", date(2023, 11, 5), datetime(2023, 11, 5, 4, tzinfo=UTC)),
        ("Atlantic/Azores", date(2023, 10, 29), datetime(2023, 10, 29, 0, tzinfo=UTC)),
        # Clocks went back from 00:00 to 23:00: midnight comes once, an hour later.
        ("America/Sao_Paulo", date(2018, 2, 18), datetime(2018, 2, 18, 3, tzinfo=UTC)),
        # Samoa crossed the date line: there was no 30 December 2011.
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Pacific/Apia", date(2011, 12, 31), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Europe/Prague", date(2025, 3, 30), datetime(2025, 3, 29, 23, tzinfo=UTC)),
        ("Europe/Prague", date(2025, 10, 26), datetime(2025, 10, 25, 22, tzinfo=UTC)),
    ],
)
def test_a_day_starts_where_the_clocks_on_its_walls_say_so(zone: str, day: date, starts: datetime) -> None:
    """Known nights: an hour lost or won here is an hour in which points are wrongly refused or granted."""
    assert start_of_day(day, ZoneInfo(zone)) == starts


_nights = st.tuples(st.sampled_from(ZONES), st.dates(date(1973, 1, 1), date(2037, 12, 31)))


@given(_nights)
@example(("Pacific/Apia", date(2011, 12, 30)))
@example(("Pacific/Kwajalein", date(1993, 8, 21)))
@example(("America/St_Johns", date(2010, 11, 7)))
@example(("America/St_Johns", date(2010, 3, 14)))
@example(("America/Havana", date(2023, 11, 5)))
@example(("America/Nuuk", date(2024, 10, 27)))
@example(("Asia/Gaza", date(2015, 3, 28)))
def test_a_day_starts_at_the_first_instant_that_is_on_it_or_after(night: tuple[str, date]) -> None:
    """The definition itself, looked up minute by minute instead of computed."""
    name, day = night
    zone = ZoneInfo(name)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    minutes = (noon + timedelta(minutes=minute) for minute in range(-40 * 60, 16 * 60))
    assert start_of_day(day, zone) == next(minute for minute in minutes if local_day(minute, zone) >= day)


@pytest.mark.parametrize("zone", ZONES)
def test_every_night_with_a_change_of_clocks_is_right(zone: str) -> None:
    """The nights that matter are few and known: all of them since 2000, not a sample."""
    place = ZoneInfo(zone)
    day = date(2000, 1, 1)
    while day.year < 2030:
        start = start_of_day(day, place)
        if start - start_of_day(day - timedelta(days=1), place) != timedelta(days=1):
            assert local_day(start, place) >= day
            assert local_day(start - timedelta(seconds=1), place) < day
        day += timedelta(days=1)


def test_pending_days_are_whole_local_days() -> None:
    """Bought on the 1st with 14 days: pending to the end of the 15th, wherever the server stands."""
    assert end_of_pending(date(2025, 6, 1), 14, PRAGUE) == datetime(2025, 6, 15, 22, tzinfo=UTC)
    assert end_of_pending(date(2025, 6, 1), 14, ZoneInfo("Asia/Tokyo")) == datetime(2025, 6, 15, 15, tzinfo=UTC)
