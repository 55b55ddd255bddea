"""How often a campaign may be used: in all, and by one customer in a day, week, month, year and ever."""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from rules.calendar import local_day, start_of_day
from rules.coupons.orders import Candidate
from rules.coupons.refusals import CampaignUsedUp, CustomerLimitReached
from rules.coupons.terms import CustomerLimit, Period
from rules.refusals import Refusal


def against(candidate: Candidate, taken: int, zone: ZoneInfo, now: datetime.datetime) -> Iterator[Refusal]:
    """Each limit that another use would exceed. `taken` are uses of the same campaign by coupons that come before it
    on the same order."""
    if candidate.is_reserved_here:
        return
    if candidate.campaign_left is not None and candidate.campaign_left <= taken:
        yield CampaignUsedUp(limit=candidate.terms.uses_max)
    yield from of_customer(candidate.terms.customer_limits, candidate.used_at, taken, zone, now)


def of_customer(
    limits: Iterable[CustomerLimit],
    used_at: Sequence[datetime.datetime],
    taken: int,
    zone: ZoneInfo,
    now: datetime.datetime,
) -> Iterator[CustomerLimitReached]:
    """Each limit of a customer that another use would exceed, after those at some instants and so many more `taken`."""
    for limit in limits:
        since = begin(limit.period, zone, now)
        uses = sum(since is None or at >= since for at in used_at)
        if uses + taken >= limit.uses:
            yield CustomerLimitReached(limit=limit.uses, period=limit.period)


def begin(period: Period, zone: ZoneInfo, now: datetime.datetime) -> datetime.datetime | None:
    """The first instant of the period that `now` lies in, by the clock on the wall; None: there is none."""
    if period is Period.EVER:
        return None
    day = local_day(now, zone)
    if period is Period.WEEK:
        day -= datetime.timedelta(days=day.weekday())
    elif period is Period.MONTH:
        day = day.replace(day=1)
    elif period is Period.YEAR:
        day = day.replace(month=1, day=1)
    return start_of_day(day, zone)
