"""Redemptions as they are read: with what they gave, and in the state that time put them in."""

from fealty.v1 import coupons_pb2 as pb
from tests.server import couponing
from tests.server.campaigning import BENEFITS, SPRING, created, shared
from tests.server.club import ADA, BEN, Club, account, money
from tests.server.couponing import SOON, get, redemptions, statistics
from tests.server.serving import START, fresh, timestamp, told


async def test_a_redemption_is_shown_with_what_it_gave(club: Club) -> None:
    """By itself, to its customer and in the lists; its version says which terms decided."""
    await created(club)
    coupon = couponing.coupon(club, customer=ADA)
    lines = [[1, 150], [3, 50]]
    name = couponing.redemption(club, coupon, discount_minor=200, currency_code="EUR", lines=lines, order_id="till-71")
    request = pb.GetRedemptionRequest(name=name)
    found = (await club.till.coupons.GetRedemption(request)).redemption
    assert (found.name, found.coupon, found.campaign, found.customer) == (name, coupon, SPRING, ADA)
    assert (found.state, found.campaign_version, found.order_id) == (pb.REDEMPTION_STATE_REDEEMED, 1, "till-71")
    assert found.discount == money(200)
    assert [(line.line, line.amount_minor) for line in found.lines] == [(1, 150), (3, 50)]
    assert (found.create_time, found.redeem_time) == (timestamp(START), timestamp(START))
    assert {field.name for field, _ in found.ListFields()}.isdisjoint({"expire_time", "end_time", "account", "points"})
    for parent in (ADA, coupon):
        assert await redemptions(club, parent) == [found]
    assert not await redemptions(club, BEN)
    request = pb.GetRedemptionRequest(name=name.replace(ADA, BEN))
    assert (await told(club.till.coupons.GetRedemption(request))).reason == "REDEMPTION_NOT_FOUND"


async def test_points_that_were_given_say_to_which_account(club: Club) -> None:
    """Also after its customer was merged: the account is whose it was."""
    await created(club, **BENEFITS["points"])
    await club.earn(1)
    [(number,)] = club.served.rows("SELECT id FROM account WHERE card_id = 'plain' AND version > 0")
    name = couponing.redemption(club, couponing.coupon(club), account=number, points=150)
    found = (await club.till.coupons.GetRedemption(pb.GetRedemptionRequest(name=name))).redemption
    assert (found.account, found.points, found.HasField("discount")) == (account(), 150, False)


async def test_a_reservation_that_nobody_redeemed_has_expired_whoever_looks(club: Club) -> None:
    """In the list of its state too, to the instant."""
    await created(club)
    coupon = couponing.coupon(club)
    name = couponing.redemption(club, coupon, state="RESERVED")
    reserved, expired = pb.REDEMPTION_STATE_RESERVED, pb.REDEMPTION_STATE_EXPIRED
    await club.move(seconds=3599)
    [found] = await redemptions(club, ADA, state=reserved)
    assert (found.name, found.expire_time, found.HasField("end_time")) == (name, timestamp(SOON), False)
    await club.move(seconds=1)
    for parent in (ADA, coupon):
        assert not await redemptions(club, parent, state=reserved)
        [found] = await redemptions(club, parent, state=expired)
        assert (found.state, found.end_time) == (expired, timestamp(SOON))


async def test_redemptions_are_listed_newest_first_and_by_order(club: Club) -> None:
    """Support asks what an order used; a till asks what a customer did last."""
    await created(club, unlimited_for_customer=True)
    coupon = await shared(club)
    made = [couponing.redemption(club, coupon, order_id=f"o{number % 2}") for number in range(4)]
    couponing.redemption(club, coupon, BEN, order_id="o1")
    for size in (1, 2, 4, 9):
        assert [one.name for one in await redemptions(club, ADA, page_size=size)] == made[::-1]
        found = await redemptions(club, ADA, order_id="o1", page_size=size)
        assert [one.name for one in found] == [made[3], made[1]]
    assert len(await redemptions(club, coupon, order_id="o1")) == 3
    assert not await redemptions(club, coupon, order_id="o1", state=pb.REDEMPTION_STATE_ROLLED_BACK)


async def test_what_an_act_answers_is_what_reads_show(club: Club) -> None:
    """Of a code for many and of one of its own; whoever looks a redemption up sees what the till was told."""
    await created(club, unlimited_for_customer=True, **BENEFITS["amount_off"])
    names = [await shared(club), couponing.coupon(club)]
    uses = [pb.CouponUse(name=name) for name in names]
    order = pb.Order(order_id="till-71", amount=money(5000))
    request = pb.ReserveCouponsRequest(customer=ADA, order=order, coupons=uses, request_id=fresh())
    reserved = await club.till.coupons.ReserveCoupons(request)
    for answered in reserved.redemptions:
        read = await club.till.coupons.GetRedemption(pb.GetRedemptionRequest(name=answered.name))
        assert read.redemption == answered
    assert [(one.uses, one.reserved) for one in [await get(club, name) for name in names]] == [(0, 1), (0, 1)]
    assert (await statistics(club)).reserved == 2
    redeeming = pb.RedeemCouponsRequest(customer=ADA, order=order, coupons=uses, request_id=fresh())
    redeemed = await club.till.coupons.RedeemCoupons(redeeming)
    assert list(redeemed.redemptions) == (await redemptions(club, ADA))[::-1]
    shown = [await get(club, name) for name in names]
    assert [(one.uses, one.reserved) for one in shown] == [(1, 0), (1, 0)]
    assert [one.state for one in shown] == [pb.COUPON_STATE_PARTIALLY_REDEEMED, pb.COUPON_STATE_USED_UP]
    counted = await statistics(club)
    assert (counted.redeemed, counted.redemptions, counted.reserved) == (2, 2, 0)
    assert list(counted.value_given) == [money(1000)]
