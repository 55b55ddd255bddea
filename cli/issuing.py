"""Issues the coupons of a journey's campaigns, and redeems them on the orders that they were used for."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date

from cli.campaigns import Campaign
from cli.journey import Basket
from fealty import AsyncFealty, Refused
from fealty.v1 import coupon_campaigns_pb2, coupons_pb2, values_pb2

CURRENCY = "USD"
# The data does not say what a coupon was worth: this is what the demo takes each for, in cents.
VALUE_MINOR = 1_00
# Codes being made at once: enough that the server never waits for us.
CODES_IN_HAND = 16


class Issuing:
    """For a program, by its resource name; `request_id` names a request by what it makes."""

    def __init__(self, program: str, request_id: Callable[[str], str]) -> None:
        self._program = program
        self._request_id = request_id

    async def issue(self, fealty: AsyncFealty, campaigns: Sequence[Campaign]) -> None:
        """Makes campaigns and all their codes, those that are not there yet."""
        for campaign in campaigns:
            try:
                await fealty.coupon_campaigns.CreateCouponCampaign(self._new_campaign(campaign))
            except Refused as refused:
                # Made by a replay so long ago that its request is forgotten.
                if refused.reason != "CAMPAIGN_EXISTS":
                    raise
        places = asyncio.Semaphore(CODES_IN_HAND)

        async def make(campaign: Campaign, code: str) -> None:
            request = coupon_campaigns_pb2.CreateSharedCouponRequest(
                parent=f"{self._program}/couponCampaigns/{_id(campaign)}",
                code=code,
                request_id=self._request_id(f"coupon-{code}"),
            )
            async with places:
                try:
                    await fealty.coupon_campaigns.CreateSharedCoupon(request)
                except Refused as refused:
                    if refused.reason != "CODE_EXISTS":
                        raise

        await asyncio.gather(*(make(campaign, code) for campaign in campaigns for code in campaign.codes))

    def redeem(self, basket: Basket, codes: Sequence[str]) -> coupons_pb2.RedeemCouponsRequest:
        """Uses the codes on a purchase. The data has what was paid for it: before discounts it came to what the coupons
        took off besides."""
        worth = basket.cents + len(codes) * VALUE_MINOR
        return coupons_pb2.RedeemCouponsRequest(
            customer=f"{self._program}/customers/household-{basket.household}",
            order=coupons_pb2.Order(
                order_id=f"basket-{basket.basket}",
                amount=values_pb2.Money(currency_code=CURRENCY, amount_minor=worth),
            ),
            coupons=[coupons_pb2.CouponUse(code=code) for code in codes],
            request_id=self._request_id(f"coupons-of-basket-{basket.basket}"),
        )

    def _new_campaign(self, campaign: Campaign) -> coupon_campaigns_pb2.CreateCouponCampaignRequest:
        terms = coupon_campaigns_pb2.CouponTerms(
            amount_off=values_pb2.Money(currency_code=CURRENCY, amount_minor=VALUE_MINOR),
            first_day=_date(campaign.first_day),
            last_day=_date(campaign.last_day),
            unlimited_for_customer=True,
        )
        made = coupon_campaigns_pb2.CouponCampaign(
            display_name=f"Campaign {campaign.number} ({campaign.kind})", terms=terms
        )
        return coupon_campaigns_pb2.CreateCouponCampaignRequest(
            parent=self._program,
            campaign_id=_id(campaign),
            campaign=made,
            request_id=self._request_id(_id(campaign)),
        )


def _id(campaign: Campaign) -> str:
    return f"campaign-{campaign.number}"


def _date(day: date) -> values_pb2.Date:
    return values_pb2.Date(year=day.year, month=day.month, day=day.day)
