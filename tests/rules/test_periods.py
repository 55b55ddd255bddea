"""Hours, days, weeks and months of any zone: none is left out, none comes twice, each begins where people say it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.periods import Period, bounds

ZONES = ("UTC", "Europe/Prague", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "America/Santiago")
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


@settings(max_examples=300, deadline=None)
@given(
    minutes=st.integers(0, 600_000),
    length=st.integers(-5, 60_000),
    period=st.sampled_from(list(Period)),
    name=st.sampled_from(ZONES),
)
def test_periods_cover_a_time_without_gaps_and_nothing_beside_it(
    minutes: int, length: int, period: Period, name: str
) -> None:
    """A day of 23 hours, an hour that comes twice: a trend shows no hole there, and no tower."""
    first, zone = BEGIN + timedelta(minutes=minutes), ZoneInfo(name)
    last = first + timedelta(minutes=length)
    found = list(bounds(first, last, period, zone))
    if length <= 0:
        assert found == []
        return
    assert found[0] <= first < found[1]
    assert found[-2] < last <= found[-1]
    assert found == sorted(set(found))
    for bound in found:
        local = bound.astimezone(zone)
        before = (bound - timedelta(minutes=1)).astimezone(zone)
        is_change = local.utcoffset() != before.utcoffset()
        if period is Period.HOUR:
            assert local.minute == 0 or is_change
        else:
            assert (local.hour, local.minute) == (0, 0) or is_change
        if period is Period.WEEK:
            assert local.weekday() == 0
        if period is Period.MONTH:
            assert local.day == 1


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Prague", "2025-03-30", 23),
        ("Europe/Prague", "2025-10-26", 25),
        ("Asia/Kathmandu", "2025-03-30", 24),
        # By half an hour: one hour is short, and one begins at half past two.
        ("Australia/Lord_Howe", "2025-04-06", 25),
        ("Australia/Lord_Howe", "2025-10-05", 24),
    ],
)
def test_a_day_has_as_many_hours_as_its_clocks_show(zone: str, day: str, hours: int) -> None:
    """Also where they are put forward or back."""
    noon = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo(zone))
    begin, end = bounds(noon, noon + timedelta(seconds=1), Period.DAY, ZoneInfo(zone))
    assert len(list(bounds(begin, end, Period.HOUR, ZoneInfo(zone)))) - 1 == hours


def test_a_day_that_a_place_left_out_is_none() -> None:
    """Samoa went from 29 to 31 December 2011."""
    zone = ZoneInfo("Pacific/Apia")
    first = datetime(2011, 12, 29, 12, tzinfo=zone)
    found = list(bounds(first, first + timedelta(days=2), Period.DAY, zone))
    assert [bound.astimezone(zone).day for bound in found] == [29, 31, 1]
