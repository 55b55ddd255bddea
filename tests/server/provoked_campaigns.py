"""How to come to each refusal of campaigns, and of reads of coupons."""

from collections.abc import Awaitable, Callable
from typing import Any

from fealty.v1 import coupons_pb2
from tests.server import campaigning
from tests.server.campaigning import SPRING
from tests.server.club import ADA, NAME, Club
from tests.server.provoked import EXISTS, INVALID, MISSING, REFUSED, Provoked, at_once

Refused = Callable[[], Awaitable[Any]]
_NEVER = "0" * 26


async def _exists(club: Club) -> Refused:
    await campaigning.created(club)
    return lambda: campaigning.created(club)


async def _archived(club: Club) -> Refused:
    await campaigning.created(club)
    await campaigning.archived(club)
    return lambda: campaigning.updated(club, display_name="May")


async def _archived_twice(club: Club) -> Refused:
    await campaigning.created(club)
    await campaigning.archived(club)
    return lambda: campaigning.archived(club)


async def _code_twice(club: Club) -> Refused:
    await campaigning.created(club, unlimited_for_customer=True)
    await campaigning.shared(club)
    return lambda: campaigning.shared(club, "summer 2026")


async def _malformed(club: Club) -> Refused:
    await campaigning.created(club, unlimited_for_customer=True)
    return lambda: campaigning.shared(club, "a-b")


def _coupon(club: Club) -> Awaitable[Any]:
    return club.till.coupons.GetCoupon(coupons_pb2.GetCouponRequest(name=f"{SPRING}/coupons/coupon_{_NEVER}"))


def _redemption(club: Club) -> Awaitable[Any]:
    name = f"{ADA}/redemptions/redemption_{_NEVER}"
    return club.till.coupons.GetRedemption(coupons_pb2.GetRedemptionRequest(name=name))


OF_CAMPAIGNS: dict[str, Provoked] = {
    "TERMS_INVALID": Provoked(
        INVALID,
        {"what": "unlimited_for_customer and customer_limits contradict each other; keep one of them"},
        at_once(
            lambda club: campaigning.created(
                club, unlimited_for_customer=True, customer_limits=campaigning.FULL["customer_limits"]
            )
        ),
    ),
    "CODE_PATTERN_INVALID": Provoked(
        INVALID,
        {"what": "no symbol is random; write # for each that is"},
        at_once(lambda club: campaigning.created(club, code_pattern="SPRING")),
    ),
    "CAMPAIGN_NOT_FOUND": Provoked(MISSING, {"program": NAME}, at_once(campaigning.read)),
    "CAMPAIGN_EXISTS": Provoked(EXISTS, {"campaign": SPRING}, _exists),
    "CAMPAIGN_ARCHIVED": Provoked(REFUSED, {"campaign": SPRING}, _archived),
    "CAMPAIGN_STATE": Provoked(REFUSED, {"campaign": SPRING, "state": "ARCHIVED"}, _archived_twice),
    "CODE_MALFORMED": Provoked(INVALID, {"shortest": "4", "longest": "40"}, _malformed),
    "CODE_EXISTS": Provoked(EXISTS, {}, _code_twice),
    "COUPON_NOT_FOUND": Provoked(MISSING, {"program": NAME}, at_once(_coupon)),
    "REDEMPTION_NOT_FOUND": Provoked(MISSING, {}, at_once(_redemption)),
}
