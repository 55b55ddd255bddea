"""ValidateCoupons over the wire: what coupons would give on an order, and all that is against each."""

from typing import Any

import pytest
from grpc import StatusCode

from fealty.v1 import coupons_pb2 as pb
from rules.access import Role
from rules.coupons.codes import Pattern, make
from tests.server.campaigning import SPRING, archived, created, shared
from tests.server.club import ADA, BEN, NAME, Club, money
from tests.server.couponing import coupon, redemption
from tests.server.serving import START, Client, activities, told

# Codes with a right check symbol, the first with one symbol mistyped, and how people type it.
CODE, OTHER = make(Pattern(), 2)
MISTYPED = ("3" if CODE[0] == "2" else "2") + CODE[1:]
TYPED = f"{CODE[:4]}-{CODE[4:8]} {CODE[8:]}".lower()
HIDDEN = ["COUPON_NOT_FOUND", "COUPON_WRONG_CUSTOMER", "COUPON_VOIDED", "COUPON_EXPIRED"]


def order(*amounts: int, order_id: str = "o1", **more: Any) -> pb.Order:
    """An order of lines of these amounts, of products A, B …; of 20.00 without lines where none is given."""
    lines = [
        pb.OrderLine(product_id=chr(65 + n), category="tea", quantity=1, amount_minor=amount)
        for n, amount in enumerate(amounts)
    ]
    return pb.Order(**{"order_id": order_id, "amount": money(sum(amounts) or 2000), "lines": lines, **more})


async def validated(
    client: Client, *coupons: str | pb.CouponUse, of: pb.Order | None = None, customer: str = ADA
) -> pb.ValidateCouponsResponse:
    """What a caller is told of coupons, by their names or codes."""
    uses = [used(one) if isinstance(one, str) else one for one in coupons]
    request = pb.ValidateCouponsRequest(customer=customer, order=of or order(), coupons=uses)
    return await client.coupons.ValidateCoupons(request)


def used(one: str, amount_minor: int = 0) -> pb.CouponUse:
    """A coupon by its name or its code."""
    which = {"name" if one.startswith("programs/") else "code": one}
    return pb.CouponUse(**which, amount_minor=amount_minor)


def reasons(answer: pb.ValidateCouponsResponse) -> list[list[str]]:
    """What is against each."""
    return [[reason.reason for reason in verdict.reasons] for verdict in answer.coupons]


def storefront(club: Club) -> Client:
    """An app that customers use by themselves."""
    return club.served.client(club.served.key("storefront", Role.STOREFRONT, "club"))


async def test_a_coupon_is_told_with_what_it_gives_by_line_and_nothing_is_changed(club: Club) -> None:
    """A till shows the discount before anybody pays; asking twice must come to the same."""
    await created(club, percent_off={"basis_points": 1000}, product_ids=["A", "C"])
    name = coupon(club, code=CODE)
    before = club.served.rows("SELECT * FROM coupon"), club.served.rows("SELECT * FROM redemption")
    answers = [await validated(client, TYPED, of=order(1000, 500, 333)) for client in (club.till, storefront(club))]
    for answer in answers:
        [verdict] = answer.coupons
        assert (answer.valid, verdict.valid, list(verdict.reasons)) == (True, True, [])
        assert (verdict.coupon.name, verdict.discount, answer.discount) == (name, money(133), money(133))
        assert [(line.line, line.amount_minor) for line in verdict.lines] == [(1, 100), (3, 33)]
        assert not verdict.account
        assert not verdict.products_to_check
    assert before == (club.served.rows("SELECT * FROM coupon"), club.served.rows("SELECT * FROM redemption"))


async def test_several_are_judged_together_and_each_has_a_verdict_in_the_order_of_the_request(club: Club) -> None:
    """One that is unknown, mistyped or used up takes nothing from the others: a person typed five codes into a form."""
    await created(club, "first", amount_off=money(500), stacking={"priority": 1})
    await created(club, "then", percent_off={"basis_points": 5000}, stacking={"priority": 2})
    first, then = (coupon(club, f"{NAME}/couponCampaigns/{name}") for name in ("first", "then"))
    spent = coupon(club, f"{NAME}/couponCampaigns/first", uses=1)
    answer = await validated(club.till, then, "!", MISTYPED, first, spent, OTHER)
    found = [[], ["CODE_MALFORMED"], ["CODE_MALFORMED"], [], ["COUPON_USED_UP"], ["COUPON_NOT_FOUND"]]
    assert (answer.valid, reasons(answer)) == (False, found)
    assert [verdict.discount.amount_minor for verdict in answer.coupons] == [750, 0, 0, 500, 0, 0]
    assert answer.discount == money(1250)
    assert "mistyped" in answer.coupons[2].reasons[0].message


async def test_every_reason_is_told_at_once_with_its_facts(club: Club) -> None:
    """A till that mends one thing after the other asks five times."""
    await created(club, amount_off=money(500), minimum_spend=money(2001), stores=["brno"], uses_max=1)
    club.served.execute("UPDATE stock_slot SET taken = capacity")
    name = coupon(club, customer=BEN, voided_at=START, expires_at=START)
    await archived(club)
    answer = await validated(club.till, name, of=order(store="praha"))
    assert reasons(answer) == [
        [
            "COUPON_WRONG_CUSTOMER",
            "COUPON_VOIDED",
            "COUPON_EXPIRED",
            "CAMPAIGN_ARCHIVED",
            "CAMPAIGN_USED_UP",
            "COUPON_NOT_APPLICABLE",
            "MINIMUM_SPEND_MISSED",
        ]
    ]
    [verdict] = answer.coupons
    told_of = {reason.reason: dict(reason.metadata) for reason in verdict.reasons}
    assert told_of["MINIMUM_SPEND_MISSED"] == {"minimum": "2001", "given": "2000"}
    assert told_of["CAMPAIGN_ARCHIVED"] == {"campaign": SPRING}
    assert told_of["COUPON_EXPIRED"] == {"expire_time": START.isoformat()}
    assert (verdict.coupon.name, verdict.coupon.customer) == (name, BEN)


async def test_points_gift_cards_and_shipping_have_words_of_their_own(club: Club) -> None:
    """What is asked for the account of, what is left of the card, and what is no part of the order's amount."""
    await created(club, "points", points={"card_id": "plain", "points": 150})
    await created(club, "cards", balance=money(5000))
    await created(club, "shipping", free_shipping={})
    points, card, shipping = (f"{NAME}/couponCampaigns/{name}" for name in ("points", "cards", "shipping"))
    gift = coupon(club, card, initial_minor=5000, balance_minor=1500)
    answer = await validated(
        club.till, coupon(club, points), used(gift, 1000), coupon(club, shipping), of=order(shipping=money(99))
    )
    given, paid, free = answer.coupons
    assert (given.points, given.account, given.HasField("discount")) == (150, f"{ADA}/accounts/plain", False)
    assert (paid.discount, paid.coupon.balance) == (money(1000), money(1500))
    assert (free.discount, answer.discount) == (money(99), money(1099))
    [beyond] = (await validated(club.till, used(gift, 1501))).coupons
    assert dict(beyond.reasons[0].metadata) == {"asked": "1501", "available": "1500"}


async def test_a_reservation_of_another_order_stands_in_the_way_until_it_ends(club: Club) -> None:
    """It ends by the clock, also where nobody has settled it."""
    await created(club, amount_off=money(500))
    name = coupon(club)
    redemption(club, name, state="RESERVED", discount_minor=500, currency_code="EUR")
    assert reasons(await validated(club.till, name, of=order(order_id="o2"))) == [["COUPON_RESERVED"]]
    assert reasons(await validated(club.till, name)) == [[]]
    await club.move(hours=1)
    assert reasons(await validated(club.till, name, of=order(order_id="o2"))) == [[]]


async def test_limits_count_what_the_customer_used_before(club: Club) -> None:
    """Over all codes of the campaign, and each customer alone."""
    await created(club, amount_off=money(500), customer_limits=[{"period": "LIMIT_PERIOD_DAY", "uses": 1}])
    redemption(club, coupon(club), order_id="o0")
    await shared(club)
    assert reasons(await validated(club.till, "SUMMER2026")) == [["CUSTOMER_LIMIT_REACHED"]]
    assert reasons(await validated(club.till, "SUMMER2026", customer=BEN)) == [[]]
    await club.move(days=1)
    assert reasons(await validated(club.till, "SUMMER2026")) == [[]]


async def hidden(club: Club) -> dict[str, str]:
    """By reason, a code that cannot be used for it."""
    await created(club, amount_off=money(500))
    coupon(club, code="FOREIGN", customer=BEN)
    coupon(club, code="VOIDED", voided_at=START)
    coupon(club, code="EXPIRED", expires_at=START)
    # So that no check symbol is looked at.
    await shared(club, parent=(await created(club, "any", unlimited_for_customer=True)).name)
    return dict(zip(HIDDEN, ["UNKNOWN", "FOREIGN", "VOIDED", "EXPIRED"], strict=True))


async def test_a_storefront_is_told_the_same_of_what_it_may_not_know(club: Club) -> None:
    """Byte for byte, whatever else is against it: else somebody learns which codes exist, and whose they are."""
    codes = await hidden(club)
    answers = [await validated(storefront(club), code, of=order(order_id=code)) for code in codes.values()]
    assert reasons(answers[0]) == [["COUPON_NOT_USABLE"]]
    assert {answer.SerializeToString() for answer in answers} == {answers[0].SerializeToString()}
    assert not answers[0].coupons[0].HasField("coupon")
    for reason, code in codes.items():
        [verdict] = (await validated(club.till, code)).coupons
        assert [one.reason for one in verdict.reasons] == [reason]
        assert verdict.HasField("coupon") == (reason != "COUPON_NOT_FOUND")


@pytest.mark.parametrize(
    ("of", "reason", "facts"),
    [
        (order(1000, amount=money(999)), "LINES_EXCEED_AMOUNT", {"lines": "1000", "amount": "999"}),
        (order(1000, amount=money(1001)), "LINES_EXCEED_AMOUNT", {"lines": "1000", "amount": "1001"}),
        (order(shipping=money(1, "CZK")), "CURRENCY_MISMATCH", {"expected": "EUR", "given": "CZK"}),
    ],
)
async def test_an_order_that_contradicts_itself_is_refused_as_a_whole(
    club: Club, of: pb.Order, reason: str, facts: dict[str, str]
) -> None:
    """There is nothing to judge coupons on, and the caller must hear that it is not the coupon."""
    await created(club, amount_off=money(500))
    answer = await told(validated(club.till, coupon(club), of=of))
    assert (answer.code, answer.reason, answer.facts) == (StatusCode.INVALID_ARGUMENT, reason, facts)


async def test_a_coupon_in_another_currency_is_its_own_fault(club: Club) -> None:
    """The others of the order are judged all the same."""
    await created(club, amount_off=money(500, "CZK"))
    await created(club, "any", percent_off={"basis_points": 100})
    names = coupon(club), coupon(club, f"{NAME}/couponCampaigns/any")
    assert reasons(await validated(club.till, *names)) == [["CURRENCY_MISMATCH"], []]


async def test_a_coupon_that_is_named_twice_is_refused(club: Club) -> None:
    """By its code and by its name it is one use, and whoever sent both may expect two."""
    await created(club, amount_off=money(500))
    name = coupon(club, code=CODE)
    assert (await told(validated(club.till, name, TYPED))).reason == "COUPON_NAMED_TWICE"


async def test_who_cannot_redeem_is_told_so(club: Club) -> None:
    """An answer about the coupon would be wrong for whoever is asked to redeem it a second later."""
    await created(club, amount_off=money(500))
    name = coupon(club)
    assert (await told(validated(club.till, name, customer=f"{NAME}/customers/nobody"))).reason == "CUSTOMER_NOT_FOUND"
    await club.suspend()
    assert (await told(validated(club.till, name))).reason == "CUSTOMER_SUSPENDED"
    stranger = club.served.client(club.served.key("stranger", Role.SERVICE, "coffee"))
    assert (await told(validated(stranger, name))).reason == "PROGRAM_NOT_FOUND"


async def test_coupons_of_another_program_are_not_found(club: Club) -> None:
    """Codes are a program's own."""
    other = "programs/coffee/couponCampaigns/spring/coupons/coupon_01h455vb4pex5vsknk084sn02q"
    assert reasons(await validated(club.till, other)) == [["COUPON_NOT_FOUND"]]


async def test_a_validation_leaves_no_record(club: Club) -> None:
    """Shops ask with every change of a basket: the log is of what happened."""
    await created(club, amount_off=money(500))
    await validated(club.till, coupon(club))
    assert not await activities(club.admin, parent=NAME, action="coupon.validated")
