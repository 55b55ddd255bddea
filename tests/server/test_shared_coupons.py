"""Codes for many: made once, within limits, counted by stocks of their own."""

import asyncio

import grpc.aio

from fealty.v1 import activity_pb2, coupon_campaigns_pb2
from tests.server.campaigning import BENEFITS, SPRING, created, shared, updated
from tests.server.club import NAME, Club
from tests.server.serving import activities, fresh, told, told_by

SUCCEEDED = activity_pb2.ACTIVITY_OUTCOME_SUCCEEDED


async def test_a_code_for_many_is_made_once(club: Club) -> None:
    """However it is written the second time, and by whatever campaign of the program; sent again, it is the same."""
    await created(club, unlimited_for_customer=True)
    await created(club, "other", unlimited_for_customer=True)
    request = coupon_campaigns_pb2.CreateSharedCouponRequest(parent=SPRING, code="SUMMER2026", request_id=fresh())
    first = await club.admin.coupon_campaigns.CreateSharedCoupon(request)
    assert (await club.admin.coupon_campaigns.CreateSharedCoupon(request)).coupon == first.coupon
    for parent in (SPRING, f"{NAME}/couponCampaigns/other"):
        assert (await told(shared(club, "summer-2026", parent))).reason == "CODE_EXISTS"
    assert (await told(shared(club, "a-b"))).reason == "CODE_MALFORMED"
    assert "SUMMER" not in str(club.served.rows("SELECT response, content_hash::text FROM request"))
    [recorded] = await activities(club.admin, NAME, action="coupon.shared", outcome=SUCCEEDED)
    assert recorded.subject == first.coupon
    assert "SUMMER" not in str(recorded)


async def test_of_two_that_make_one_code_at_once_the_second_hears_that_it_exists(club: Club) -> None:
    """Neither has seen the other's when it looked: the index refuses the second, which looks again."""
    await created(club, unlimited_for_customer=True)
    other = (await created(club, "other", unlimited_for_customer=True)).name
    for number in range(20):
        both = (shared(club, f"SUMMER{number}", parent) for parent in (SPRING, other))
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        [refused] = [one for one in outcomes if isinstance(one, grpc.aio.AioRpcError)]
        assert told_by(refused).reason == "CODE_EXISTS"
    assert club.served.rows("SELECT count(*) FROM coupon") == [(20,)]


async def test_a_code_for_many_needs_a_limit_for_each(club: Club) -> None:
    """Or somebody who says that none is meant; an update cannot take it away behind its back, nor a gift card have
    one."""
    await created(club)
    assert (await told(shared(club))).reason == "TERMS_INVALID"
    limits = [{"period": coupon_campaigns_pb2.LIMIT_PERIOD_WEEK, "uses": 1}]
    await updated(club, "terms.customer_limits", terms={"customer_limits": limits})
    await shared(club)
    assert (await told(updated(club, "terms.customer_limits", terms={}))).reason == "TERMS_INVALID"
    gift = (await created(club, "gifts", unlimited_for_customer=True, **BENEFITS["balance"])).name
    assert (await told(shared(club, "GIFT2026", gift))).reason == "TERMS_INVALID"


async def test_the_stocks_follow_the_terms(club: Club) -> None:
    """A limit that is raised lets more through, and one that is lowered below what was taken lets none."""

    def capacities() -> list[int | None]:
        return [capacity for (capacity,) in club.served.rows("SELECT capacity FROM stock ORDER BY id")]

    await created(club, unlimited_for_customer=True)
    await shared(club)
    assert capacities() == [None, None]
    await updated(club, "terms.uses_max", "terms.uses_per_code", terms={"uses_max": 100, "uses_per_code": 40})
    assert capacities() == [100, 40]
    await updated(club, "terms.uses_max", terms={"uses_max": 50})
    assert capacities() == [50, 40]
    await updated(club, "terms.uses_max", "terms.uses_per_code", terms={})
    assert capacities() == [None, None]
    await shared(club, "WINTER2026")
    assert capacities() == [None, None, None]
    slots = "SELECT count(*), count(capacity) FROM stock_slot"
    [(made, bounded)] = club.served.rows(slots)
    assert made > 3
    assert bounded == 0


async def test_a_program_knows_whether_all_its_codes_have_a_check_symbol(club: Club) -> None:
    """One that somebody thought of has none; from then on a code that was mistyped must be looked for."""
    await created(club, unlimited_for_customer=True)
    assert not club.served.rows("SELECT FROM unchecked_codes")
    await shared(club)
    await shared(club, "WINTER2026")
    assert club.served.rows(
        "SELECT p.program_id, u.since IS NOT NULL FROM unchecked_codes u JOIN program p ON p.id = u.program"
    ) == [("club", True)]
