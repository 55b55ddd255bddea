"""Many at once, over several writers: each limit is reached exactly, and nobody is refused before it is."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from rules.coupons.refusals import (
    CampaignUsedUp,
    CouponUsedUp,
    CustomerLimitReached,
    NoCouponLeft,
    RedemptionStateWrong,
)
from rules.coupons.terms import Benefit, CodeSource, CustomerLimit, Period, Terms
from storage.engine.database import Database
from storage.engine.requests import Answer
from tests.storage.blocking import written
from tests.storage.coupons.till import FIVE_OFF, RedemptionState, Till

WRITERS = 4
NAMES = tuple(f"customer-{number}" for number in range(20))


@pytest.fixture
def till(database: Database) -> Till:
    """Twenty customers."""
    return Till(database, *NAMES)


def at_once(till: Till, commands: list[Any]) -> Counter[type]:
    """The kinds of outcomes of commands that several server processes get at once."""
    parts = [[[command] for command in commands[start::WRITERS]] for start in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as servers:
        answered = list(servers.map(lambda calls: written(till, calls), parts))
    return Counter(type(outcome) for outcomes in answered for [outcome] in outcomes)


def test_of_200_who_redeem_one_code_one_succeeds(till: Till) -> None:
    """The others are told that it was used: no deadlock, nobody who waits in vain, and the counters agree."""
    till.campaign()
    coupon = till.coupon()
    found = at_once(till, [till.redeem(coupon, name=NAMES[number % 20]) for number in range(200)])
    assert found == {Answer: 1, CouponUsedUp: 199}
    assert till.standing_of(coupon) == (1, 0, None, 1, None)
    assert till.redemptions(RedemptionState.REDEEMED) == 1


def test_a_limit_of_the_campaign_is_reached_exactly(till: Till) -> None:
    """By codes of their own, which lock nothing in common but the slots of the stock."""
    till.campaign("few", replace(FIVE_OFF, uses_max=37))
    coupons = [till.coupon("few") for _ in range(100)]
    found = at_once(till, [till.redeem(one, name=NAMES[at % 20]) for at, one in enumerate(coupons)])
    assert found == {Answer: 37, CampaignUsedUp: 63}
    assert till.standing_of(coupons[0]).of_campaign == 37


def test_a_limit_of_a_code_for_many_is_reached_exactly(till: Till) -> None:
    """Its row is locked by nobody, so a thousand customers of one evening do not stand in a line."""
    till.campaign("many", replace(FIVE_OFF, uses_per_code=37, unlimited_for_customer=True))
    shared = till.shared("many")
    found = at_once(till, [till.redeem(shared, name=NAMES[at % 20]) for at in range(100)])
    assert found == {Answer: 37, CouponUsedUp: 63}
    assert till.standing_of(shared).of_code == 37


def test_a_limit_of_a_customer_is_reached_exactly(till: Till) -> None:
    """However many tills one customer stands at."""
    till.campaign("once", replace(FIVE_OFF, customer_limits=(CustomerLimit(Period.EVER, 3),)))
    shared = till.shared("once")
    found = at_once(till, [till.redeem(shared, name=NAMES[at % 2]) for at in range(60)])
    assert found == {Answer: 6, CustomerLimitReached: 54}


def test_a_gift_card_never_gives_more_than_it_has(till: Till) -> None:
    """Ten euros, by eighty who want one: ten get it."""
    till.campaign("gift", Terms(Benefit.BALANCE, amount_minor=1_000, currency_code="EUR"))
    card = till.coupon("gift", initial_minor=1_000, balance_minor=1_000)
    found = at_once(till, [till.redeem(card, name=NAMES[at % 20], amount=100) for at in range(80)])
    assert (found[Answer], till.standing_of(card).balance_minor) == (10, 0)


def test_one_rollback_of_many_gives_back(till: Till) -> None:
    """A use that came back twice would be one that was never made."""
    till.campaign()
    coupon = till.coupon()
    [used] = till.do(till.redeem(coupon, name=NAMES[0])).value.redemptions
    found = at_once(till, [till.give_back(used.id, name=NAMES[0]) for _ in range(40)])
    assert found == {Answer: 1, RedemptionStateWrong: 39}
    assert till.standing_of(coupon) == (0, 0, None, 0, None)


def test_a_pool_gives_each_of_its_coupons_to_one(till: Till) -> None:
    """Nobody shares a coupon, and none is left over while somebody is refused."""
    till.campaign("pool", replace(FIVE_OFF, code_source=CodeSource.POOL))
    for _ in range(30):
        till.coupon("pool", pooled=True)
    found = at_once(till, [till.assign(campaign_id="pool", name=NAMES[at % 20]) for at in range(60)])
    assert found == {Answer: 30, NoCouponLeft: 30}
    [(given,)] = till.rows("SELECT count(*) FROM coupon WHERE customer IS NOT NULL AND NOT pooled")
    assert given == 30


def test_whoever_holds_a_coupon_keeps_only_those_waiting_who_need_it(till: Till) -> None:
    """A purchase of the same moment does not wait for a coupon, and a code for many waits for nobody."""
    till.campaign("many", replace(FIVE_OFF, unlimited_for_customer=True))
    shared, own = till.shared("many"), till.coupon("many")
    with till.another_connection() as other, other.transaction():
        other.execute("SELECT FROM coupon FOR NO KEY UPDATE")
        calls: list[Any] = [[till.redeem(own, name=NAMES[0])], [till.redeem(shared, name=NAMES[1])]]
        calls += [[till.purchase(5, NAMES[2])]]
        with ThreadPoolExecutor(1) as server:
            waiting = server.submit(lambda: written(till, calls[:1]))
            assert [type(one) for [one] in written(till, calls[1:])] == [Answer, Answer]
            other.execute("ROLLBACK")
            [[outcome]] = waiting.result()
    assert isinstance(outcome, Answer)
