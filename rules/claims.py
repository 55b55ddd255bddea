"""Claims of rewards: who may have one, and who may give it back.

New terms of a reward hold from the next claim on; a claim keeps the version that it was made under.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rules.coupons import limits
from rules.coupons.campaigns import between
from rules.coupons.refusals import ClaimStateWrong, RewardEnded, RewardNotStarted
from rules.refusals import RollbackWindowClosed
from rules.rewards import RewardTerms


class ClaimState(StrEnum):
    """Where a claim is in its life."""

    CLAIMED = "CLAIMED"
    CANCELLED = "CANCELLED"


class Claim(NamedTuple):
    """That a customer had a reward, by internal ids. Entry `seq` of the account took `points` for it; it gave a coupon
    of a campaign, or none. `activity` is of its last change."""

    reward: int
    version: int
    account: int
    seq: int
    points: int
    state: ClaimState
    created_at: datetime
    reference: str = ""
    campaign: int | None = None
    coupon: str | None = None
    cancelled_at: datetime | None = None
    activity: str = ""


def check_claim(terms: RewardTerms, claimed_at: Sequence[datetime], zone: ZoneInfo, now: datetime) -> None:
    """Raises RewardNotStarted, RewardEnded, and CustomerLimitReached where the customer's claims that stand, made at
    these instants, are as many as may be."""
    begins, ends = between(terms.first_day, terms.last_day, zone)
    if begins is not None and now < begins:
        raise RewardNotStarted(first_day=terms.first_day)
    if ends is not None and now >= ends:
        raise RewardEnded(last_day=terms.last_day)
    for refusal in limits.of_customer(terms.customer_limits, claimed_at, 0, zone, now):
        raise refusal


def check_cancel(claim: Claim, terms: RewardTerms, now: datetime) -> None:
    """Raises ClaimStateWrong, RollbackWindowClosed; `terms` are those that it was made under."""
    if claim.state is not ClaimState.CLAIMED:
        raise ClaimStateWrong(state=claim.state)
    days = terms.cancel_policy.days
    if days and now > claim.created_at + timedelta(days=days):
        raise RollbackWindowClosed(days=days, spent_at=claim.created_at.isoformat())


def cancel(claim: Claim, now: datetime, activity: str) -> Claim:
    """The claim as it stands once it is cancelled."""
    return claim._replace(state=ClaimState.CANCELLED, cancelled_at=now, activity=activity)
