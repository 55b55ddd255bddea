"""The state of a coupon as it is read: derived from its uses and the clock, alike in a filter and in what is shown."""

from datetime import timedelta
from random import Random
from typing import Any

from fealty.v1 import coupon_campaigns_pb2
from fealty.v1 import coupons_pb2 as pb
from rules.coupons.coupons import CouponState
from tests.server import couponing
from tests.server.campaigning import BENEFITS, SPRING, created, day, shared
from tests.server.club import ADA, BEN, Club, money
from tests.server.couponing import SOON, get, listed, one_of_each_state
from tests.server.serving import START


async def test_states_follow_from_uses_and_the_clock(club: Club) -> None:
    """Nobody sets them. The filter of the list, which is asked of the database, finds each coupon in the state that it
    shows."""
    names = await one_of_each_state(club)
    for state, name in names.items():
        assert (await get(club, name)).state == state, pb.CouponState.Name(state)
        for parent in (SPRING, ADA):
            wanted = [] if parent == ADA and not (await get(club, name)).customer else [name]
            assert [one.name for one in await listed(club, parent, states=[state])] == wanted
    assert [one.name for one in await listed(club)] == list(names.values())[::-1]
    await club.move(hours=2)
    reserved = names[pb.COUPON_STATE_RESERVED]
    assert (await get(club, reserved)).state == pb.COUPON_STATE_ASSIGNED, "its reservation ended with the clock"
    await club.move(days=60)
    states = {one.name: one.state for one in await listed(club)}
    voided = names[pb.COUPON_STATE_VOIDED]
    assert states.pop(voided) == pb.COUPON_STATE_VOIDED
    assert set(states.values()) == {pb.COUPON_STATE_EXPIRED}
    assert len(await listed(club, states=[pb.COUPON_STATE_EXPIRED])) == len(states)


async def test_a_gift_card_shows_what_is_left_and_gets_back_what_nobody_took(club: Club) -> None:
    """A reservation takes its part off at once, and gives it back when its time has passed, whoever settles it."""
    await created(club, **BENEFITS["balance"])
    name = couponing.coupon(club, initial_minor=5000, balance_minor=5000)
    couponing.redemption(club, name, discount_minor=1000, currency_code="EUR")
    couponing.redemption(club, name, state="RESERVED", discount_minor=4000, currency_code="EUR")
    found = await get(club, name)
    assert (found.balance, found.initial_balance) == (money(0), money(5000))
    assert (found.state, found.uses, found.uses_max, found.reserved) == (pb.COUPON_STATE_RESERVED, 1, 0, 1)
    await club.move(hours=1)
    found = await get(club, name)
    assert (found.balance, found.state) == (money(4000), pb.COUPON_STATE_PARTIALLY_REDEEMED)
    assert [one.balance for one in await listed(club, states=[found.state])] == [money(4000)]
    club.served.execute("UPDATE redemption SET state = 'REDEEMED' WHERE state = 'RESERVED'")
    assert [one.balance for one in await listed(club, states=[pb.COUPON_STATE_USED_UP])] == [money(0)]


async def test_a_shared_coupon_counts_by_its_stock(club: Club) -> None:
    """Its row is never touched by those who use it; what is reserved in it ends with the clock."""
    await created(
        club, uses_per_code=3, customer_limits=[{"period": coupon_campaigns_pb2.LIMIT_PERIOD_EVER, "uses": 9}]
    )
    name = await shared(club)
    found = await get(club, name)
    assert (found.shared, found.uses, found.uses_max, found.state) == (True, 0, 3, pb.COUPON_STATE_AVAILABLE)
    assert found.origin == coupon_campaigns_pb2.COUPON_ORIGIN_SHARED
    assert found.masked_code == "••••2026"
    couponing.redemption(club, name)
    for customer in (ADA, BEN):
        couponing.redemption(club, name, customer, "RESERVED")
    found = await get(club, name)
    assert (found.uses, found.reserved, found.state) == (1, 2, pb.COUPON_STATE_RESERVED)
    assert [one.name for one in await listed(club, states=[pb.COUPON_STATE_RESERVED])] == [name]
    await club.move(hours=1)
    found = await get(club, name)
    assert (found.uses, found.reserved, found.state) == (1, 0, pb.COUPON_STATE_PARTIALLY_REDEEMED)


async def test_the_filter_and_the_shown_state_agree_on_every_coupon(club: Club) -> None:
    """The database asks and the rules show: each coupon, whatever its figures, is in the list of its state and no
    other."""
    await created(club, uses_per_code=2, last_day=day(2025, 1, 31))
    gifts = (await created(club, "gifts", **BENEFITS["balance"])).name
    random = Random(11)
    ends = (None, None, START, START + timedelta(seconds=1))
    for number in range(60):
        is_gift = number % 2 == 0
        columns: dict[str, Any] = {
            "customer": random.choice(("", ADA)),
            "expires_at": random.choice(ends),
            "voided_at": START if random.random() < 0.1 else None,
        }
        if is_gift:
            columns |= {"initial_minor": 3, "balance_minor": 3}
        name = couponing.coupon(club, gifts if is_gift else SPRING, **columns)
        for _ in range(random.randint(0, 3 if is_gift else 2)):
            became = random.choice(("REDEEMED", "RESERVED", "RELEASED", "ROLLED_BACK"))
            taken: dict[str, Any] = {"discount_minor": 1, "currency_code": "EUR"} if is_gift else {}
            couponing.redemption(club, name, state=became, expires_at=random.choice((START, SOON)), **taken)
    for parent in (SPRING, gifts, ADA):
        shown = {one.name: one.state for one in await listed(club, parent)}
        for state in map(pb.CouponState.Value, (f"COUPON_STATE_{state}" for state in CouponState)):
            found = [one.name for one in await listed(club, parent, states=[state])]
            assert found == [name for name, its in shown.items() if its == state]
        assert len(set(shown.values())) >= 5
