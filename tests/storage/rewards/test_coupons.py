"""Rewards that give coupons: the points, the piece and the coupon in one transaction, and back."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from rules.coupons.coupons import Origin
from rules.coupons.refusals import (
    CampaignArchived,
    CampaignNotFound,
    ClaimUsed,
    CouponExpired,
    CouponVoided,
    NoCouponLeft,
    TermsInvalid,
)
from rules.coupons.terms import Benefit, CodeSource, Terms
from storage.coupons import nouns
from storage.coupons.campaigns import ArchiveCampaign
from storage.engine.database import Database
from storage.engine.requests import Answer
from storage.rewards.acts import RewardClaimed
from tests.storage.blocking import written
from tests.storage.coupons.till import FIVE_OFF, Till
from tests.storage.scene import START, asked

DAY = timedelta(days=1)
POOLED = replace(FIVE_OFF, code_source=CodeSource.POOL)


@pytest.fixture
def till(database: Database) -> Till:
    """Two customers with 200 points each."""
    made = Till(database)
    for name in ("ada", "ben"):
        made.earn(200, name)
    return made


def offered(till: Till, terms: Terms = FIVE_OFF, price: int = 60) -> None:
    """A reward that gives a coupon of the campaign `spring`."""
    till.campaign(terms=terms)
    till.offer(price=price, campaign_id="spring")


def claimed(till: Till, name: str = "ada") -> RewardClaimed:
    """A claim that was made."""
    value = till.do(till.claim(name=name)).value
    assert isinstance(value, RewardClaimed)
    return value


def key_of(done: RewardClaimed) -> nouns.CouponKey:
    """The key of the coupon that a claim gave."""
    assert done.coupon is not None
    return nouns.by_code("coffee", done.coupon.coupon.code)


def test_a_claim_gives_a_coupon_that_is_made_for_it(till: Till) -> None:
    """It is the customer's, known by what added it, and can be used at once."""
    offered(till, replace(FIVE_OFF, days_from_assignment=10))
    done = claimed(till)
    assert done.coupon is not None
    coupon = done.coupon.coupon
    assert (coupon.origin, coupon.added_at, coupon.activity) == (Origin.REWARD, START, done.claim.claim.activity)
    assert done.coupon.customer == "programs/coffee/customers/ada"
    assert (done.claim.coupon, done.claim.campaign_id) == (done.coupon.name, "spring")
    assert coupon.expires_at is not None
    till.do(till.redeem(key_of(done)))
    till.assert_conserved()


def test_a_gift_card_begins_with_its_balance(till: Till) -> None:
    """Points become money, once."""
    offered(till, Terms(Benefit.BALANCE, amount_minor=1_000, currency_code="EUR"))
    done = claimed(till)
    assert done.coupon is not None
    assert (done.coupon.coupon.balance_minor, done.coupon.coupon.initial_minor) == (1_000, 1_000)


def test_of_a_pool_each_claim_takes_one_until_nothing_is_left(till: Till) -> None:
    """Also where two of one customer share a transaction; then the points stay."""
    offered(till, POOLED)
    for _ in range(3):
        till.coupon(pooled=True)
    outcomes = till.group(*(till.claim(reference=str(number)) for number in range(2)), till.claim(name="ben"))
    given = {one.value.coupon.id for one in outcomes if isinstance(one, Answer)}
    assert len(given) == 3
    refused = till.refused(till.claim())
    assert (type(refused), refused.facts) == (NoCouponLeft, {"campaign": "spring"})
    till.assert_conserved()


def test_a_claim_and_an_assignment_of_one_moment_get_a_coupon_each(till: Till) -> None:
    """They share a transaction, and the pool: nobody hears that none is left while it is full."""
    offered(till, POOLED)
    for _ in range(4):
        till.coupon(pooled=True)
    given = till.assign(campaign_id="spring", name="ben")
    outcomes = [one for [one] in written(till, [[given], [till.claim()], [till.claim(name="ben")]])]
    assert [type(one) for one in outcomes] == [Answer] * 3
    assert till.rows("SELECT count(*) FROM coupon WHERE customer IS NOT NULL AND NOT pooled") == [(3,)]
    till.assert_conserved()


def test_a_claim_gives_nothing_that_has_ended(till: Till) -> None:
    """Points for a coupon that cannot be used would be taken for nothing."""
    offered(till, POOLED)
    till.coupon(pooled=True, expires_at=START)
    assert type(till.refused(till.claim())) is NoCouponLeft
    till.coupon(pooled=True, expires_at=START + DAY)
    assert claimed(till).coupon is not None
    till.assert_conserved()


def test_many_at_once_share_a_pool_and_nobody_has_what_another_has(till: Till) -> None:
    """Ten codes, twenty claims, two servers' writers."""
    offered(till, POOLED, price=10)
    for _ in range(10):
        till.coupon(pooled=True)
    told = [one for [one] in written(till, [[till.claim(name=name)] for name in ("ada", "ben") * 10])]
    assert sum(isinstance(one, Answer) for one in told) == 10
    assert sum(isinstance(one, NoCouponLeft) for one in told) == 10
    assert till.rows("SELECT count(DISTINCT coupon), count(*) FROM claim") == [(10, 10)]
    till.assert_conserved()


def test_a_campaign_that_ended_or_is_archived_gives_nothing_and_takes_nothing(till: Till) -> None:
    """Nobody pays for what cannot be used."""
    offered(till, replace(FIVE_OFF, last_day=date(2025, 1, 2)))
    till.carry_out(ArchiveCampaign("coffee", "spring", "", True, asked("archive")))
    assert type(till.refused(till.claim())) is CampaignArchived
    till.carry_out(ArchiveCampaign("coffee", "spring", "", False, asked("again")))
    till.advance(2 * DAY)
    assert type(till.refused(till.claim())) is CouponExpired


def test_a_reward_is_not_made_of_a_campaign_that_gives_nothing(till: Till) -> None:
    """Whoever makes it is told, not the customer who claims it."""
    with pytest.raises(CampaignNotFound):
        till.offer(campaign_id="spring")
    till.campaign("over", replace(FIVE_OFF, last_day=date(2024, 12, 31)))
    with pytest.raises(TermsInvalid, match="2024-12-31"):
        till.offer(campaign_id="over")
    till.campaign("soon", replace(FIVE_OFF, last_day=date(2025, 1, 31)))
    with pytest.raises(TermsInvalid, match="2025-01-31"):
        till.offer(campaign_id="soon", first_day=date(2025, 2, 1))
    till.campaign("spring")
    till.carry_out(ArchiveCampaign("coffee", "spring", "", True, asked("archive")))
    with pytest.raises(CampaignArchived):
        till.offer(campaign_id="spring")


def test_cancelling_voids_the_coupon(till: Till) -> None:
    """Points and coupon both would be a gift."""
    offered(till)
    done = claimed(till)
    back = till.do(till.cancelling(done.claim)).value
    assert (back.balance.spendable, back.claim.coupon) == (200, done.claim.coupon)
    assert type(till.refused(till.redeem(key_of(done)))) is CouponVoided
    till.assert_conserved()


def test_a_coupon_that_was_used_or_is_reserved_stands_against_it(till: Till) -> None:
    """Until that is given back, or the reservation has ended by the clock."""
    offered(till)
    done = claimed(till)
    used = till.do(till.redeem(key_of(done))).value.redemptions[0]
    refused = till.refused(till.cancelling(done.claim))
    assert (type(refused), refused.facts) == (ClaimUsed, {"coupon": done.claim.coupon})
    till.do(till.give_back(used.id))
    till.do(till.reserve(key_of(done), ttl_s=60))
    assert type(till.refused(till.cancelling(done.claim))) is ClaimUsed
    till.advance(timedelta(seconds=60))
    assert till.do(till.cancelling(done.claim)).value.balance.spendable == 200
    till.assert_conserved()


def test_whoever_only_asks_sees_the_coupon_and_gets_none(till: Till) -> None:
    """An app shows what it will be."""
    offered(till)
    before = till.contents()
    asked_for = till.do(till.claim(validate_only=True)).value
    assert asked_for.coupon.of.campaign == "programs/coffee/couponCampaigns/spring"
    assert till.contents() == before


def test_the_record_of_a_claim_knows_the_coupon_and_not_its_code(till: Till) -> None:
    """By its fingerprint and last four, as everywhere in the log."""
    offered(till)
    done = claimed(till)
    assert done.coupon is not None
    [(told, body)] = till.rows("SELECT details, body FROM activity WHERE details ->> 'reward' IS NOT NULL")
    assert (told["coupon"], told["last_four"]) == (done.coupon.name, done.coupon.coupon.last_four)
    assert told["campaign"] == "programs/coffee/couponCampaigns/spring"
    assert done.coupon.coupon.code not in body
