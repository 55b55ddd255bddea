"""How to come to each refusal of a coupon that is to be used, of one step too many."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from fealty.v1 import coupons_pb2 as pb
from tests.server import couponing
from tests.server.campaigning import SPRING, created, day
from tests.server.club import ADA, BEN, NAME, WHY, Club, money
from tests.server.provoked import INVALID, REFUSED, Provoked
from tests.server.serving import START, fresh
from tests.server.test_validating import order, used

Ask = Callable[[Club], Awaitable[Callable[[], Awaitable[Any]]]]
TOMORROW = START + timedelta(days=1)
LINES = order(1000, 500)


def redeem(club: Club, *names: str, of: pb.Order | None = None, amount_minor: int = 0, **more: Any) -> Awaitable[Any]:
    """Coupons of ada's, used for an order of 20.00."""
    uses = [used(name, amount_minor) for name in names]
    request = pb.RedeemCouponsRequest(customer=ADA, order=of or order(), coupons=uses, request_id=fresh(), **more)
    return club.till.coupons.RedeemCoupons(request)


def _redeeming(coupon: dict[str, Any] | None = None, **how: Any) -> Ask:
    """A coupon in such a state, of a campaign of 5.00 off or of such terms, redeemed."""
    asked = {name: how.pop(name) for name in ("of", "amount_minor") if name in how}

    async def ask(club: Club) -> Callable[[], Awaitable[Any]]:
        await created(club, **(how or {"amount_off": money(500)}))
        name = couponing.coupon(club, **(coupon or {}))
        return lambda: redeem(club, name, **asked)

    return ask


def _after(first: Callable[[Club, str], Any], **terms: Any) -> Ask:
    """Another coupon of the campaign, after something was done with the first."""

    async def ask(club: Club) -> Callable[[], Awaitable[Any]]:
        await created(club, amount_off=money(500), **terms)
        await first(club, couponing.coupon(club))
        other = couponing.coupon(club)
        return lambda: redeem(club, other, of=order(order_id="o2"))

    return ask


async def _twice(club: Club) -> Callable[[], Awaitable[Any]]:
    await created(club, amount_off=money(500))
    name = couponing.coupon(club)
    return lambda: redeem(club, name, name)


async def _reserved(club: Club) -> Callable[[], Awaitable[Any]]:
    await created(club, amount_off=money(500))
    name = couponing.coupon(club)
    couponing.redemption(club, name, customer=BEN, state="RESERVED", expires_at=TOMORROW)
    return lambda: redeem(club, name, of=order(order_id="o2"))


async def _together(club: Club) -> Callable[[], Awaitable[Any]]:
    await created(club, amount_off=money(500), stacking={"group": "seasonal"})
    names = couponing.coupon(club), couponing.coupon(club)
    return lambda: redeem(club, *names)


async def _assigned(club: Club) -> Callable[[], Awaitable[Any]]:
    await created(club, amount_off=money(500))
    name = couponing.coupon(club, customer=BEN)
    request = pb.AssignCouponRequest(customer=ADA, coupon=name, request_id=fresh())
    return lambda: club.till.coupons.AssignCoupon(request)


async def _none_left(club: Club) -> Callable[[], Awaitable[Any]]:
    await created(club, amount_off=money(500), code_source="CODE_SOURCE_POOL")
    request = pb.AssignCouponRequest(customer=ADA, campaign=SPRING, request_id=fresh())
    return lambda: club.till.coupons.AssignCoupon(request)


async def _released(club: Club) -> Callable[[], Awaitable[Any]]:
    await created(club, amount_off=money(500))
    name = couponing.redemption(club, couponing.coupon(club), state="RELEASED")
    request = pb.RollBackRedemptionRequest(name=name, reason=WHY, request_id=fresh())
    return lambda: club.till.coupons.RollBackRedemption(request)


OF_COUPONS: dict[str, Provoked] = {
    "COUPON_NAMED_TWICE": Provoked(INVALID, {"item": "2"}, _twice),
    "COUPON_NOT_STARTED": Provoked(
        REFUSED, {"start_time": "2025-01-01T23:00:00+00:00"}, _redeeming(amount_off=money(1), first_day=day(2025, 1, 2))
    ),
    "COUPON_EXPIRED": Provoked(
        REFUSED,
        {"expire_time": "2024-12-31T23:00:00+00:00"},
        _redeeming(amount_off=money(1), last_day=day(2024, 12, 31)),
    ),
    "COUPON_USED_UP": Provoked(REFUSED, {"limit": "1"}, _redeeming({"uses": 1})),
    "COUPON_VOIDED": Provoked(REFUSED, {}, _redeeming({"voided_at": START})),
    "COUPON_RESERVED": Provoked(REFUSED, {"expire_time": TOMORROW.isoformat()}, _reserved),
    "COUPON_WRONG_CUSTOMER": Provoked(REFUSED, {}, _redeeming({"customer": BEN})),
    "COUPON_NOT_STACKABLE": Provoked(
        REFUSED, {"what": "of the group seasonal an order takes one", "item": "2"}, _together
    ),
    "COUPON_NOT_APPLICABLE": Provoked(
        REFUSED,
        {"what": "no line is of the products or categories that it is for"},
        _redeeming(amount_off=money(1), product_ids=["C"], of=LINES),
    ),
    "COUPON_ACCOUNT_NEEDED": Provoked(
        REFUSED, {"card": f"{NAME}/cards/plain"}, _redeeming(points={"card_id": "plain", "points": 150})
    ),
    "COUPON_ASSIGNED": Provoked(REFUSED, {}, _assigned),
    "CUSTOMER_LIMIT_REACHED": Provoked(
        REFUSED,
        {"limit": "1", "period": "WEEK"},
        _after(redeem, customer_limits=[{"period": "LIMIT_PERIOD_WEEK", "uses": 1}]),
    ),
    "CAMPAIGN_USED_UP": Provoked(REFUSED, {"limit": "1"}, _after(redeem, uses_max=1)),
    "MINIMUM_SPEND_MISSED": Provoked(
        REFUSED,
        {"minimum": "1001", "given": "1000"},
        _redeeming(amount_off=money(1), product_ids=["A"], minimum_spend=money(1001), of=LINES),
    ),
    "BALANCE_EXCEEDED": Provoked(
        REFUSED,
        {"asked": "1501", "available": "1500"},
        _redeeming({"initial_minor": 2000, "balance_minor": 1500}, balance=money(2000), amount_minor=1501),
    ),
    "NO_COUPON_LEFT": Provoked(REFUSED, {"campaign": SPRING}, _none_left),
    "REDEMPTION_STATE": Provoked(REFUSED, {"state": "RELEASED"}, _released),
}
