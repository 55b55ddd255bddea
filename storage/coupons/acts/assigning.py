"""Coupons given to customers: one that is named, or one of a campaign."""

from typing import NamedTuple

from rules.coupons.campaigns import check_active, window
from rules.coupons.coupons import Origin, end_of, uses_max
from rules.coupons.refusals import (
    CouponAssigned,
    CouponExpired,
    CouponNotApplicable,
    CouponReserved,
    CouponUsedUp,
    CouponVoided,
    GiftCardEmpty,
)
from rules.programs import time_zone
from rules.states import Act
from storage.coupons import nouns
from storage.coupons.acts import coupons, customers
from storage.coupons.acts.coupons import InHand
from storage.coupons.acts.customers import Holder
from storage.coupons.acts.giving import FreshCode, give, of_campaign
from storage.coupons.nouns import COUPON, POOL, CouponKey
from storage.coupons.reading.coupons import CouponRead
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.ledger.addresses import CustomerName
from storage.ledger.group import Group
from storage.ledger.loading import Loaded
from storage.ledger.names import LotsNeeded, Reads
from storage.passes.making import Shown, make, prepare_loaded
from storage.passes.nouns import PASS_TEMPLATE


class AssignCoupon(NamedTuple):
    """Gives a coupon to a customer: that of `key` or, where this is None, one of the campaign; of one whose codes are
    made on the spot, the coupon of the fresh code. With it a pass of a template is issued, where one is named."""

    name: CustomerName
    key: CouponKey | None
    campaign_id: str
    fresh: FreshCode | None
    context: CommandContext
    template_id: str = ""

    def reads(self, reads: Reads) -> None:
        """The customer; the coupon, or the campaign with one from its pool; the template of a pass."""
        customers.read(reads, self.name)
        if self.template_id:
            reads.other(PASS_TEMPLATE, self.name.program, self.template_id)
        if self.key is not None:
            reads.other(COUPON, *nouns.whole(self.key))
        else:
            reads.other(COUPON, self.name.program, "campaign", self.campaign_id)
            reads.other(POOL, *nouns.of_pool(self.name.program, "campaign", self.campaign_id, self.context.request.key))

    def needs(self, loaded: Loaded, lots: LotsNeeded) -> None:
        """No lots."""

    def answers(self) -> type[CouponRead]:
        """The coupon."""
        return CouponRead

    def decide(self, group: Group) -> Answer[CouponRead]:
        """Raises CampaignNotFound, CampaignArchived, NoCouponLeft, and what is against a coupon that is named;
        PassTemplateNotFound, PassTemplateArchived, PassNotPossible; PassedOver where what is left in the pool is in
        other hands."""
        holder = customers.find(group, self.name, Act.EARN)
        if self.key is not None:
            found = coupons.find(group, nouns.whole(self.key))
            check_active(found.campaign.archived, found.campaign.campaign_id)
            _check(group, holder, found)
        else:
            found = of_campaign(group, holder, self.campaign_id, self.fresh, Origin.ASSIGNED)
        campaign, coupon = found.key
        shown = Shown(campaign, coupon, found.campaign.campaign_id)
        made = prepare_loaded(group.workspace, self.name, self.template_id, shown)
        told = found.told | made.told if made is not None else found.told
        activity = group.record(self.context, holder.scope, self.name.name, holder.program.now, told)
        given = give(group, holder, found, activity)
        if made is not None:
            given = given._replace(issued=make(group.workspace, made, holder.scope, activity))
        return Answer(given, activity)


def _check(group: Group, holder: Holder, found: InHand) -> None:
    """Raises what is against giving a coupon to somebody."""
    coupon, terms, now = found.coupon, found.campaign.terms, holder.program.now
    if coupon.is_shared:
        raise CouponNotApplicable(what="a code for many is nobody's own")
    if coupon.voided_at is not None:
        raise CouponVoided()
    ends_at = end_of(coupon, window(terms, time_zone(holder.program.settings.time_zone)))
    if ends_at is not None and ends_at <= now:
        raise CouponExpired(expire_time=ends_at.isoformat())
    if coupon.customer is not None:
        raise CouponAssigned()
    limit = uses_max(terms, coupon.is_shared)
    if limit and coupon.uses >= limit:
        raise CouponUsedUp(limit=limit)
    if coupon.balance_minor == 0:
        raise GiftCardEmpty()
    until = [one.expires_at for _, one in coupons.reservations(group.workspace, found.key) if one.is_open(now)]
    if until:
        raise CouponReserved(expire_time=max(end for end in until if end is not None).isoformat())
