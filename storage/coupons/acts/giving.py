"""A coupon of a campaign given to a customer: one of its pool, or one that is made for it."""

from typing import NamedTuple

from rules.coupons.campaigns import check_active, own_end, window
from rules.coupons.coupons import Coupon, Origin
from rules.coupons.refusals import CampaignNotFound, CouponExpired, NoCouponLeft
from rules.coupons.terms import Benefit, CodeSource
from rules.programs import time_zone
from storage.coupons.acts import coupons
from storage.coupons.acts.coupons import InHand
from storage.coupons.acts.customers import Holder
from storage.coupons.nouns import CAMPAIGN_IDS, CAMPAIGNS, POOLED, POOLED_ELSEWHERE
from storage.coupons.reading.coupons import CouponRead
from storage.coupons.records import COUPONS
from storage.engine.ids import new_uuid_text
from storage.engine.nouns import PassedOver
from storage.ledger.group import Group


class FreshCode(NamedTuple):
    """A code that was made for this, sealed, in hexadecimal digits."""

    sealed: str
    last_four: str


def of_campaign(group: Group, holder: Holder, campaign_id: str, fresh: FreshCode | None, origin: Origin) -> InHand:
    """A coupon of a campaign that was loaded: one of its pool or, where its codes are made on the spot, a new one of
    that origin, with the fresh code. Raises CampaignNotFound, CampaignArchived, CouponExpired, NoCouponLeft, and
    PassedOver where what is left in the pool is in other hands."""
    workspace, program = group.workspace, holder.name.program
    number = workspace.get(CAMPAIGN_IDS, (holder.program.id, campaign_id))
    campaign = workspace.get(CAMPAIGNS, (number,))
    if number is None or campaign is None:
        raise CampaignNotFound(program=program)
    check_active(campaign.archived, campaign_id)
    _, ends_at = window(campaign.terms, time_zone(holder.program.settings.time_zone))
    if ends_at is not None and ends_at <= holder.program.now:
        raise CouponExpired(expire_time=ends_at.isoformat())
    if campaign.terms.code_source is CodeSource.POOL:
        pooled = workspace.get(POOLED, (number,))
        for coupon in pooled or ():
            found = coupons.in_hand(workspace, program, (number, coupon))
            if found.coupon.pooled:
                return found
        # Of a reward that gave another campaign's a moment ago, the other's pool was asked.
        if pooled is None or workspace.get(POOLED_ELSEWHERE, (number,)):
            raise PassedOver
        raise NoCouponLeft(campaign=campaign_id)
    assert fresh is not None
    initial = campaign.terms.amount_minor if campaign.terms.benefit is Benefit.BALANCE else None
    made = Coupon(
        fresh.sealed, fresh.last_four, origin, holder.program.now, initial_minor=initial, balance_minor=initial
    )
    return InHand(program, (number, new_uuid_text()), campaign, made)


def give(group: Group, holder: Holder, found: InHand, activity: str) -> CouponRead:
    """Makes it the customer's. Days that count from the assignment begin now."""
    now, coupon = holder.program.now, found.coupon
    zone = time_zone(holder.program.settings.time_zone)
    ends = [end for end in (own_end(found.campaign.terms, zone, now), coupon.expires_at) if end is not None]
    given = coupon._replace(
        customer=holder.id, added_at=now, expires_at=min(ends, default=None), pooled=False, activity=activity
    )
    beside = {"program": holder.program.id, "code": f"\\x{coupon.code}", "activity": activity}
    group.workspace.put(COUPONS, found.key, given, beside)
    return coupons.shown(group.workspace, found._replace(coupon=given), holder.program, holder.name.name)
