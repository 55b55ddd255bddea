"""Which of several coupons was refused, and how the log finds it: a till has to take one off, and staff to say why."""

import pytest

from fealty.v1 import coupons_pb2 as pb
from rules.coupons.codes import Code
from tests.server.campaigning import created
from tests.server.club import ADA, NAME, WHY, Club, money
from tests.server.couponing import coupon
from tests.server.serving import START, Client, Told, activities, fresh, told
from tests.server.test_guessing import FOREIGN, GOOD, OVER, SPENT, UNKNOWN, VOIDED, lookup, stocked
from tests.server.test_text import taken
from tests.server.test_validating import MISTYPED, OTHER, order, storefront, used, validated

REFUSED = {"unknown": UNKNOWN, "voided": VOIDED, "foreign": FOREIGN, "over": OVER, "spent": SPENT, "mistyped": MISTYPED}


async def redeemed(client: Client, *coupons: str, kind: str = "RedeemCoupons") -> Told:
    """How a use of coupons was refused."""
    request = getattr(pb, f"{kind}Request")(
        customer=ADA, order=order(order_id="web-8"), coupons=map(used, coupons), request_id=fresh()
    )
    return await told(getattr(client.coupons, kind)(request))


def fingerprint(club: Club, code: str) -> str:
    """By what the log names a code."""
    return club.served.app.books.codes.fingerprint(club.served.app.books.codes.seal("club", Code(code)))


@pytest.mark.parametrize("kind", ["RedeemCoupons", "ReserveCoupons"])
@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
async def test_the_refusal_of_one_of_several_says_which_it_is(club: Club, kind: str, code: str) -> None:
    """Else whoever stands at the till can only take all of them off."""
    await stocked(club)
    answer = await redeemed(club.till, GOOD, code, kind=kind)
    known = {"item": "2", "fingerprint": fingerprint(club, code), "last_four": code[-4:]}
    assert known.items() <= answer.facts.items()
    assert answer.message.endswith(f" It is coupon 2 of the request, •••{code[-4:]}.")
    by_app = await redeemed(storefront(club), GOOD, code, kind=kind)
    assert by_app.facts["item"] == "2"
    assert by_app.facts.keys().isdisjoint({"fingerprint", "last_four"})
    alone = await redeemed(club.till, code, kind=kind)
    assert "item" not in alone.facts


async def test_to_a_storefront_the_number_tells_nothing_of_what_is_hidden(club: Club) -> None:
    """Beside one that nobody has, a code that is unknown must be as far off as one that was voided."""
    await stocked(club)
    app = storefront(club)
    for code in (UNKNOWN, FOREIGN, VOIDED, OVER):
        answer = await redeemed(app, code, OTHER)
        assert (answer.reason, answer.facts) == ("COUPON_NOT_USABLE", {"item": "1"})


async def test_one_that_used_up_the_campaign_is_named_too(club: Club) -> None:
    """What the first of an order takes is not there for the second, which nobody sees before."""
    await created(club, amount_off=money(500), uses_max=1)
    names = coupon(club), coupon(club)
    answer = await redeemed(club.till, *names)
    assert (answer.reason, answer.facts["item"], answer.facts["coupon"]) == ("CAMPAIGN_USED_UP", "2", names[1])


async def test_the_log_finds_a_refused_use_by_its_code_its_order_and_its_coupon(club: Club) -> None:
    """The customer stands there with the code and the receipt; nobody knows more."""
    await stocked(club)
    name = coupon(club, voided_at=START)
    await redeemed(storefront(club), VOIDED, name)
    [entry] = await activities(club.admin, parent=ADA, action="coupon.redeemed")
    first, second = (one.fields.fields for one in entry.details["coupons"].list.values)
    assert (first["fingerprint"].text, first["last_four"].text) == (fingerprint(club, VOIDED), VOIDED[-4:])
    assert (second["coupon"].text, entry.details["order"].text) == (name, "web-8")
    assert VOIDED not in str(entry)
    assert await activities(club.admin, parent=ADA, related=[name]) == [entry]
    taken(club)
    for text in (fingerprint(club, VOIDED), f"{VOIDED[-4:]} web-8", name.rpartition("/")[2]):
        assert entry in await activities(club.admin, parent=ADA, text=text)


async def test_a_code_of_a_request_that_breaks_a_rule_is_not_kept(club: Club) -> None:
    """What was not checked may be anything, and the log keeps it for ever."""
    request = pb.RedeemCouponsRequest(customer=ADA, order=pb.Order(order_id="o 1"), coupons=[used(GOOD)])
    assert (await told(club.till.coupons.RedeemCoupons(request))).reason == "INVALID_REQUEST"
    assert (await told(club.till.coupons.LookupCoupon(lookup("!")))).reason == "CODE_MALFORMED"
    malformed, invalid = (await activities(club.admin))[:2]
    assert invalid.details.keys() == {"code", "reason"}
    assert not malformed.details["coupons"].list.values


async def test_failed_validations_leave_entries_as_refused_uses_do(club: Club) -> None:
    """Whoever tries codes asks what they would give, and takes none."""
    await stocked(club)
    app = storefront(club)
    await validated(app, GOOD, SPENT, MISTYPED)
    assert not await activities(club.admin, action="coupon.validated")
    await validated(app, GOOD, FOREIGN, UNKNOWN)
    [entry] = await activities(club.admin, parent=ADA, action="coupon.validated")
    assert (entry.outcome, entry.details["reason"].text) == (4, "COUPON_WRONG_CUSTOMER")
    assert [one.fields.fields["last_four"].text for one in entry.details["coupons"].list.values] == [
        FOREIGN[-4:],
        UNKNOWN[-4:],
    ]
    assert entry.details["order"].text == "o1"


async def test_what_is_done_with_a_coupon_is_found_by_it(club: Club) -> None:
    """Its own entry is only the last one: that it was voided. The others are of the customer's redemptions."""
    await stocked(club)
    await club.till.coupons.RedeemCoupons(
        pb.RedeemCouponsRequest(customer=ADA, order=order(), coupons=[used(GOOD)], request_id=fresh())
    )
    name = (await club.till.coupons.LookupCoupon(lookup(GOOD))).coupon.name
    await club.admin.coupons.VoidCoupon(pb.VoidCouponRequest(name=name, reason=WHY, request_id=fresh()))
    found = await activities(club.admin, parent=NAME, related=[name])
    assert [one.action for one in found] == ["coupon.voided", "coupon.redeemed"]
    for kind, action in (("coupons", "coupon.voided"), ("redemptions", "coupon.redeemed")):
        assert [one.action for one in await activities(club.admin, parent=NAME, subject_kinds=[kind])] == [action]
    for kind in ("couponCampaigns", "batches", "rewards", "claims"):
        await activities(club.admin, parent=NAME, subject_kinds=[kind])
