"""Limits of a customer and of a campaign: local days, weeks, months and years, counted over the order itself too."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rules.coupons.limits import begin
from rules.coupons.terms import CustomerLimit, Period
from tests.rules.coupons.orders import NOW, PRAGUE, candidate, coupon, judged, order, reasons, stacked, terms

TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("period", "since"),
    [
        (Period.DAY, datetime(2026, 6, 16, 22, tzinfo=UTC)),
        (Period.WEEK, datetime(2026, 6, 14, 22, tzinfo=UTC)),
        (Period.MONTH, datetime(2026, 5, 31, 22, tzinfo=UTC)),
        (Period.YEAR, datetime(2025, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_use_counts_from_the_first_instant_of_the_local_period(period: Period, since: datetime) -> None:
    """Weeks begin on Monday, and everything by the clock on the wall of the program, winter and summer."""
    assert begin(period, PRAGUE, NOW) == since
    of = terms(customer_limits=(CustomerLimit(period, 2),))
    before, within = (since - TICK, since - TICK), (NOW, since)
    assert reasons(judged(order(2000), candidate(of, used_at=before))[0]) == []
    [refused] = judged(order(2000), candidate(of, used_at=within))
    assert refused.refusals[0].facts == {"limit": "2", "period": period}
    assert reasons(judged(order(2000), candidate(of, used_at=(NOW, since - TICK)))[0]) == []


def test_ever_is_ever() -> None:
    """There is no instant before which a use is forgotten."""
    of = terms(customer_limits=(CustomerLimit(Period.EVER, 1),))
    long_ago = datetime(1990, 1, 1, tzinfo=UTC)
    assert begin(Period.EVER, PRAGUE, NOW) is None
    assert reasons(judged(order(2000), candidate(of, used_at=(long_ago,)))[0]) == ["CustomerLimitReached"]


@pytest.mark.parametrize(
    ("zone", "now", "hours"),
    [
        # Clocks go forward, and back; and a day whose midnight clocks skip begins at one.
        ("Europe/Prague", datetime(2026, 3, 29, 21, 59, 59, tzinfo=UTC), 23),
        ("Europe/Prague", datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC), 25),
        ("America/Santiago", datetime(2026, 9, 7, 2, 59, 59, tzinfo=UTC), 23),
    ],
)
def test_a_day_is_as_long_as_it_is_where_clocks_change(zone: str, now: datetime, hours: int) -> None:
    """Once a day is once between two midnights, not once in 24 hours."""
    local = ZoneInfo(zone)
    since = begin(Period.DAY, local, now)
    assert since is not None
    assert now - since == timedelta(hours=hours, seconds=-1)
    next_day = begin(Period.DAY, local, now + timedelta(seconds=1))
    assert next_day == now + timedelta(seconds=1)


def test_coupons_of_one_campaign_on_one_order_count_for_each_other() -> None:
    """Else twenty codes in one call pass a limit of one."""
    once = terms(customer_limits=(CustomerLimit(Period.DAY, 1),))
    first, second = judged(order(5000), candidate(once), candidate(once, coupon=coupon(code="01")))
    assert (reasons(first), reasons(second)) == ([], ["CustomerLimitReached"])
    last = candidate(campaign_left=1)
    assert [reasons(verdict) for verdict in judged(order(5000), last, last)] == [[], ["CampaignUsedUp"]]
    other = candidate(once, campaign_id="other")
    assert [reasons(verdict) for verdict in judged(order(5000), candidate(once), other)] == [[], []]


def test_what_is_refused_or_reserved_already_takes_nothing_of_a_limit() -> None:
    """The refused one is not used; the reserved one stands in the figures that were read."""
    last = candidate(stacked(1), campaign_left=1)
    wrong = candidate(stacked(0), campaign_left=1, coupon=coupon(voided_at=NOW))
    assert reasons(judged(order(5000), wrong, last)[1]) == []
    here = candidate(stacked(0), campaign_left=0, is_reserved_here=True)
    assert [reasons(verdict) for verdict in judged(order(5000), here, last)] == [[], []]
