"""Claims as their callers see them: what was had, what it cost, the code that it gave, and back."""

import asyncio
from typing import Any

from fealty.v1 import coupon_campaigns_pb2, coupons_pb2
from fealty.v1 import rewards_pb2 as pb
from rules.access import Role
from tests.server.campaigning import SPRING, created
from tests.server.club import ADA, BEN, NAME, Club, account, money
from tests.server.serving import activities, fresh, told

MUG = f"{NAME}/rewards/mug"


async def get(club: Club, claim: pb.Claim) -> pb.Claim:
    """A claim as a till reads it."""
    return (await club.till.rewards.GetClaim(pb.GetClaimRequest(name=claim.name))).claim


async def redeem(club: Club, code: str) -> coupons_pb2.RedeemCouponsResponse:
    """The use of a code for an order of ada's."""
    order = coupons_pb2.Order(order_id="order-1", amount=money(2_000))
    use = coupons_pb2.CouponUse(code=code)
    request = coupons_pb2.RedeemCouponsRequest(customer=ADA, order=order, coupons=[use], request_id=fresh())
    return await club.till.coupons.RedeemCoupons(request)


async def test_a_claim_is_read_as_it_was_answered(club: Club) -> None:
    """An app that lost the answer finds all of it again."""
    await club.earn(100)
    await club.reward()
    done = await club.claim(reference="order-7")
    claim = done.claim
    assert (claim.state, claim.reward, claim.reward_version) == (pb.CLAIM_STATE_CLAIMED, MUG, 1)
    assert (claim.account, claim.points, claim.entry) == (account(), 60, done.entry.name)
    assert (done.entry.amount, done.entry.reference, done.balance.spendable) == (-60, "order-7", 40)
    assert (claim.reference, claim.activity, claim.coupon) == ("order-7", done.receipt.activity, "")
    assert not done.HasField("coupon")
    assert await get(club, claim) == claim
    listed = await club.till.rewards.ListClaims(pb.ListClaimsRequest(parent=ADA))
    assert list(listed.claims) == [claim]


async def test_a_cancelled_claim_says_when_and_by_what(club: Club) -> None:
    """And the list tells both kinds apart."""
    await club.earn(200)
    await club.reward()
    kept, gone = (await club.claim()).claim, (await club.claim()).claim
    done = await club.cancel(gone)
    assert (done.claim.state, done.entry.amount, done.balance.spendable) == (pb.CLAIM_STATE_CANCELLED, 60, 140)
    assert (done.claim.activity, done.claim.HasField("cancel_time")) == (done.receipt.activity, True)
    assert await get(club, gone) == done.claim
    for state, found in ((pb.CLAIM_STATE_CLAIMED, kept), (pb.CLAIM_STATE_CANCELLED, done.claim)):
        listed = await club.till.rewards.ListClaims(pb.ListClaimsRequest(parent=ADA, state=state))
        assert list(listed.claims) == [found]


async def test_a_full_card_of_stamps_is_a_reward(club: Club) -> None:
    """Whole cards only; what is over stays on the card. The stamps' rewards are of the catalogue, as all are."""
    await club.reward("coffee", card_id="stamps", price_points=10)
    assert (await club.earn(25, "stamps")).balance.rewards == 2
    claimed = await club.claim(f"{NAME}/rewards/coffee", "stamps")
    assert (claimed.entry.amount, claimed.balance.active, claimed.balance.rewards) == (-10, 15, 1)
    [event] = await club.history(event_type="reward.claimed")
    assert event.description == "Reward Coffee claimed by customer ada: 10 stamps."


async def test_the_code_of_the_coupon_is_answered_and_can_be_used(club: Club) -> None:
    """To whoever claims, also when the answer was lost and is asked for again; and nowhere else."""
    await created(club)
    await club.reward(coupon_of=SPRING)
    await club.earn(100)
    request = pb.ClaimRewardRequest(account=account(), reward=MUG, request_id=fresh())
    first = await club.till.rewards.ClaimReward(request)
    again = await club.till.rewards.ClaimReward(request)
    assert (again.code, again.receipt.replayed) == (first.code, True)
    assert first.claim.coupon == first.coupon.name
    assert first.coupon.name.startswith(f"{SPRING}/coupons/coupon_")
    assert (first.coupon.customer, first.coupon.origin) == (ADA, coupon_campaigns_pb2.COUPON_ORIGIN_REWARD)
    assert first.coupon.masked_code.endswith(first.code.replace("-", "")[-4:])
    assert (await redeem(club, first.code)).discount.amount_minor == 200
    kept = str(club.served.rows("SELECT * FROM request")) + str(club.served.rows("SELECT * FROM activity"))
    assert first.code not in kept
    assert first.code.replace("-", "") not in kept


async def test_a_rehearsal_gives_no_code(club: Club) -> None:
    """It would be one that nobody has."""
    await created(club)
    await club.reward(coupon_of=SPRING)
    await club.earn(100)
    asked = await club.claim(validate_only=True)
    assert (asked.code, asked.balance.spendable) == ("", 40)


async def test_an_app_of_the_shop_claims_and_makes_no_rewards(club: Club) -> None:
    """Who customers use by themselves may take from the catalogue, and not write it."""
    await club.earn(100)
    await club.reward()
    app = club.served.client(club.served.key("app", Role.STOREFRONT))
    request = pb.ClaimRewardRequest(account=account(), reward=MUG, request_id=fresh())
    assert (await app.rewards.ClaimReward(request)).claim.points == 60
    made = pb.CreateRewardRequest(parent=NAME, reward=await _mug(club), request_id=fresh())
    assert (await told(app.rewards.CreateReward(made))).reason == "PERMISSION_MISSING"


async def test_of_two_who_claim_the_last_one_has_it(club: Club) -> None:
    """At the same moment; the other keeps the points, and hears why."""
    for customer in (ADA, BEN):
        await club.earn(100, customer=customer)
    await club.reward(stock=1)
    outcomes = await asyncio.gather(*(club.claim(customer=one) for one in (ADA, BEN)), return_exceptions=True)
    assert sum(isinstance(one, pb.ClaimRewardResponse) for one in outcomes) == 1
    assert {(await club.balance(customer=one)).spendable for one in (ADA, BEN)} == {40, 100}
    found = (await club.till.rewards.GetReward(pb.GetRewardRequest(name=MUG))).reward
    assert found.claimed == 1


async def test_a_claim_in_vain_is_recorded_with_whom_it_was_for(club: Club) -> None:
    """The complaint is about that customer."""
    await club.reward()
    assert (await told(club.claim())).reason == "INSUFFICIENT_POINTS"
    recorded = (await activities(club.admin, parent=ADA))[0]
    assert recorded.description == (
        "Service till tried to claim a reward of customer ada: refused, because there were not enough points."
    )


async def test_what_names_another_program_is_not_understood(club: Club) -> None:
    """A reward and the account that pays for it are of one program; so are a claim and its account."""
    foreign: dict[str, Any] = {"account": "programs/coffee/customers/ada/accounts/plain"}
    assert (await told(club.claim("programs/coffee/rewards/mug"))).fields == ["reward"]
    await club.earn(100)
    await club.reward()
    made = (await club.claim()).claim
    assert (await told(club.cancel(made, **foreign))).fields == ["account"]


async def _mug(club: Club) -> pb.Reward:
    return (await club.till.rewards.GetReward(pb.GetRewardRequest(name=MUG))).reward
