"""Coupons of the program `club` in use: short ways to ask for what is done with them."""

from typing import Any

from fealty.v1 import coupons_pb2 as pb
from tests.server import campaigning, couponing
from tests.server.club import ADA, WHY, Club, account, money
from tests.server.serving import fresh

CODE = "spring-7f3k-25"
FIVE_OFF: dict[str, Any] = {"amount_off": money(500)}
ORDER = pb.Order(order_id="o1", amount=money(2000))
# Of a redemption, which gets an id of its own.
REDEMPTION = f"{ADA}/redemptions/MADE"


async def coupon(club: Club, code: str = CODE, customer: str = "", **terms: Any) -> str:
    """The name of a coupon of five euros off that is there, of a new campaign."""
    await campaigning.created(club, **(terms or FIVE_OFF))
    return couponing.coupon(club, code=code, customer=customer)


def use(code: str = CODE) -> list[pb.CouponUse]:
    """A code, typed as people do."""
    return [pb.CouponUse(code=code)]


def redeem(**more: Any) -> pb.RedeemCouponsRequest:
    """A request to redeem the code for an order of ada's."""
    return pb.RedeemCouponsRequest(**{"customer": ADA, "order": ORDER, "coupons": use(), "request_id": fresh(), **more})


def reserve(**more: Any) -> pb.ReserveCouponsRequest:
    """A request to reserve it."""
    return pb.ReserveCouponsRequest(
        **{"customer": ADA, "order": ORDER, "coupons": use(), "request_id": fresh(), **more}
    )


async def ask_assign(club: Club) -> Any:
    """A request for an act, by which the coupon becomes ada's."""
    await coupon(club)
    return pb.AssignCouponRequest(customer=ADA, code=CODE, reason=WHY)


async def ask_reserve(club: Club) -> Any:
    """A request for an act, by which it is set aside."""
    await coupon(club)
    return reserve(ttl_s=600)


async def ask_release(club: Club) -> Any:
    """A request for an act, by which it is let go of."""
    await club.till.coupons.ReserveCoupons(await ask_reserve(club))
    return pb.ReleaseCouponsRequest(customer=ADA, order_id="o1", reason=WHY)


async def ask_redeem(club: Club) -> Any:
    """A request for an act, by which it is redeemed, and thirty points are spent."""
    await coupon(club)
    await club.earn(100)
    return redeem(account=account(), spend_points=30, reason=WHY)


async def ask_roll_back(club: Club) -> Any:
    """A request for an act, by which its use is given back."""
    done = await club.till.coupons.RedeemCoupons(await ask_redeem(club))
    return pb.RollBackRedemptionRequest(name=done.redemptions[0].name, reason=WHY)


async def ask_void(club: Club) -> Any:
    """A request for an act, by which a coupon of ada's ends."""
    return pb.VoidCouponRequest(name=await coupon(club, customer=ADA), reason=WHY)
