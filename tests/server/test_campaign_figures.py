"""How a campaign stands, and its batches."""

from datetime import timedelta

from fealty.v1 import coupon_campaigns_pb2, values_pb2
from fealty.v1 import coupons_pb2 as pb
from tests.server import couponing
from tests.server.campaigning import BENEFITS, created, shared
from tests.server.club import BEN, Club
from tests.server.couponing import batches_of, listed, one_of_each_state, statistics
from tests.server.serving import START, timestamp


async def test_a_campaign_is_counted_by_the_clock(club: Club) -> None:
    """What marketing asks the morning after: how many are out, used, over; and what they gave."""
    names = await one_of_each_state(club)
    used, parted = names[pb.COUPON_STATE_USED_UP], names[pb.COUPON_STATE_PARTIALLY_REDEEMED]
    for amount_minor, currency in ((100, "EUR"), (7, "CZK")):
        couponing.redemption(club, parted, state="ROLLED_BACK", discount_minor=amount_minor, currency_code=currency)
    club.served.execute("UPDATE redemption SET discount_minor = 30, currency_code = 'EUR' WHERE state = 'REDEEMED'")
    found = await statistics(club)
    assert found.as_of_time == timestamp(START)
    counted = (found.issued, found.assigned, found.reserved, found.redeemed, found.expired, found.voided)
    assert counted == (7, 6, 1, 2, 1, 1)
    assert (found.redemptions, found.rolled_back, found.points_given) == (5, 2, 0)
    assert list(found.value_given) == [values_pb2.Money(currency_code="EUR", amount_minor=90)]
    await club.move(days=60)
    later = await statistics(club)
    # All but the voided one and the one that was used up.
    assert (later.expired, later.reserved, later.redeemed) == (5, 0, 2)
    assert used not in [one.name for one in await listed(club, states=[pb.COUPON_STATE_USED_UP])]


async def test_points_and_shared_coupons_are_counted_too(club: Club) -> None:
    """A coupon for many is one coupon; a use of it that was rolled back is none."""
    await created(club, unlimited_for_customer=True, **BENEFITS["points"])
    name = await shared(club)
    couponing.redemption(club, name, state="ROLLED_BACK", points=150)
    assert (await statistics(club)).redeemed == 0
    couponing.redemption(club, name, points=150)
    couponing.redemption(club, name, BEN, points=150)
    found = await statistics(club)
    assert (found.issued, found.redeemed, found.redemptions, found.rolled_back, found.points_given) == (1, 1, 3, 1, 300)
    assert not found.value_given


async def test_batches_are_listed_also_while_they_are_made(club: Club) -> None:
    """Without them an administrator would not know what is on its way; what was given up is not listed."""
    await created(club)
    made = couponing.batch(club, number=1, coupons=10, exported_at=START + timedelta(days=1))
    couponing.batch(club, number=2, published_at=None, discarded_at=START)
    coming = couponing.batch(club, number=3, published_at=None, origin="IMPORTED")
    page = await batches_of(club)
    assert [one.name for one in page.batches] == [coming, made]
    first = page.batches[1]
    assert (first.coupons, first.publish_time, first.create_time) == (10, timestamp(START), timestamp(START))
    assert first.export_time == timestamp(START + timedelta(days=1))
    assert not page.batches[0].HasField("publish_time")
    assert page.batches[0].origin == coupon_campaigns_pb2.COUPON_ORIGIN_IMPORTED
    page = await batches_of(club, page_size=1)
    assert [one.name for one in page.batches] == [coming]
    page = await batches_of(club, page_size=1, page_token=page.next_page_token)
    assert ([one.name for one in page.batches], page.next_page_token) == ([made], "")
