"""When points become active and when they expire: local days and months, answered as UTC instants."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

# Days ahead of the last date Python knows at which arithmetic stops: points that late never expire.
FAR_AWAY = date.max - timedelta(days=800)


class Rounding(StrEnum):
    """Which period's end a date is moved on to."""

    DAY = "DAY"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    HALF_YEAR = "HALF_YEAR"
    YEAR = "YEAR"


_MONTHS_IN = {Rounding.MONTH: 1, Rounding.QUARTER: 3, Rounding.HALF_YEAR: 6, Rounding.YEAR: 12}


@lru_cache(maxsize=4096)
def end_of_pending(day: date, pending_days: int, zone: ZoneInfo) -> datetime:
    """The first instant after a purchase of local `day` has been pending for that many whole days."""
    return start_of_day(day + timedelta(days=pending_days + 1), zone)


@lru_cache(maxsize=4096)
def expiry(day: date, months: int, rounding: Rounding, zone: ZoneInfo) -> datetime:
    """The first instant at which points that became active on local `day` are no longer usable.

    They are usable to the end of the day `months` later, rounded on to the end of its period: 25 January and
    1 month gives 26 February 00:00; with Rounding.MONTH, 1 March 00:00.
    """
    return start_of_day(end_of_period(add_months(day, months), rounding) + timedelta(days=1), zone)


def add_months(day: date, months: int) -> date:
    """The same day that many months later, or the last of a shorter month: 31 January + 1 = 28 February."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if years > FAR_AWAY.year:
        return FAR_AWAY
    return date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def end_of_period(day: date, rounding: Rounding) -> date:
    """The last day of the period that `day` lies in."""
    if rounding is Rounding.DAY:
        return day
    length = _MONTHS_IN[rounding]
    last_month = (day.month - 1) // length * length + length
    return date(day.year, last_month, monthrange(day.year, last_month)[1])


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The date on the wall at `instant`."""
    return instant.astimezone(zone).date()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC.

    Where midnight occurs twice, the first of the two; where clocks skip it, the instant they skip at.
    """
    midnight = datetime.combine(day, time.min, zone)
    instant = midnight.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return instant
    # A skipped midnight lies before the change when read with the offset after it, and not before when with the other.
    return _change_between(midnight.replace(fold=1).astimezone(UTC), instant, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant, to the second, at which the zone's offset changes between two instants."""
    old = before.astimezone(zone).utcoffset()
    while (span := int((after - before).total_seconds())) > 1:
        middle = before + timedelta(seconds=span // 2)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
