"""What somebody who tries codes could learn by other means than the code alone: other faults, names, many at once."""

import asyncio
from typing import Any

import grpc.aio
import pytest

from fealty.v1 import coupon_campaigns_pb2, ingest_pb2
from fealty.v1 import coupons_pb2 as pb
from rules.access import PERMISSIONS, Permission, Role
from rules.coupons.codes import Pattern, make
from rules.limiting import Rule
from server import limits
from tests.server.campaigning import SPRING, created, shared
from tests.server.club import ADA, BEN, NAME, Club
from tests.server.couponing import coupon
from tests.server.serving import START, Client, activities, fresh, told, told_by
from tests.server.test_guessing import (
    FEW,
    FOREIGN,
    GOOD,
    HIDDEN,
    SPENT,
    UNKNOWN,
    VOIDED,
    asked_of_the_books,
    caller,
    is_closed,
    reason_of,
    stocked,
)
from tests.server.test_validating import order, reasons, used, validated

USES = ["ValidateCoupons", "ReserveCoupons", "RedeemCoupons"]
NOWHERE = f"{NAME}/couponCampaigns/nowhere"


@pytest.fixture(autouse=True)
def _few_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test reaches."""
    monkeypatch.setattr(limits, "CODES_OF_CALLER", Rule("coupon_codes", "caller", FEW, 3600))


def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test does not reach."""
    monkeypatch.setattr(limits, "CODES_OF_CALLER", Rule("coupon_codes", "caller", 100, 3600))


async def anybodys(club: Club) -> str:
    """A code for many, ANYBODY2026, after which no check symbols are looked at; the name of its coupon."""
    campaign = await created(club, "any", percent_off={"basis_points": 100}, unlimited_for_customer=True)
    return await shared(club, parent=campaign.name, code="ANYBODY2026")


def request(kind: str, *coupons: str, of: pb.Order | None = None, customer: str = ADA) -> Any:
    """A use of coupons, by their codes or names."""
    uses, of = [used(one) for one in coupons], of or order(order_id=fresh())
    if kind == "ValidateCoupons":
        return pb.ValidateCouponsRequest(customer=customer, order=of, coupons=uses)
    made = pb.RedeemCouponsRequest if kind == "RedeemCoupons" else pb.ReserveCouponsRequest
    return made(customer=customer, order=of, coupons=uses, request_id=fresh())


async def answer(client: Client, kind: str, *coupons: str, **more: Any) -> Any:
    """What a caller is told: why a request was refused, or what is against each coupon of it."""
    try:
        answered = await getattr(client.coupons, kind)(request(kind, *coupons, **more))
    except grpc.aio.AioRpcError as error:
        return told_by(error).reason
    return reasons(answered) if kind == "ValidateCoupons" else "DONE"


@pytest.mark.parametrize("kind", USES)
async def test_an_order_that_contradicts_itself_tells_nothing_of_codes(
    club: Club, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Else whoever guesses would send such an order with each guess, and count for nothing."""
    many(monkeypatch)
    await stocked(club)
    wrong = order(1000, amount=order().amount)
    found = [await answer(caller(club), kind, code, of=wrong) for code in (GOOD, *HIDDEN.values())]
    assert found == ["LINES_EXCEED_AMOUNT"] * 5


@pytest.mark.parametrize("kind", USES)
async def test_a_code_that_is_sent_twice_tells_nothing_of_itself(
    club: Club, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It is seen before anything is looked up, however it was typed."""
    many(monkeypatch)
    await stocked(club)
    found = [await answer(caller(club), kind, code, f" {code.lower()}") for code in (GOOD, *HIDDEN.values())]
    assert found == ["COUPON_NAMED_TWICE"] * 5


@pytest.mark.parametrize("kind", USES[1:])
async def test_what_is_against_one_coupon_does_not_tell_whether_there_is_another(club: Club, kind: str) -> None:
    """One's own used-up coupon beside a guess was a probe that counted for nothing; so was one's own, sent twice."""
    await stocked(club)
    mine = coupon(club, code="MINE2026", customer=ADA)
    await anybodys(club)
    for code in HIDDEN.values():
        client = caller(club, name=f"spent-{code}")
        found = [await answer(client, kind, SPENT, code), await answer(client, kind, mine, "MINE2026", code)]
        assert found == ["COUPON_NOT_USABLE"] * 2
        await answer(client, kind, SPENT, code)
        assert await is_closed(client)


async def test_a_coupon_that_is_named_twice_is_told_where_it_may_be_seen(club: Club) -> None:
    """By name and by code it is found out only once both are known; of another's coupon that would tell the code."""
    await stocked(club)
    mine, hers = coupon(club, code="MINE2026", customer=ADA), coupon(club, code="HERS2026", customer=BEN)
    await anybodys(club)
    client = caller(club)
    answered = await told(validated(client, UNKNOWN, mine, "MINE2026"))
    assert (answered.reason, answered.facts) == ("COUPON_NAMED_TWICE", {"item": "3"})
    assert await answer(client, "ValidateCoupons", hers, "HERS2026") == [["COUPON_NOT_USABLE"]] * 2


async def test_a_hidden_coupon_of_a_campaign_that_is_used_up_costs_what_an_unknown_code_does(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is left, ended reservations are looked for: of one that nobody may know of, time would tell."""
    many(monkeypatch)
    await created(club, amount_off={"currency_code": "EUR", "amount_minor": 500}, uses_max=1)
    coupon(club, code=FOREIGN, customer=BEN)
    coupon(club, code=VOIDED, voided_at=START)
    club.served.execute("UPDATE stock_slot SET taken = capacity")
    client, costs = caller(club), []
    await answer(client, "RedeemCoupons", UNKNOWN)
    for code in (UNKNOWN, FOREIGN, VOIDED):
        with asked_of_the_books(monkeypatch) as sent:
            assert await answer(client, "RedeemCoupons", code) == "COUPON_NOT_USABLE"
        costs.append(sent)
    assert costs == [costs[0]] * 3


async def test_a_storefront_cannot_look_around_in_a_campaign(club: Club) -> None:
    """The names of all its coupons are as good as their codes, and a list of those that are used, voided or somebody's
    tells which guesses would hit. The same is answered where there is nothing."""
    await stocked(club)
    client, name = caller(club), coupon(club)
    for parent in (SPRING, NOWHERE):
        for asked in (
            client.coupons.ListCoupons(pb.ListCouponsRequest(parent=parent)),
            client.coupons.ListRedemptions(pb.ListRedemptionsRequest(parent=name.replace(SPRING, parent))),
            client.coupon_campaigns.ListCouponBatches(coupon_campaigns_pb2.ListCouponBatchesRequest(parent=parent)),
            client.coupon_campaigns.GetCouponStatistics(coupon_campaigns_pb2.GetCouponStatisticsRequest(name=parent)),
        ):
            refused = await told(asked)
            assert (refused.reason, refused.facts["permission"]) == ("PERMISSION_MISSING", "COUPONS_INSPECT")
    # A coupon that nobody has is as one that there is not.
    unseen = [await told(client.coupons.GetCoupon(pb.GetCouponRequest(name=one))) for one in (name, f"{name[:-1]}0")]
    assert [one.reason for one in unseen] == ["COUPON_NOT_FOUND"] * 2
    assert len({one.message for one in unseen}) == 1
    # What a customer has is shown to whoever shows it to them, and all of it to who may look up.
    mine = coupon(club, customer=ADA)
    assert [one.name for one in (await client.coupons.ListCoupons(pb.ListCouponsRequest(parent=ADA))).coupons] == [mine]
    assert (await client.coupons.GetCoupon(pb.GetCouponRequest(name=mine))).coupon.name == mine
    assert (await client.coupons.ListRedemptions(pb.ListRedemptionsRequest(parent=ADA))).redemptions == []
    assert (await club.till.coupons.GetCoupon(pb.GetCouponRequest(name=name))).coupon.name == name


@pytest.mark.parametrize("kind", USES)
async def test_a_storefront_uses_by_their_names_the_customers_own_coupons_and_no_others(club: Club, kind: str) -> None:
    """Nobody's coupon needs its code. A name that is not the customer's counts as a code that is not there would."""
    await stocked(club)
    client, mine = caller(club), coupon(club, customer=ADA)
    nobodys, hers, many_ = coupon(club), coupon(club, customer=BEN), await anybodys(club)
    refused = [["COUPON_NOT_USABLE"]] if kind == "ValidateCoupons" else "COUPON_NOT_USABLE"
    assert await answer(client, kind, mine) == ([[]] if kind == "ValidateCoupons" else "DONE")
    assert [await answer(client, kind, name) for name in (nobodys, hers, many_)] == [refused] * 3
    assert await answer(client, kind, mine) == "TOO_MANY_ATTEMPTS"
    # Who may look up uses them as ever.
    assert await answer(club.till, kind, nobodys) == ([[]] if kind == "ValidateCoupons" else "DONE")


async def test_nobodys_coupon_is_given_by_its_name_only_by_who_may_look_it_up(club: Club) -> None:
    """No role gives coupons and may not look them up; whoever makes one later must not open this."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(PERMISSIONS, Role.SERVICE, PERMISSIONS[Role.SERVICE] - {Permission.COUPONS_INSPECT})
        await stocked(club)
        given = pb.AssignCouponRequest(customer=ADA, coupon=coupon(club), request_id=fresh())
        for _ in range(2):
            assert (await told(club.till.coupons.AssignCoupon(given))).reason == "COUPON_NOT_USABLE"
    assert [one.outcome for one in await activities(club.admin, parent=ADA, action="coupon.assigned")]


def tried(codes: list[str]) -> pb.ValidateCouponsRequest:
    """As many codes as one call takes."""
    return pb.ValidateCouponsRequest(customer=ADA, order=order(), coupons=[used(code) for code in codes])


async def test_many_guesses_at_once_are_heard_no_more_than_one_after_the_other(club: Club) -> None:
    """What is looked up while nothing has failed yet would be as many as fit into the time that it takes."""
    await stocked(club)
    client, codes = caller(club), make(Pattern(), 600)
    calls = [tried(codes[at : at + 20]) for at in range(0, len(codes), 20)]
    answers = await asyncio.gather(*map(client.coupons.ValidateCoupons, calls), return_exceptions=True)
    heard = [one for one in answers if isinstance(one, pb.ValidateCouponsResponse)]
    refused = [told_by(one).reason for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    # A call is heard whole.
    assert (len(heard), set(refused), len(refused)) == (1, {"TOO_MANY_ATTEMPTS"}, 29)


async def test_good_codes_at_once_are_all_heard(club: Club) -> None:
    """Also many more than may fail: what is in hand makes others wait, and refuses nobody."""
    await stocked(club)
    client = caller(club)
    answers = await asyncio.gather(*(validated(client, GOOD, SPENT) for _ in range(20 * FEW)))
    assert [reasons(one) for one in answers] == [[[], ["COUPON_USED_UP"]]] * 20 * FEW
    assert not await is_closed(client)


async def test_messages_of_a_stream_wait_for_what_the_codes_before_them_come_to(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream is read ahead: by the time that the first failed, all guesses of the next messages were on their way."""
    monkeypatch.setattr(limits, "CODES_OF_BACKEND", Rule("coupon_codes", "caller", FEW, 3600))
    await stocked(club)
    client = caller(club, role=Role.SERVICE)

    async def answered(codes: list[str]) -> list[str]:
        items = [ingest_pb2.Item(redeem_coupons=request("RedeemCoupons", code)) for code in codes]
        sent = [ingest_pb2.BatchIngestRequest(items=items[at : at + 2]) for at in range(0, len(items), 2)]
        answers = [answer async for answer in client.ingest.BatchIngest(iter(sent))]
        refused = [result.refused for answer in answers for result in answer.results if result.HasField("refused")]
        return [reason_of(status) for status in refused]

    goods = make(Pattern(), 4 * FEW)
    for good in goods:
        coupon(club, code=good)
    assert await answered(goods) == []
    assert await answered(make(Pattern(), 12)) == ["COUPON_NOT_FOUND"] * 4 + ["TOO_MANY_ATTEMPTS"] * 8


async def test_who_is_gone_keeps_nobody_waiting(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that gives up leaves nothing in hand, whether its codes were being looked up or it was waiting."""
    await stocked(club)
    client, goods = caller(club), make(Pattern(), 20)
    for good in goods:
        coupon(club, code=good)
    calls = [client.coupons.ValidateCoupons(tried(goods)) for _ in range(20)]
    await asyncio.sleep(0.02)
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    async with asyncio.timeout(10):
        assert not await is_closed(client)
