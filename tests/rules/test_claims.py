"""Claims: on which days, how often, and how long they can be given back."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from rules.claims import Claim, ClaimState, cancel, check_cancel, check_claim
from rules.coupons.refusals import ClaimStateWrong, CustomerLimitReached, RewardEnded, RewardNotStarted
from rules.coupons.terms import CustomerLimit, Period
from rules.refusals import RollbackWindowClosed
from rules.rewards import CancelPolicy, RewardTerms

PRAGUE = ZoneInfo("Europe/Prague")
SAO_PAULO = ZoneInfo("America/Sao_Paulo")
SECOND = timedelta(seconds=1)
MUG = RewardTerms("plain", 60)
NOON = datetime(2025, 3, 5, 12, tzinfo=UTC)
CLAIM = Claim(1, 1, 1, 2, 60, ClaimState.CLAIMED, NOON)


def can_claim(terms: RewardTerms, now: datetime, zone: ZoneInfo = PRAGUE, *claimed_at: datetime) -> bool:
    """Whether it can be claimed."""
    try:
        check_claim(terms, claimed_at, zone, now)
    except (RewardNotStarted, RewardEnded, CustomerLimitReached):
        return False
    return True


@pytest.mark.parametrize(
    ("zone", "day", "begins", "ends"),
    [
        # In winter an hour, in summer two ahead of UTC; days of 23 and 25 hours.
        (PRAGUE, date(2025, 3, 30), datetime(2025, 3, 29, 23, tzinfo=UTC), datetime(2025, 3, 30, 22, tzinfo=UTC)),
        (PRAGUE, date(2025, 10, 26), datetime(2025, 10, 25, 22, tzinfo=UTC), datetime(2025, 10, 26, 23, tzinfo=UTC)),
        # A day that began at one in the morning: clocks skipped its midnight.
        (SAO_PAULO, date(2018, 11, 4), datetime(2018, 11, 4, 3, tzinfo=UTC), datetime(2018, 11, 5, 2, tzinfo=UTC)),
    ],
)
def test_a_day_is_that_of_the_clock_on_the_wall(zone: ZoneInfo, day: date, begins: datetime, ends: datetime) -> None:
    """From its first second to its last, also where clocks are put forward or back."""
    terms = replace(MUG, first_day=day, last_day=day)
    assert [can_claim(terms, at, zone) for at in (begins - SECOND, begins, ends - SECOND, ends)] == [
        False, True, True, False,
    ]  # fmt: skip


def test_without_days_it_can_always_be_claimed_and_else_the_day_that_is_in_the_way_is_told() -> None:
    """From when on, or that it is too late: nobody reads of a day that there is not."""
    assert can_claim(MUG, NOON)
    with pytest.raises(RewardNotStarted, match=r"^It can be claimed from 2025-04-01 on\.$") as refused:
        check_claim(replace(MUG, first_day=date(2025, 4, 1)), (), PRAGUE, NOON)
    assert refused.value.facts == {"first_day": "2025-04-01"}
    with pytest.raises(RewardEnded, match=r"^It could be claimed until 2024-04-01\.$"):
        check_claim(replace(MUG, last_day=date(2024, 4, 1)), (), PRAGUE, NOON)


@pytest.mark.parametrize(
    ("period", "last_of_before", "counts"),
    [
        (Period.DAY, datetime(2025, 3, 4, 22, 59, 59, tzinfo=UTC), datetime(2025, 3, 4, 23, tzinfo=UTC)),
        (Period.WEEK, datetime(2025, 3, 2, 22, 59, 59, tzinfo=UTC), datetime(2025, 3, 2, 23, tzinfo=UTC)),
        (Period.MONTH, datetime(2025, 2, 28, 22, 59, 59, tzinfo=UTC), datetime(2025, 2, 28, 23, tzinfo=UTC)),
        (Period.YEAR, datetime(2024, 12, 31, 22, 59, 59, tzinfo=UTC), datetime(2024, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_limit_counts_the_claims_of_its_period(period: Period, last_of_before: datetime, counts: datetime) -> None:
    """By local days, weeks from Monday, months and years; the second before belongs to the one before."""
    once = replace(MUG, customer_limits=(CustomerLimit(period, 1),))
    assert can_claim(once, NOON, PRAGUE, last_of_before)
    assert not can_claim(once, NOON, PRAGUE, counts)
    ever = replace(MUG, customer_limits=(CustomerLimit(Period.EVER, 1),))
    assert not can_claim(ever, NOON, PRAGUE, last_of_before)


def test_the_limit_that_is_reached_is_told() -> None:
    """The shortest that stands in the way first, as they stand."""
    terms = replace(MUG, customer_limits=(CustomerLimit(Period.DAY, 2), CustomerLimit(Period.EVER, 3)))
    check_claim(terms, [NOON], PRAGUE, NOON)
    with pytest.raises(CustomerLimitReached) as refused:
        check_claim(terms, [NOON, NOON], PRAGUE, NOON)
    assert refused.value.facts == {"limit": "2", "period": "DAY"}


def test_a_claim_is_cancelled_once_and_within_its_days() -> None:
    """To the last second of them; 0 days are for ever."""
    kept = replace(MUG, cancel_policy=CancelPolicy(days=14))
    last = NOON + timedelta(days=14)
    check_cancel(CLAIM, kept, last)
    check_cancel(CLAIM, MUG, last + timedelta(days=3650))
    with pytest.raises(RollbackWindowClosed):
        check_cancel(CLAIM, kept, last + SECOND)
    gone = cancel(CLAIM, last, "activity-2")
    assert (gone.state, gone.cancelled_at, gone.activity) == (ClaimState.CANCELLED, last, "activity-2")
    with pytest.raises(ClaimStateWrong):
        check_cancel(gone, kept, last)
