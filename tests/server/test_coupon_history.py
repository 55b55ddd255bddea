"""What happens to customers with coupons and rewards stands in their timeline and in their event history; what somebody
does by hand with who did it, as from the platform."""

from typing import Any

from fealty import plain
from fealty.v1 import activity_pb2, customers_pb2
from fealty.v1 import coupons_pb2 as pb
from tests.server.campaigning import created
from tests.server.club import ADA, BEN, WHY, Club, money
from tests.server.couponing import listed, redemptions
from tests.server.recording import timeline
from tests.server.serving import fresh

FIVE_EUROS: dict[str, Any] = {"amount_off": money(500)}


async def assigned(club: Club, customer: str = ADA) -> pb.AssignCouponResponse:
    """A coupon of five euros, made for a customer."""
    campaign = (await created(club, **FIVE_EUROS)).name
    request = pb.AssignCouponRequest(customer=customer, campaign=campaign, request_id=fresh())
    return await club.admin.coupons.AssignCoupon(request)


async def redeemed(club: Club, coupon: str, by_hand: bool = False) -> pb.RedeemCouponsResponse:
    """It is used for an order, by the shop or by somebody at its desk."""
    request = pb.RedeemCouponsRequest(
        customer=ADA, order=_order(), coupons=[pb.CouponUse(name=coupon)], request_id=fresh()
    )
    if by_hand:
        request.reason.CopyFrom(WHY)
    return await club.till.coupons.RedeemCoupons(request)


def _order(order_id: str = "order-7") -> pb.Order:
    return pb.Order(order_id=order_id, amount=money(2_000))


async def _reserved(club: Club, coupon: str) -> pb.ReserveCouponsResponse:
    uses = [pb.CouponUse(name=coupon)]
    request = pb.ReserveCouponsRequest(customer=ADA, order=_order(), coupons=uses, request_id=fresh())
    return await club.till.coupons.ReserveCoupons(request)


async def test_every_step_of_a_coupon_is_in_the_timeline_and_in_the_event_history(club: Club) -> None:
    """Support reads one list: what she was given, what she used, and what was given back to her."""
    coupon = (await assigned(club)).coupon.name
    await _reserved(club, coupon)
    await club.till.coupons.ReleaseCoupons(
        pb.ReleaseCouponsRequest(customer=ADA, order_id="order-7", request_id=fresh())
    )
    [used] = (await redeemed(club, coupon)).redemptions
    await club.till.coupons.RollBackRedemption(
        pb.RollBackRedemptionRequest(name=used.name, reason=WHY, request_id=fresh())
    )
    await club.admin.coupons.VoidCoupon(pb.VoidCouponRequest(name=coupon, reason=WHY, request_id=fresh()))
    steps = ["assigned", "reserved", "released", "redeemed"]
    expected = [*(f"coupon.{step}" for step in steps), "redemption.rolled_back", "coupon.voided"]
    told = [event.event_type for event in reversed(await club.history()) if event.event_type in expected]
    assert told == expected
    recorded = [one for one in reversed(await timeline(club)) if one.action in expected]
    assert [one.action for one in recorded] == expected
    assert all(plain(one.details)["coupon"] == coupon for one in recorded)
    assert all(one.description.endswith(".") for one in recorded)


async def test_a_redemption_is_an_event_with_its_date_and_what_it_was_for(club: Club) -> None:
    """Behind its Details button: which coupon, for which order, how much it took off; the code is nowhere."""
    given = await assigned(club)
    [used] = (await redeemed(club, given.coupon.name)).redemptions
    [event] = await club.history(event_type="coupon.redeemed")
    assert (event.subject, event.points) == (used.name, 0)
    assert event.occur_time == used.redeem_time
    details = plain(event.details)
    assert (details["coupon"], details["order"]) == (given.coupon.name, "order-7")
    assert (details["discount_minor"], details["currency"]) == (500, "EUR")
    assert (details["last_four"], details["fingerprint"]) == (
        given.coupon.masked_code[-4:],
        given.coupon.fingerprint,
    )
    code = given.code.replace("-", "")
    assert code not in str(event).replace("-", "")
    assert not club.served.rows("SELECT FROM activity WHERE strpos(replace(body, '-', ''), %s) > 0", code)


async def test_what_is_redeemed_by_hand_names_who_did_it_and_comes_from_the_platform(club: Club) -> None:
    """The Redeem button: whoever pressed it must be known, and told from what the shop's own systems do."""
    coupon = (await assigned(club)).coupon.name
    await redeemed(club, coupon, by_hand=True)
    [event] = await club.history(event_type="coupon.redeemed")
    assert (event.admin, event.source) == ("u-17", activity_pb2.ACTIVITY_SOURCE_PLATFORM)
    [recorded] = await timeline(club, action="coupon.redeemed")
    details = plain(recorded.details)
    assert (details["admin"], details["reason_code"]) == ("u-17", "GOODWILL")
    assert recorded.source == activity_pb2.ACTIVITY_SOURCE_PLATFORM
    [(note,)] = club.served.rows("SELECT note FROM activity_note")
    assert note == WHY.note


async def test_what_the_shop_redeems_comes_from_its_systems(club: Club) -> None:
    """Else everything would be by hand."""
    await redeemed(club, (await assigned(club)).coupon.name)
    [event] = await club.history(event_type="coupon.redeemed")
    assert (event.admin, event.source) == ("", activity_pb2.ACTIVITY_SOURCE_API)


async def test_the_coupons_of_a_customer_tell_all_that_was_promised(club: Club) -> None:
    """Date added, code, type, value, expiration date, used or not; by what it was added."""
    given = await assigned(club)
    [coupon] = await listed(club, ADA)
    assert (coupon.add_time, coupon.masked_code[-4:]) == (given.coupon.add_time, given.code[-4:])
    assert (coupon.type, coupon.terms.amount_off) == (pb.COUPON_TYPE_AMOUNT_OFF, money(500))
    assert (coupon.state, coupon.uses) == (pb.COUPON_STATE_ASSIGNED, 0)
    assert coupon.activity == given.receipt.activity
    await redeemed(club, coupon.name)
    [coupon] = await listed(club, ADA)
    assert (coupon.state, coupon.uses) == (pb.COUPON_STATE_USED_UP, 1)


async def test_a_claim_of_a_reward_is_logged_as_a_thing_of_its_own(club: Club) -> None:
    """Rewards and stamp cards are things that happen to customers: claimed, and taken back."""
    await club.earn(60)
    claim = (await club.claim((await club.reward()).name)).claim
    await club.cancel(claim)
    acts = ["reward.claimed", "claim.cancelled"]
    recorded = [one for one in reversed(await timeline(club)) if one.action in acts]
    assert [one.action for one in recorded] == acts
    assert all(one.subject == claim.name for one in recorded)
    events = [one for one in reversed(await club.history()) if one.event_type in acts]
    assert [one.points for one in events] == [-60, 60]


async def test_a_merge_counts_coupons_in_its_preview_its_answer_and_its_sentence(club: Club) -> None:
    """Whoever merges two customers sees before it what comes together, and everybody after it."""
    coupon = (await assigned(club)).coupon.name
    await redeemed(club, coupon)
    request = customers_pb2.MergeCustomersRequest(
        name=ADA, into=BEN, reason=WHY, request_id=fresh(), validate_only=True
    )
    preview = (await club.admin.customers.MergeCustomers(request)).merge
    merge = (await club.merge()).merge
    assert preview == merge
    assert (merge.coupons, merge.redemptions, merge.reservations, merge.exceeded_limits) == (1, 1, 0, 0)
    [coupon_of_ben], [used] = await listed(club, BEN), await redemptions(club, BEN)
    assert (coupon_of_ben.name, used.customer, used.name.startswith(BEN)) == (coupon, BEN, True)
    [event, _] = await club.history(BEN, event_type="customer.merged")
    assert "1 coupon, 1 redemption" in event.description


async def test_closing_a_customer_voids_its_coupons_and_lets_go_of_what_it_reserved(club: Club) -> None:
    """Nobody may use them any more, and a list that still offers them would be wrong."""
    coupon = (await assigned(club)).coupon.name
    [waiting] = (await _reserved(club, coupon)).redemptions
    rehearsed = await club.close(validate_only=True)
    closed = await club.close()
    assert (rehearsed.reservations, rehearsed.coupons) == (closed.reservations, closed.coupons) == (1, 1)
    [found] = await listed(club, ADA)
    assert (found.state, found.reserved) == (pb.COUPON_STATE_VOIDED, 0)
    [ended] = await redemptions(club, ADA)
    assert (ended.name, ended.state) == (waiting.name, pb.REDEMPTION_STATE_RELEASED)
    [event] = await club.history(event_type="customer.closed")
    assert "1 reservation of a coupon released and 1 coupon voided" in event.description
