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
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    HALF_YEAR = "HALF_YEAR"
    YEAR = "YEAR"


_MONTHS_IN = {Rounding.MONTH: 1, Rounding.QUARTER: 3, Rounding.HALF_YEAR: 6, Rounding.YEAR: 12}


@lru_cache(maxsize=4096)
def end_of_pending(day: date, pending_days: int, zone: ZoneInfo, rounding: Rounding = Rounding.DAY) -> datetime:
    """The first instant after something of local `day` has been pending for that many whole days, and to the end of
    the period: 2 days from Friday 6 June gives Monday 9 June 00:00; with Rounding.MONTH, 1 July 00:00.
    """
    return start_of_day(end_of_period(add_days(day, pending_days), rounding) + timedelta(days=1), zone)


@lru_cache(maxsize=4096)
def expiry(day: date, months: int, rounding: Rounding, zone: ZoneInfo, days: int = 0) -> datetime:
    """The first instant at which points that became active on local `day` are no longer usable.

    They are usable to the end of the day `months` and then `days` later, rounded on to the end of its period:
    25 January and 1 month gives 26 February 00:00; with Rounding.MONTH, 1 March 00:00.
    """
    last = end_of_period(add_days(add_months(day, months), days), rounding)
    return start_of_day(last + timedelta(days=1), zone)


@lru_cache(maxsize=4096)
def yearly_expiry(day: date, dates: tuple[tuple[int, int], ...], months: int, days: int, zone: ZoneInfo) -> datetime:
    """As `expiry`, but usable to the end of the first of the yearly dates, (month, day), that comes by from then on."""
    last = next_of(add_days(add_months(day, months), days), dates)
    return start_of_day(last + timedelta(days=1), zone)


def add_months(day: date, months: int) -> date:
    """The same day that many months later, or the last of a shorter month: 31 January + 1 = 28 February."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if years > FAR_AWAY.year:
        return FAR_AWAY
    return _clamped(years, month + 1, day.day)


def add_days(day: date, days: int) -> date:
    """The day that many days later."""
    if days > (FAR_AWAY - day).days:
        return FAR_AWAY
    return day + timedelta(days=days)


def next_of(day: date, dates: tuple[tuple[int, int], ...]) -> date:
    """The first of the yearly dates, (month, day), that is not before `day`. 29 February is any February's last day."""
    years = (day.year, day.year + 1)
    return min(found for year in years for date_ in dates if (found := _clamped(year, *date_)) >= day)


def end_of_period(day: date, rounding: Rounding) -> date:
    """The last day of the period that `day` lies in. Weeks end on Sundays."""
    if rounding is Rounding.DAY:
        return day
    if rounding is Rounding.WEEK:
        return day + timedelta(days=6 - day.weekday())
    length = _MONTHS_IN[rounding]
    last_month = (day.month - 1) // length * length + length
    return _clamped(day.year, last_month, 31)


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The date on the wall at `instant`; where clocks go back over midnight, the new day, which has begun already."""
    try:
        local = instant.astimezone(zone)
    except OverflowError:
        # In the first and last hours of Python's calendar the wall shows a date that it does not have.
        return instant.date()
    day = local.date()
    if local.fold and day < FAR_AWAY and start_of_day(day + timedelta(days=1), zone) <= instant:
        return day + timedelta(days=1)
    return day


def last_usable_day(expires_at: datetime, zone: ZoneInfo) -> date:
    """The last local day on which points that expire at an instant can be used."""
    return local_day(expires_at - timedelta(microseconds=1), zone)


@lru_cache(maxsize=4096)
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


def _clamped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


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
