"""Coupons as they are read: found by name and by code, listed, and in the state that time put them in."""

from typing import Any

import pytest

from fealty.v1 import coupon_campaigns_pb2
from fealty.v1 import coupons_pb2 as pb
from tests.server import couponing
from tests.server.campaigning import BENEFITS, SPRING, created, day, shared, updated
from tests.server.club import ADA, BEN, NAME, Club
from tests.server.couponing import after, batches_of, get, listed, redemptions, statistics
from tests.server.serving import START, activities, told

CODE = "ABCD-EFGH-JKMN-7F35"


async def test_a_coupon_is_shown_with_all_but_its_code(club: Club) -> None:
    """Its last four symbols are what a person at the counter compares; the code is for its holder."""
    made = await created(club, first_day=day(2025, 1, 2), last_day=day(2025, 1, 31), uses_per_code=3)
    name = couponing.coupon(club, code=CODE, customer=ADA)
    found = await get(club, name)
    assert (found.name, found.campaign, found.customer) == (name, SPRING, ADA)
    assert (found.state, found.type) == (pb.COUPON_STATE_ASSIGNED, pb.COUPON_TYPE_PERCENT_OFF)
    assert (found.masked_code, len(found.fingerprint)) == ("••••7F35", 16)
    assert found.terms == made.terms
    assert (found.uses, found.uses_max, found.reserved, found.shared) == (0, 3, 0, False)
    assert found.origin == coupon_campaigns_pb2.COUPON_ORIGIN_GENERATED
    # The first instant of 2 January and the end of 31 January, in Prague.
    assert found.start_time.ToJsonString() == "2025-01-01T23:00:00Z"
    assert found.expire_time.ToJsonString() == "2025-01-31T23:00:00Z"
    assert found.activity.startswith("activities/")
    assert "ABCDEFGH" not in str(found)


@pytest.mark.parametrize("typed", [CODE, CODE.lower(), "abcd efgh jkmn 7f35", "ABCDEFGHJKMN7F35"])
async def test_a_code_finds_its_coupon_however_it_is_typed(club: Club, typed: str) -> None:
    """In its own program only; and who looks one up leaves the code in no log."""
    await created(club)
    name = couponing.coupon(club, code=CODE)
    request = pb.LookupCouponRequest(parent=NAME, code=typed)
    assert (await club.till.coupons.LookupCoupon(request)).coupon.name == name
    for parent, code, reason in (
        ("programs/coffee", typed, "COUPON_NOT_FOUND"),
        (NAME, "ZZZZZZZ9", "COUPON_NOT_FOUND"),
        (NAME, "???", "CODE_MALFORMED"),
    ):
        answer = await told(club.till.coupons.LookupCoupon(pb.LookupCouponRequest(parent=parent, code=code)))
        assert answer.reason == reason
    assert "ABCDEFGH" not in str(await activities(club.admin)).upper().replace("-", "").replace(" ", "")


async def test_what_is_not_published_is_not_there(club: Club) -> None:
    """Neither by name nor by code nor in any list: whoever guessed one of a million must wait like the others."""
    await created(club)
    couponing.batch(club, number=1)
    couponing.batch(club, number=2, published_at=None)
    seen = couponing.coupon(club, batch=1)
    hidden = couponing.coupon(club, code=CODE, batch=2, customer=ADA)
    assert [found.name for found in await listed(club)] == [seen]
    assert not await listed(club, ADA)
    lookup = pb.LookupCouponRequest(parent=NAME, code=CODE)
    reveal = pb.RevealCodesRequest(parent=NAME, names=[seen, hidden])
    for call in (
        get(club, hidden),
        club.till.coupons.LookupCoupon(lookup),
        club.admin.coupons.RevealCodes(reveal),
        redemptions(club, hidden),
    ):
        assert (await told(call)).reason == "COUPON_NOT_FOUND"
    assert (await statistics(club)).issued == 1


async def test_a_name_that_is_none_is_not_found(club: Club) -> None:
    """Also one of another campaign, and one with letters that no id has."""
    await created(club)
    await created(club, "other")
    name = couponing.coupon(club)
    for wrong in (name.replace("spring", "other"), f"{SPRING}/coupons/coupon_{'z' * 26}", name[:-1] + "u"):
        assert (await told(get(club, wrong))).reason == "COUPON_NOT_FOUND"
        assert (await told(redemptions(club, wrong))).reason == "COUPON_NOT_FOUND"
    for wrong in ("0" * 26, "z" * 26):
        request = pb.GetRedemptionRequest(name=f"{ADA}/redemptions/redemption_{wrong}")
        assert (await told(club.till.coupons.GetRedemption(request))).reason == "REDEMPTION_NOT_FOUND"


async def test_terms_of_today_are_shown_with_coupons_that_are_out(club: Club) -> None:
    """And an end of a coupon's own outlives the campaign's."""
    await created(club, last_day=day(2025, 1, 31))
    kept = couponing.coupon(club, expires_at=after(24 * 90))
    name = couponing.coupon(club)
    await updated(
        club, "terms.last_day", "terms.uses_per_code", terms={"last_day": day(2025, 2, 1), "uses_per_code": 5}
    )
    assert (await get(club, name)).expire_time.ToJsonString() == "2025-02-01T23:00:00Z"
    assert (await get(club, name)).uses_max == 5
    assert (await get(club, kept)).expire_time.ToDatetime() == after(24 * 90).replace(tzinfo=None)


async def test_a_list_is_of_types_and_batches_too(club: Club) -> None:
    """A customer's coupons are of several campaigns; every filter that is set must match."""
    await created(club)
    other = (await created(club, "gifts", **BENEFITS["balance"])).name
    batches = [couponing.batch(club, number=number) for number in (1, 2)]
    first, second = (couponing.coupon(club, batch=number, customer=ADA) for number in (1, 2))
    gift = couponing.coupon(club, other, customer=ADA, initial_minor=5, balance_minor=5)
    couponing.coupon(club, customer=BEN)
    by: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [gift, second, first]),
        ({"types": [pb.COUPON_TYPE_BALANCE]}, [gift]),
        ({"types": [pb.COUPON_TYPE_BALANCE, pb.COUPON_TYPE_PERCENT_OFF]}, [gift, second, first]),
        ({"types": [pb.COUPON_TYPE_POINTS]}, []),
        ({"batch": batches[0]}, [first]),
        ({"batch": batches[1], "types": [pb.COUPON_TYPE_PERCENT_OFF], "states": [pb.COUPON_STATE_ASSIGNED]}, [second]),
        ({"batch": batches[1], "states": [pb.COUPON_STATE_AVAILABLE]}, []),
    ]
    for filtered, wanted in by:
        assert [one.name for one in await listed(club, ADA, **filtered)] == wanted, filtered
        assert [one.name for one in await listed(club, ADA, page_size=1, **filtered)] == wanted, filtered
    assert [one.name for one in await listed(club, SPRING, batch=batches[0])] == [first]
    assert not await listed(club, other, types=[pb.COUPON_TYPE_FREE_ITEM])
    for missing in (f"{other}/batches/1", "programs/coffee/couponCampaigns/spring/batches/1"):
        assert (await told(listed(club, ADA, batch=missing))).reason == "BATCH_NOT_FOUND"


async def test_whose_list_it_is_must_be_known(club: Club) -> None:
    """Of a customer who was merged the answer says into whom."""
    nobody, nothing = f"{NAME}/customers/nobody", f"{NAME}/couponCampaigns/nothing"
    assert (await told(listed(club, nobody))).reason == "CUSTOMER_NOT_FOUND"
    assert (await told(redemptions(club, nobody))).reason == "CUSTOMER_NOT_FOUND"
    assert (await told(listed(club, nothing))).reason == "CAMPAIGN_NOT_FOUND"
    assert (await told(statistics(club, nothing))).reason == "CAMPAIGN_NOT_FOUND"
    assert (await told(batches_of(club, nothing))).reason == "CAMPAIGN_NOT_FOUND"
    await club.merge()
    assert (await told(listed(club, ADA))).reason == "CUSTOMER_MERGED"
    assert (await told(redemptions(club, ADA))).reason == "CUSTOMER_MERGED"


async def test_codes_are_shown_as_people_write_them_and_the_log_says_to_whom(club: Club) -> None:
    """In the groups of the pattern that made them; what was imported as it came. The log keeps fingerprints."""
    await created(club, code_pattern="TEA-####-@", unlimited_for_customer=True)
    couponing.batch(club, number=1)
    couponing.batch(club, number=2, pattern="", origin="IMPORTED")
    shown = {
        couponing.coupon(club, code="ABCDEFGHJKMN7", batch=1): "ABCD-EFGH-JKMN7",
        couponing.coupon(club, code="OLDCODE99", batch=2): "OLDCODE99",
        couponing.coupon(club, code="TEA23457"): "TEA-2345-7",
        await shared(club, "sum-mer 2026"): "SUMMER2026",
    }
    request = pb.RevealCodesRequest(parent=NAME, names=list(shown))
    found = (await club.admin.coupons.RevealCodes(request)).codes
    assert {one.coupon: one.code for one in found} == shown
    assert [one.coupon for one in found] == list(shown)
    [recorded] = await activities(club.admin, NAME, action="code.revealed")
    assert recorded.description == "4 codes of program Coffee club shown in the clear (Administrator admin)."
    prints = [(await get(club, name)).fingerprint for name in shown]
    assert all(one in str(recorded.details) for one in prints)
    assert not any(code.replace("-", "") in str(recorded) for code in shown.values())
    answer = await told(club.till.coupons.RevealCodes(request))
    assert answer.reason == "PERMISSION_MISSING"
    elsewhere = [name.replace(NAME, "programs/coffee") for name in shown]
    for names in (elsewhere, [*shown, elsewhere[0]]):
        request = pb.RevealCodesRequest(parent=NAME, names=names)
        assert (await told(club.admin.coupons.RevealCodes(request))).reason == "COUPON_NOT_FOUND"


async def test_pages_end_where_they_have_looked_at_enough(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of which little matches is short and not the last; all of them together miss nothing."""
    monkeypatch.setattr("storage.coupons.reading.pages.LOOKED_MAX", 3)
    monkeypatch.setattr("storage.coupons.reading.redemptions.LOOKED_MAX", 3)
    await created(club)
    names = [couponing.coupon(club, customer=ADA, voided_at=START if number in (0, 6) else None) for number in range(8)]
    couponing.redemption(club, names[2], state="ROLLED_BACK", ended_at=START)
    for _ in range(4):
        couponing.redemption(club, names[2])
    for parent in (SPRING, ADA):
        request = pb.ListCouponsRequest(parent=parent, states=[pb.COUPON_STATE_VOIDED])
        page = await club.till.coupons.ListCoupons(request)
        assert ([one.name for one in page.coupons], bool(page.next_page_token)) == ([names[6]], True)
        found = await listed(club, parent, states=[pb.COUPON_STATE_VOIDED])
        assert [one.name for one in found] == [names[6], names[0]]
        assert len(await listed(club, parent)) == 8
    for parent in (ADA, names[2]):
        page_of = await club.till.coupons.ListRedemptions(
            pb.ListRedemptionsRequest(parent=parent, state=pb.REDEMPTION_STATE_ROLLED_BACK)
        )
        assert (len(page_of.redemptions), bool(page_of.next_page_token)) == (0, True)
        assert len(await redemptions(club, parent, state=pb.REDEMPTION_STATE_ROLLED_BACK)) == 1
        assert len(await redemptions(club, parent)) == 5
