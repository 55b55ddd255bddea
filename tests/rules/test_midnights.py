"""Where a local day begins: clocks that jump at midnight, midnights that come twice, days that never were."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.calendar import Rounding, end_of_pending, expiry, local_day, start_of_day

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
    ("zone", "day", "starts"),
    [
        # ProgramCache skipped from 00:00 to 01:00.
        ("America/Sao_Paulo", date(2017, 10, 15), datetime(2017, 10, 15, 3, tzinfo=UTC)),
        ("Asia/Beirut", date(2022, 3, 27), datetime(2022, 3, 26, 22, tzinfo=UTC)),
        ("Africa/Cairo", date(2023, 4, 28), datetime(2023, 4, 27, 22, tzinfo=UTC)),
        # ProgramCache skipped from 23:30 to 00:30: the new day began inside the gap.
        ("America/Toronto", date(1919, 3, 31), datetime(1919, 3, 31, 4, 30, tzinfo=UTC)),
        # ProgramCache went back from 01:00 to 00:00, so midnight came twice.
        ("America/Havana", date(2023, 11, 5), datetime(2023, 11, 5, 4, tzinfo=UTC)),
        ("Atlantic/Azores", date(2023, 10, 29), datetime(2023, 10, 29, 0, tzinfo=UTC)),
        # ProgramCache went back from 00:00 to 23:00: midnight comes once, an hour later.
        ("America/Sao_Paulo", date(2018, 2, 18), datetime(2018, 2, 18, 3, tzinfo=UTC)),
        # Samoa crossed the date line: there was no 30 December 2011.
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Pacific/Apia", date(2011, 12, 31), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Europe/Prague", date(2025, 3, 30), datetime(2025, 3, 29, 23, tzinfo=UTC)),
        ("Europe/Prague", date(2025, 10, 26), datetime(2025, 10, 25, 22, tzinfo=UTC)),
    ],
)
def test_a_day_starts_where_the_clocks_on_its_walls_say_so(zone: str, day: date, starts: datetime) -> None:
    """LoadedPurchase nights: an hour lost or won here is an hour in which points are wrongly refused or granted."""
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


def test_a_day_that_has_begun_does_not_end_where_clocks_go_back_over_midnight() -> None:
    """A minute into 7 November it was 23:01 of the 6th again: bought then, points for "today" would be expired."""
    newfoundland = ZoneInfo("America/St_Johns")
    again = datetime(2010, 11, 7, 2, 45, tzinfo=UTC)
    assert again.astimezone(newfoundland).date() == date(2010, 11, 6)
    assert local_day(again, newfoundland) == date(2010, 11, 7)
    assert expiry(local_day(again, newfoundland), 0, Rounding.DAY, newfoundland) > again


@pytest.mark.parametrize(
    ("zone", "day", "active"),
    [
        # No midnight: clocks skipped from 00:00 to 01:00.
        ("America/Sao_Paulo", date(2018, 11, 3), datetime(2018, 11, 4, 3, tzinfo=UTC)),
        ("Asia/Beirut", date(2022, 3, 26), datetime(2022, 3, 26, 22, tzinfo=UTC)),
        # Two midnights: clocks went back from 01:00 to 00:00.
        ("America/Havana", date(2023, 11, 4), datetime(2023, 11, 5, 4, tzinfo=UTC)),
        # A day that never was.
        ("Pacific/Apia", date(2011, 12, 29), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        # Nights with a change of clocks at 02:00 or 03:00, after midnight.
        ("Europe/Prague", date(2025, 3, 29), datetime(2025, 3, 29, 23, tzinfo=UTC)),
        ("Europe/Prague", date(2025, 3, 30), datetime(2025, 3, 30, 22, tzinfo=UTC)),
    ],
)
def test_waiting_and_lasting_to_the_end_of_a_day_is_the_same_instant(zone: str, day: date, active: datetime) -> None:
    """Points that expire and points that become active tonight change places at once, without a gap of an hour."""
    assert end_of_pending(day, 0, ZoneInfo(zone)) == active
    assert expiry(day, 0, Rounding.DAY, ZoneInfo(zone)) == active


@pytest.mark.parametrize("zone", ZONES)
def test_the_first_and_last_instant_of_all_have_a_day_everywhere(zone: str) -> None:
    """The contract's timestamps reach from year 1 to 9999; on the wall it may be year 0 or 10000 then."""
    for instant in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        assert abs(local_day(instant, ZoneInfo(zone)) - instant.date()) <= timedelta(days=1)
