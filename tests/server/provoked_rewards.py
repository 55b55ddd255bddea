"""How to come to each refusal of rewards and claims."""

from collections.abc import Awaitable, Callable
from typing import Any

from fealty.v1 import coupon_campaigns_pb2, coupons_pb2, values_pb2
from fealty.v1 import rewards_pb2 as pb
from tests.server.campaigning import SPRING, created
from tests.server.club import ADA, NAME, WHY, Club, money
from tests.server.provoked import EXISTS, INVALID, MISSING, REFUSED, Provoked, at_once
from tests.server.serving import fresh

Refused = Callable[[], Awaitable[Any]]

MUG = f"{NAME}/rewards/mug"
_NEVER = f"{ADA}/claims/claim_{'0' * 26}"
_YESTERDAY = values_pb2.Date(year=2024, month=12, day=31)
_ONCE = coupon_campaigns_pb2.CustomerLimit(period=coupon_campaigns_pb2.LIMIT_PERIOD_EVER, uses=1)


def _archive(club: Club) -> Awaitable[Any]:
    return club.admin.rewards.ArchiveReward(pb.ArchiveRewardRequest(name=MUG, reason=WHY, request_id=fresh()))


async def _made_twice(club: Club) -> Refused:
    await club.reward()
    return club.reward


async def _archived(club: Club) -> Refused:
    await club.reward()
    await club.earn(100)
    await _archive(club)
    return club.claim


async def _archived_twice(club: Club) -> Refused:
    await club.reward()
    await _archive(club)
    return lambda: _archive(club)


async def _over(club: Club) -> Refused:
    await club.earn(100)
    await club.reward(last_day=_YESTERDAY)
    return club.claim


async def _sold_out(club: Club) -> Refused:
    await club.earn(200)
    await club.reward(stock=1)
    await club.claim()
    return club.claim


async def _had_already(club: Club) -> Refused:
    await club.earn(200)
    await club.reward(customer_limits=[_ONCE])
    await club.claim()
    return club.claim


async def _of_another_card(club: Club) -> Refused:
    await club.reward()
    return lambda: club.claim(card="slow")


async def _cancelled_twice(club: Club) -> Refused:
    await club.earn(100)
    await club.reward()
    made = (await club.claim()).claim
    await club.cancel(made)
    return lambda: club.cancel(made)


async def _used(club: Club) -> Refused:
    await club.earn(100)
    await created(club)
    await club.reward(coupon_of=SPRING)
    done = await club.claim()
    order = coupons_pb2.Order(order_id="order-1", amount=money(2_000))
    use = coupons_pb2.CouponUse(code=done.code)
    request = coupons_pb2.RedeemCouponsRequest(customer=ADA, order=order, coupons=[use], request_id=fresh())
    await club.till.coupons.RedeemCoupons(request)
    return lambda: club.cancel(done.claim)


def _cancel_nothing(club: Club) -> Awaitable[Any]:
    return club.cancel(pb.Claim(name=_NEVER, account=f"{ADA}/accounts/plain"))


OF_REWARDS: dict[str, Provoked] = {
    "TERMS_INVALID": Provoked(
        INVALID,
        {"what": "a card has 10 stamps; ask for whole cards"},
        at_once(lambda club: club.reward(card_id="stamps", price_points=15)),
    ),
    "REWARD_NOT_FOUND": Provoked(MISSING, {"program": NAME}, at_once(lambda club: club.claim())),
    "REWARD_EXISTS": Provoked(EXISTS, {"reward": MUG}, _made_twice),
    "REWARD_ARCHIVED": Provoked(REFUSED, {"reward": MUG}, _archived),
    "REWARD_STATE": Provoked(REFUSED, {"reward": MUG, "state": "ARCHIVED"}, _archived_twice),
    "REWARD_NOT_AVAILABLE": Provoked(REFUSED, {"last_day": "2024-12-31"}, _over),
    "REWARD_SOLD_OUT": Provoked(REFUSED, {"stock": "1"}, _sold_out),
    "REWARD_OF_ANOTHER_CARD": Provoked(INVALID, {"card": f"{NAME}/cards/plain", "given": "slow"}, _of_another_card),
    "CUSTOMER_LIMIT_REACHED": Provoked(REFUSED, {"limit": "1", "period": "EVER"}, _had_already),
    "CLAIM_NOT_FOUND": Provoked(MISSING, {}, at_once(_cancel_nothing)),
    "CLAIM_USED": Provoked(REFUSED, {}, _used),
    "CLAIM_STATE": Provoked(REFUSED, {"state": "CANCELLED"}, _cancelled_twice),
}
