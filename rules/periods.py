"""Hours, days, weeks and months of a time zone, one after the other without a gap."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from rules.calendar import add_months, local_day, start_of_day


class Period(StrEnum):
    """By what time is divided. Weeks begin on Mondays."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


def bounds(first: datetime, last: datetime, period: Period, zone: ZoneInfo) -> Iterator[datetime]:
    """Where the periods begin that have something of the time from `first` until before `last`, in order, in UTC; and
    where the last of them ends. Nothing where `last` is not after `first`."""
    if last <= first:
        return
    begin = None
    for bound in _hours(first, zone) if period is Period.HOUR else _days(first, period, zone):
        if begin is not None and bound > first:
            yield begin
            if begin >= last:
                return
        begin = bound


def _hours(first: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """An hour ends where the clock on the wall shows a full one, or where it is put to another time that is none."""
    bound = start_of_day(local_day(first, zone), zone)
    while True:
        yield bound
        local = bound.astimezone(zone)
        bound += timedelta(hours=1) - timedelta(minutes=local.minute, seconds=local.second)


def _days(first: datetime, period: Period, zone: ZoneInfo) -> Iterator[datetime]:
    day = _first_day(local_day(first, zone), period)
    bound = None
    while True:
        start = start_of_day(day, zone)
        # Of a day that a place left out, when it changed the side of the date line, nothing is there.
        if bound is None or start > bound:
            bound = start
            yield bound
        day = add_months(day, 1) if period is Period.MONTH else day + timedelta(days=7 if period is Period.WEEK else 1)


def _first_day(day: date, period: Period) -> date:
    if period is Period.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if period is Period.WEEK else day
