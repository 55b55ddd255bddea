"""Coupons redeemed: once is once, whatever else happens in the same transaction."""

from dataclasses import replace
from datetime import timedelta

import pytest

from rules.coupons.refusals import (
    CampaignUsedUp,
    CouponAccountNeeded,
    CouponNamedTwice,
    CouponNotFound,
    CouponNotStackable,
    CouponUsedUp,
    CustomerLimitReached,
    GiftCardEmpty,
    MinimumSpendMissed,
)
from rules.coupons.terms import Benefit, CustomerLimit, Period, Stacking, Terms
from rules.refusals import (
    CustomerNotFound,
    DeadlinePassed,
    GroupRefused,
    InsufficientPoints,
    ProgramArchived,
    ProgramNotFound,
    RequestIdReused,
)
from storage.coupons.acts.using import Wanted
from storage.engine.database import Database
from storage.engine.requests import Answer
from storage.ledger.addresses import CustomerName
from tests.storage.blocking import written
from tests.storage.coupons.till import FIVE_OFF, RedemptionState, Till

POINTS = Terms(Benefit.POINTS, points=40, card_id="plain")
GIFT = Terms(Benefit.BALANCE, amount_minor=3_000, currency_code="EUR")


@pytest.fixture
def till(database: Database) -> Till:
    """Ada and Ben with a hundred points each, and a campaign of five euros off."""
    made = Till(database)
    made.campaign()
    for name in ("ada", "ben"):
        made.earn(100, name)
    return made


def test_a_coupon_of_its_own_is_used_once(till: Till) -> None:
    """The first one gets five euros off; whoever comes after it is told that it was used."""
    coupon = till.coupon()
    answer = till.do(till.redeem(coupon))
    [used] = answer.value.redemptions
    assert (used.campaign_id, used.redemption.discount_minor) == ("spring", 500)
    assert till.standing_of(coupon) == (1, 0, None, 1, None)
    assert isinstance(till.refused(till.redeem(coupon, name="ben")), CouponUsedUp)
    till.assert_conserved()


def test_what_names_nothing_is_refused(till: Till) -> None:
    """An unknown code, customer or program is told, and nothing is opened for it."""
    coupon = till.coupon()
    assert isinstance(till.refused(till.redeem(("coffee", "code", "00" * 20))), CouponNotFound)
    assert isinstance(till.refused(till.redeem(coupon, name="nobody")), CustomerNotFound)
    elsewhere = till.redeem(coupon)._replace(name=CustomerName("tea", "ada"))
    assert isinstance(till.refused(elsewhere), ProgramNotFound)
    unpublished = till.coupon()
    till.execute(
        "WITH made AS (INSERT INTO coupon_batch (campaign, number, program, origin, pattern, created_at, activity)"
        " SELECT id, 1, program, 'GENERATED', '', now(), activity FROM coupon_campaign RETURNING campaign, number)"
        " UPDATE coupon SET batch = number FROM made WHERE code = decode(%s, 'hex')",
        [unpublished[2]],
    )
    assert isinstance(till.refused(till.redeem(unpublished)), CouponNotFound)
    till.execute("UPDATE coupon_batch SET published_at = now()")
    till.do(till.redeem(unpublished))


def test_the_same_request_gets_its_answer_again(till: Till) -> None:
    """A till that lost the answer asks again, and the coupon is used once."""
    command = till.redeem(till.coupon(), request_id="once")
    first = till.do(command)
    again = till.do(command)
    assert (again.replayed, again.value) == (True, first.value)
    other = till.redeem(till.coupon(), request_id="once")
    assert isinstance(till.refused(other), RequestIdReused)


def test_who_only_asks_is_told_and_nothing_is_used(till: Till) -> None:
    """A till shows what a coupon gives before the customer agrees."""
    coupon, shared = till.coupon(), _shared(till, uses_max=5)
    before = till.contents()
    answer = till.do(till.redeem(coupon, shared, card="plain", spend=30, validate_only=True))
    assert (answer.value.balance.spendable, answer.activity) == (70, None)
    assert [one.redemption.discount_minor for one in answer.value.redemptions] == [500, 500]
    assert till.contents() == before


def test_a_deadline_and_an_archived_program_stop_it(till: Till) -> None:
    """What its caller no longer waits for is not done; and nothing begins in a program that has ended."""
    coupon = till.coupon()
    assert isinstance(till.refused(till.redeem(coupon, deadline=0.0)), DeadlinePassed)
    till.archive()
    assert isinstance(till.refused(till.redeem(coupon)), ProgramArchived)


def test_several_coupons_are_used_all_or_none(till: Till) -> None:
    """An order with two coupons that gets one of them is not the order that was placed."""
    first, second = till.coupon(), till.coupon()
    till.do(till.redeem(second))
    assert isinstance(till.refused(till.redeem(first, second, name="ben")), CouponUsedUp)
    assert isinstance(till.refused(till.redeem(first, first)), CouponNamedTwice)
    till.campaign("alone", replace(FIVE_OFF, stacking=Stacking(exclusive=True)))
    assert isinstance(till.refused(till.redeem(first, till.coupon("alone"))), CouponNotStackable)
    till.campaign("last", replace(FIVE_OFF, stacking=Stacking(priority=9)))
    answer = till.do(till.redeem(till.coupon("last"), first, amount=700, order_id="small"))
    assert [one.campaign_id for one in answer.value.redemptions] == ["spring", "last"]
    assert [one.redemption.discount_minor for one in answer.value.redemptions] == [500, 200]


def test_what_was_used_for_the_order_before_counts(till: Till) -> None:
    """Else two calls would get what one does not: more off than the order costs, or what goes with nothing else."""
    till.campaign("alone", replace(FIVE_OFF, stacking=Stacking(exclusive=True)))
    till.do(till.redeem(till.coupon("alone"), order_id="o-1"))
    assert isinstance(till.refused(till.redeem(till.coupon(), order_id="o-1")), CouponNotStackable)
    till.do(till.redeem(till.coupon(), order_id="o-2", amount=700))
    [second] = till.do(till.redeem(till.coupon(), order_id="o-2", amount=700)).value.redemptions
    assert second.redemption.discount_minor == 200


def test_points_are_spent_with_it_or_neither(till: Till) -> None:
    """Coupon and points pay for one order: a crash or a refusal in between would take one of them for nothing."""
    coupon = till.coupon()
    assert isinstance(till.refused(till.redeem(coupon, card="plain", spend=101)), InsufficientPoints)
    answer = till.do(till.redeem(coupon, card="plain", spend=30, order_id="o-1"))
    assert (answer.value.entry.amount, answer.value.balance.spendable) == (-30, 70)
    assert till.balance().spendable == 70
    till.assert_conserved()


def test_a_coupon_of_points_gives_them(till: Till) -> None:
    """To the account that is named, which must be of its card; where one is spent from, both happen."""
    till.campaign("bonus", POINTS)
    coupon = till.coupon("bonus")
    assert isinstance(till.refused(till.redeem(coupon)), CouponAccountNeeded)
    assert isinstance(till.refused(till.redeem(coupon, card="slow")), CouponAccountNeeded)
    answer = till.do(till.redeem(coupon, card="plain", spend=90))
    [used] = answer.value.redemptions
    assert (used.redemption.points, used.redemption.discount_minor) == (40, None)
    assert till.balance().spendable == 50
    till.assert_conserved()


def test_a_gift_card_is_used_until_nothing_is_left(till: Till) -> None:
    """In parts, as many as it takes: each says how much of it, or takes what the order costs."""
    till.campaign("gift", GIFT)
    card = till.coupon("gift", initial_minor=3_000, balance_minor=3_000)
    till.do(till.redeem(Wanted(card, 1_200)))
    till.do(till.redeem(card, amount=800))
    assert till.standing_of(card) == (2, 0, 1_000, 2, None)
    till.do(till.redeem(card, amount=5_000))
    assert isinstance(till.refused(till.redeem(card)), GiftCardEmpty)


def test_limits_count_exactly(till: Till) -> None:
    """So many of a campaign in all, of a code for many, and of one customer; and no more within one group either."""
    shared = _shared(till, uses_max=5, uses_per_code=4, limits=(CustomerLimit(Period.EVER, 3),))
    names = ["ada"] * 4 + ["ben"] * 3
    [outcomes] = written(till, [[till.redeem(shared, name=name) for name in names]])
    assert [type(one) for one in outcomes] == [*[Answer] * 3, CustomerLimitReached, Answer, CouponUsedUp, CouponUsedUp]
    assert till.standing_of(shared).of_code == 4
    another = till.shared("many", "WINTER2026")
    [outcomes] = written(till, [[till.redeem(another, name="ben") for _ in range(3)]])
    assert [type(one) for one in outcomes] == [Answer, CampaignUsedUp, CampaignUsedUp]
    assert till.standing_of(another) == (0, 0, None, 5, 1)


def test_limits_of_a_customer_follow_their_periods(till: Till) -> None:
    """Once a day is once by the calendar of the program: Prague's next day is another."""
    shared = _shared(till, limits=(CustomerLimit(Period.DAY, 1), CustomerLimit(Period.EVER, 2)))
    till.do(till.redeem(shared))
    assert isinstance(till.refused(till.redeem(shared)), CustomerLimitReached)
    till.advance(timedelta(days=1))
    till.do(till.redeem(shared))
    till.advance(timedelta(days=1))
    assert isinstance(till.refused(till.redeem(shared)), CustomerLimitReached)


def test_commands_of_a_group_see_what_those_before_them_left(till: Till) -> None:
    """Redemptions share a transaction with purchases, and of all or none the refused one undoes the others."""
    coupon = till.coupon()
    outcomes = till.group(till.redeem(coupon), till.redeem(coupon, name="ben"), till.purchase(5))
    assert [type(one) for one in outcomes] == [Answer, CouponUsedUp, Answer]
    fresh = till.coupon()
    before = till.contents()
    refused = till.all_or_nothing(till.redeem(fresh), till.purchase(7), till.redeem(fresh))
    assert [type(one) for one in refused] == [GroupRefused, GroupRefused, CouponUsedUp]
    assert till.contents() == before


def test_an_order_that_is_too_small_is_refused_by_one_cent(till: Till) -> None:
    """What is against the order is told, and the coupon is as it was."""
    till.campaign("much", replace(FIVE_OFF, minimum_spend_minor=2_001))
    coupon = till.coupon("much")
    assert isinstance(till.refused(till.redeem(coupon)), MinimumSpendMissed)
    till.do(till.redeem(coupon, amount=2_001))


def test_a_group_that_names_no_coupon_does_not_ask_for_any(till: Till) -> None:
    """What a purchase costs must not grow with each noun that Fealty learns."""
    till.earn(1)
    with till.another_connection() as other:
        other.execute("ALTER TABLE coupon RENAME TO hidden")
    till.earn(5)


def test_its_record_says_which_coupon_and_no_code(till: Till) -> None:
    """In the customer's history, by the name of the coupon, the fingerprint and the last four symbols."""
    answer = till.do(till.redeem(till.coupon(last_four="7F3K"), order_id="o-1"))
    [body] = till.bodies()[-1:]
    assert '"last_four":"7F3K"' in body
    assert '"order":"o-1"' in body
    [(event, subject)] = till.rows("SELECT event, subject FROM activity WHERE id = %s", [answer.activity])
    assert event == "coupon.redeemed"
    assert subject.startswith("programs/coffee/customers/ada/redemptions/redemption_")
    assert till.redemptions(RedemptionState.REDEEMED) == 1


def _shared(
    till: Till, uses_max: int = 0, uses_per_code: int = 0, limits: tuple[CustomerLimit, ...] = ()
) -> tuple[str, ...]:
    """A code for many."""
    terms = replace(
        FIVE_OFF,
        uses_max=uses_max,
        uses_per_code=uses_per_code,
        customer_limits=limits,
        unlimited_for_customer=not limits,
    )
    till.campaign("many", terms)
    return till.shared("many")
