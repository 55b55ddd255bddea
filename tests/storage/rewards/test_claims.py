"""Claims in the books: the price is taken, the piece is taken, or neither."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from rules.claims import ClaimState
from rules.coupons.refusals import (
    ClaimNotFound,
    ClaimStateWrong,
    CustomerLimitReached,
    RewardArchived,
    RewardEnded,
    RewardNotFound,
    RewardNotStarted,
    RewardOfAnotherCard,
    RewardSoldOut,
)
from rules.coupons.terms import CustomerLimit, Period
from rules.refusals import GroupRefused, InsufficientPoints, PrecisionTooFine, RollbackWindowClosed
from rules.rewards import CancelPolicy
from storage.engine.database import Database
from storage.engine.requests import Answer
from storage.rewards.acts import RewardClaimed
from storage.rewards.catalogue import ArchiveReward, UpdateReward
from tests.storage.policies import CARDS, STAMPS, Policies
from tests.storage.scene import asked

DAY = timedelta(days=1)
ONCE_A_DAY = (CustomerLimit(Period.DAY, 1),)


@pytest.fixture
def shop(database: Database) -> Policies:
    """Two customers with 200 points each."""
    made = Policies(database)
    for name in ("ada", "ben"):
        made.earn(200, name)
    return made


def claimed(shop: Policies, *what: Any, **how: Any) -> RewardClaimed:
    """A claim that was made."""
    value = shop.do(shop.claim(*what, **how)).value
    assert isinstance(value, RewardClaimed)
    return value


def update(shop: Policies, **terms: Any) -> None:
    """Changes the terms of the mug."""
    changes = {f"terms.{field}": value for field, value in terms.items()}
    shop.carry_out(UpdateReward("coffee", "mug", "", changes, asked(terms)))


def in_stock(shop: Policies) -> int:
    """How many pieces were taken and not put back, over all slots."""
    [(taken,)] = shop.rows("SELECT sum(taken)::int FROM stock_slot")
    return int(taken)


def test_a_claim_takes_the_price_and_a_piece_and_says_so(shop: Policies) -> None:
    """What it cost, under which terms, and what is left."""
    shop.offer(stock=5)
    done = claimed(shop, reference="order-7")
    claim = done.claim.claim
    assert done.entry is not None
    assert (done.entry.amount, done.balance.spendable) == (-60, 140)
    assert (claim.points, claim.version, claim.seq, claim.state) == (60, 1, done.entry.seq, ClaimState.CLAIMED)
    assert (claim.reference, done.claim.reward_id) == ("order-7", "mug")
    assert in_stock(shop) == 1
    assert shop.rows("SELECT points, reference FROM spending") == [(60, "order-7")]
    shop.assert_conserved()


def test_stamps_are_claimed_by_whole_cards(shop: Policies) -> None:
    """A balance tells how many there are; what is left over waits for the next."""
    shop.offer("two", "stamps", 20)
    shop.earn(35, card="stamps")
    assert claimed(shop, "two", card="stamps").balance.rewards == 1
    assert type(shop.refused(shop.claim("two", card="stamps"))) is InsufficientPoints
    shop.change(cards=tuple(replace(card, stamps_per_reward=15) if card is STAMPS else card for card in CARDS))
    assert type(shop.refused(shop.claim("two", card="stamps"))) is PrecisionTooFine


def test_what_stands_in_the_way_is_told_and_nothing_happens(shop: Policies) -> None:
    """Each by its own reason: an app says why, and does not let people try."""
    shop.offer()
    assert type(shop.refused(shop.claim("cup"))) is RewardNotFound
    other = shop.refused(shop.claim(card="slow"))
    assert (type(other), other.facts) == (RewardOfAnotherCard, {"card": "plain", "given": "slow"})
    shop.do(shop.spending(150))
    assert type(shop.refused(shop.claim())) is InsufficientPoints
    shop.carry_out(ArchiveReward("coffee", "mug", "", True, asked("archive")))
    assert type(shop.refused(shop.claim(name="ben"))) is RewardArchived


def test_it_is_claimed_on_its_days_where_the_program_is(shop: Policies) -> None:
    """In Prague a day begins an hour before it does in UTC."""
    shop.offer(first_day=date(2025, 1, 2), last_day=date(2025, 1, 3))
    shop.advance(timedelta(hours=10, minutes=59))
    refused = shop.refused(shop.claim())
    assert (type(refused), refused.facts) == (
        RewardNotStarted,
        {"first_day": "2025-01-02"},
    )
    shop.advance(timedelta(minutes=1))
    claimed(shop)
    shop.advance(2 * DAY)
    assert type(shop.refused(shop.claim())) is RewardEnded


def test_a_customer_has_it_as_often_as_may_be(shop: Policies) -> None:
    """By the day on the wall; what was cancelled does not count; others have their own."""
    shop.offer(price=10, customer_limits=(*ONCE_A_DAY, CustomerLimit(Period.EVER, 2)))
    first = claimed(shop)
    claimed(shop, name="ben")
    refused = shop.refused(shop.claim())
    assert (type(refused), refused.facts) == (CustomerLimitReached, {"limit": "1", "period": "DAY"})
    shop.do(shop.cancelling(first.claim))
    claimed(shop)
    shop.advance(DAY)
    claimed(shop)
    shop.advance(DAY)
    assert shop.refused(shop.claim()).facts == {"limit": "2", "period": "EVER"}


def test_limits_hold_among_claims_of_one_transaction(shop: Policies) -> None:
    """Two taps on a button are gathered into one group."""
    shop.offer(price=10, customer_limits=ONCE_A_DAY, stock=2)
    outcomes = shop.group(*(shop.claim(name=name, reference=str(n)) for n, name in enumerate(("ada", "ben") * 2)))
    assert [type(one).__name__ for one in outcomes] == ["Answer", "Answer", *["CustomerLimitReached"] * 2]
    assert in_stock(shop) == 2


def test_the_last_piece_is_had_once(shop: Policies) -> None:
    """What is put back can be claimed again; a stock that is cut below what is gone leaves nothing."""
    shop.offer(price=10, stock=2)
    first = claimed(shop)
    claimed(shop, name="ben")
    refused = shop.refused(shop.claim())
    assert (type(refused), refused.facts) == (RewardSoldOut, {"stock": "2"})
    shop.do(shop.cancelling(first.claim))
    claimed(shop)
    update(shop, stock=1)
    assert type(shop.refused(shop.claim())) is RewardSoldOut
    update(shop, stock=0)
    claimed(shop)
    assert in_stock(shop) == 3


def test_cancelling_brings_back_the_points_with_the_end_that_they_had(shop: Policies) -> None:
    """And the piece; the spending is rolled back, so that nobody gives it back once more."""
    shop.offer(card="monthly", stock=5)
    shop.earn(100, card="monthly")
    made = claimed(shop, card="monthly").claim
    before = shop.balance(card="monthly")
    shop.advance(DAY)
    done = shop.do(shop.cancelling(made)).value
    assert (done.entry.amount, done.entry.reverses, done.balance.spendable) == (60, made.claim.seq, 100)
    assert (done.balance.spent, before.spent) == (0, 60)
    assert (done.claim.claim.state, done.claim.claim.cancelled_at) == (ClaimState.CANCELLED, done.balance.as_of)
    assert in_stock(shop) == 0
    assert type(shop.refused(shop.cancelling(made))) is ClaimStateWrong
    assert shop.rows("SELECT state, cancelled_at IS NULL FROM claim") == [("CANCELLED", False)]
    shop.assert_conserved()


def test_what_comes_back_is_as_the_terms_said_when_it_was_claimed(shop: Policies) -> None:
    """Whoever claimed under kinder terms keeps them."""
    shop.offer(price=10, stock=5, cancel_policy=CancelPolicy(days=1))
    kind, late = claimed(shop).claim, claimed(shop, name="ben").claim
    update(shop, cancel_policy=CancelPolicy(keeps_points=True, keeps_stock=True))
    strict = claimed(shop).claim
    done = shop.do(shop.cancelling(strict)).value
    assert (done.entry, done.balance.spendable, in_stock(shop)) == (None, 180, 3)
    assert shop.do(shop.cancelling(kind)).value.balance.spendable == 190
    assert in_stock(shop) == 2
    shop.advance(DAY + timedelta(seconds=1))
    assert type(shop.refused(shop.cancelling(late))) is RollbackWindowClosed
    shop.assert_conserved()


def test_of_what_was_rolled_back_by_hand_only_the_rest_comes_back(shop: Policies) -> None:
    """Nothing is given twice."""
    shop.offer(price=50)
    made = claimed(shop).claim
    shop.do(shop.rollback(made.claim.seq, 20))
    assert shop.do(shop.cancelling(made)).value.entry.amount == 30
    other = claimed(shop).claim
    shop.do(shop.rollback(other.claim.seq))
    done = shop.do(shop.cancelling(other)).value
    assert (done.entry, done.balance.spendable) == (None, 200)
    shop.assert_conserved()


def test_a_claim_is_its_customers_and_its_accounts(shop: Policies) -> None:
    """Whoever names another's, or another account, learns nothing of it."""
    shop.offer(price=10)
    made = claimed(shop).claim
    for wrong in (
        made._replace(owner=shop.address("ben").owner),
        made._replace(owner=shop.address("ben").owner, account=shop.address("ben")),
        made._replace(account=shop.address(card="slow")),
        made._replace(id="00000000-0000-7000-8000-000000000000"),
    ):
        assert type(shop.refused(shop.cancelling(wrong))) is ClaimNotFound


def test_who_only_asks_is_told_and_nothing_is_taken(shop: Policies) -> None:
    """Also the last piece: an app shows the button before anybody presses it."""
    shop.offer(stock=1)
    before = shop.contents()
    assert shop.do(shop.claim(validate_only=True)).value.balance.spendable == 140
    assert shop.contents() == before
    made = claimed(shop).claim
    assert type(shop.refused(shop.claim(name="ben", validate_only=True))) is RewardSoldOut
    assert shop.do(shop.cancelling(made, validate_only=True)).value.balance.spendable == 200
    assert in_stock(shop) == 1


def test_a_basket_that_is_only_asked_about_is_told_as_it_would_go(shop: Policies) -> None:
    """Two of the last one cannot be had, whoever asks for both in one go; one that is given back first can."""
    shop.offer(stock=1)
    before = shop.contents()
    two = [shop.claim(reference=str(number), validate_only=True) for number in range(2)]
    assert [type(one) for one in shop.all_or_nothing(*two)] == [GroupRefused, RewardSoldOut]
    assert [type(one) for one in shop.all_or_nothing(two[0])] == [Answer]
    assert shop.contents() == before
    made = claimed(shop).claim
    back = shop.cancelling(made, validate_only=True)
    assert [type(one) for one in shop.all_or_nothing(back, two[0])] == [Answer, Answer]
    assert [type(one) for one in shop.all_or_nothing(back, *two)] == [GroupRefused, GroupRefused, RewardSoldOut]


def test_a_basket_of_claims_is_had_whole_or_not_at_all(shop: Policies) -> None:
    """An order of two mugs that gets one of them is not the order that was placed."""
    shop.offer(stock=3)
    before = shop.contents()
    shop.all_or_nothing(*(shop.claim(reference=str(number)) for number in range(4)))
    assert shop.contents() == before
    shop.all_or_nothing(*(shop.claim(reference=str(number)) for number in range(3)))
    assert (in_stock(shop), shop.balance().spendable) == (3, 20)
    shop.assert_conserved()
