"""Campaigns of the program `club`, and short ways to make and change them."""

from typing import Any

from fealty.v1 import coupon_campaigns_pb2 as pb
from fealty.v1 import values_pb2
from tests.server.club import NAME, WHY, Club, money
from tests.server.serving import fresh

SPRING = f"{NAME}/couponCampaigns/spring"
TEN_PERCENT: dict[str, Any] = {"percent_off": {"basis_points": 1000}}


def create(campaign_id: str = "spring", name: str = "", **terms: Any) -> pb.CreateCouponCampaignRequest:
    """A campaign; of ten percent where nothing else is said."""
    benefits = pb.CouponTerms.DESCRIPTOR.oneofs_by_name["benefit"].fields
    given = terms if any(field.name in terms for field in benefits) else {**TEN_PERCENT, **terms}
    campaign = pb.CouponCampaign(display_name=name, terms=pb.CouponTerms(**given))
    return pb.CreateCouponCampaignRequest(parent=NAME, campaign_id=campaign_id, campaign=campaign, request_id=fresh())


async def created(club: Club, campaign_id: str = "spring", **more: Any) -> pb.CouponCampaign:
    """The same, made."""
    return (await club.admin.coupon_campaigns.CreateCouponCampaign(create(campaign_id, **more))).campaign


async def there(club: Club, campaign_id: str = "spring", **more: Any) -> pb.CouponCampaign:
    """The same, made where it is not there yet."""
    found = await club.admin.coupon_campaigns.ListCouponCampaigns(pb.ListCouponCampaignsRequest(parent=NAME))
    name = f"{NAME}/couponCampaigns/{campaign_id}"
    for campaign in found.campaigns:
        if campaign.name == name:
            return campaign
    return await created(club, campaign_id, **more)


async def updated(club: Club, *mask: str, **campaign: Any) -> pb.UpdateCouponCampaignResponse:
    """An update of `spring`."""
    changed = pb.CouponCampaign(**{"name": SPRING, **campaign})
    request = pb.UpdateCouponCampaignRequest(
        campaign=changed, update_mask={"paths": mask} if mask else None, request_id=fresh()
    )
    return await club.admin.coupon_campaigns.UpdateCouponCampaign(request)


async def archived(club: Club, name: str = SPRING, **more: Any) -> pb.CouponCampaign:
    """A campaign, archived."""
    request = pb.ArchiveCouponCampaignRequest(name=name, reason=WHY, request_id=fresh(), **more)
    return (await club.admin.coupon_campaigns.ArchiveCouponCampaign(request)).campaign


async def unarchived(club: Club, name: str = SPRING, **more: Any) -> pb.CouponCampaign:
    """A campaign, active again."""
    request = pb.UnarchiveCouponCampaignRequest(name=name, reason=WHY, request_id=fresh(), **more)
    return (await club.admin.coupon_campaigns.UnarchiveCouponCampaign(request)).campaign


async def shared(club: Club, code: str = "SUMMER2026", parent: str = SPRING, **more: Any) -> str:
    """The name of a new coupon for many."""
    request = pb.CreateSharedCouponRequest(parent=parent, code=code, request_id=fresh(), **more)
    return (await club.admin.coupon_campaigns.CreateSharedCoupon(request)).coupon


async def read(club: Club, name: str = SPRING, version: int = 0) -> pb.CouponCampaign:
    """A campaign as a till reads it."""
    request = pb.GetCouponCampaignRequest(name=name, version=version)
    return (await club.till.coupon_campaigns.GetCouponCampaign(request)).campaign


def day(year: int, month: int, day: int) -> values_pb2.Date:
    """A day."""
    return values_pb2.Date(year=year, month=month, day=day)


# All that terms can say at once, but for benefits, of which there is one.
FULL: dict[str, Any] = {
    "first_day": day(2025, 1, 2),
    "last_day": day(2025, 3, 31),
    "days_from_assignment": 30,
    "uses_per_code": 2,
    "customer_limits": [
        {"period": pb.LIMIT_PERIOD_DAY, "uses": 1},
        {"period": pb.LIMIT_PERIOD_EVER, "uses": 5},
    ],
    "uses_max": 100,
    "minimum_spend": money(2000),
    "product_ids": ["mug", "cup"],
    "categories": ["tea"],
    "stores": ["prague-1"],
    "stacking": {"priority": 3, "group": "seasonal"},
    "give_back": pb.GIVE_BACK_WHOLE,
    "code_source": pb.CODE_SOURCE_POOL,
    "code_pattern": "TEA-####-####@",
}
BENEFITS: dict[str, dict[str, Any]] = {
    "amount_off": {"amount_off": money(500)},
    "percent_off": {"percent_off": {"basis_points": 1250, "discount_max": money(900)}},
    "free_item": {"free_item": {"quantity": 2}},
    "points": {"points": {"card_id": "plain", "points": 150}},
    "free_shipping": {"free_shipping": {}},
    "balance": {"balance": money(5000)},
}
