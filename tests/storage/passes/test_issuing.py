"""Passes that are issued: by themselves, or with what they show, in one transaction."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from rules.coupons.refusals import ClaimNotFound, CouponNotFound, RewardSoldOut
from rules.passes.designs import PassKind
from rules.passes.refusals import PassExists, PassNotPossible, PassTemplateArchived, PassTemplateNotFound
from rules.refusals import CustomerBlocked, CustomerMerged, InsufficientPoints
from storage.coupons import nouns
from storage.coupons.reading.coupons import CouponName, CouponRead
from storage.customers.closing import BlockCustomer
from storage.engine.database import Database
from storage.engine.requests import Answer
from storage.passes.reading.passes import PassRead
from storage.passes.templates import ArchiveTemplate
from tests.storage import members
from tests.storage.coupons.till import FIVE_OFF
from tests.storage.passes.cards import Cards
from tests.storage.scene import START, asked

DAY = timedelta(days=1)


@pytest.fixture
def cards(database: Database) -> Cards:
    """Two customers, and templates of three kinds."""
    return Cards(database)


def named(coupon: CouponRead) -> CouponName:
    """What a coupon of the campaign `spring` is called."""
    return CouponName("coffee", "spring", coupon.id)


def test_a_customer_has_one_pass_of_a_template(cards: Cards) -> None:
    """A second would go on beside the first, and which of the two counts nobody knows; after a void there is room."""
    first = cards.issue()
    with pytest.raises(PassExists) as refused:
        cards.issue()
    assert refused.value.facts == {"pass_name": first.name.name}
    assert cards.issue(name="ben").name != first.name
    cards.void_pass(first.name)
    assert cards.issue().name != first.name


def test_of_many_who_issue_the_same_at_once_one_does(cards: Cards) -> None:
    """A button is tapped on two servers: the later hears of the pass, by its name, and not of a fault."""

    def issue(number: int) -> PassRead | PassExists:
        try:
            return cards.issue()
        except PassExists as exists:
            return exists
        finally:
            cards.database.close()

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(issue, range(6)))
    [made] = [one for one in outcomes if isinstance(one, PassRead)]
    assert [one.facts for one in outcomes if isinstance(one, PassExists)] == [{"pass_name": made.name.name}] * 5


def test_a_coupon_and_its_pass_come_in_one_transaction(cards: Cards) -> None:
    """The customer has both, or neither; and the record of the one names the other."""
    cards.campaign()
    answer = cards.do(cards.assign(campaign_id="spring", template="coupon"))
    issued = answer.value.issued
    assert issued is not None
    assert (issued.coupon_name, issued.template_id, issued.kind) == (answer.value.name, "coupon", PassKind.COUPON)
    assert issued.activity == answer.activity
    assert cards.read(issued.name) == issued
    [(details,)] = cards.rows("SELECT details FROM activity WHERE id = %s", [answer.activity])
    assert (details["pass"], details["pass_template"]) == (issued.name.name, "programs/coffee/passTemplates/coupon")


@pytest.mark.parametrize(
    ("which", "refusal"),
    [
        ("other", PassTemplateNotFound),
        ("card", PassNotPossible),
        ("gift", PassNotPossible),
        ("old", PassTemplateArchived),
    ],
)
def test_where_no_pass_can_be_issued_no_coupon_is_given(cards: Cards, which: str, refusal: type) -> None:
    """Whoever asked for both would find out too late that there is only one. `refused` looks at every table."""
    cards.campaign()
    cards.template("old", kind=PassKind.COUPON, card_id="")
    cards.carry_out(ArchiveTemplate("coffee", "old", "", True, asked("archive")))
    assert type(cards.refused(cards.assign(campaign_id="spring", template=which))) is refusal


def test_where_no_coupon_is_given_no_pass_is_issued(cards: Cards) -> None:
    """The other way round."""
    cards.offer("mug", price=500)
    assert type(cards.refused(cards.claim(template="gift"))) is InsufficientPoints
    cards.offer("rare", price=1, stock=1)
    first, second = cards.group(cards.claim("rare", template="gift"), cards.claim("rare", "ben", template="gift"))
    assert (type(first), type(second)) == (Answer, RewardSoldOut)
    assert cards.rows("SELECT count(*) FROM pass") == [(1,)]


def test_a_reward_of_a_coupon_gets_a_pass_of_the_coupon(cards: Cards) -> None:
    """It is scanned at the till; and the claim says which reward it came from."""
    cards.campaign()
    cards.offer("mug", price=60, campaign_id="spring")
    done = cards.do(cards.claim(template="coupon")).value
    assert done.issued is not None
    assert done.coupon is not None
    assert (done.issued.coupon_name, done.issued.claim_name) == (done.coupon.name, done.claim.name.name)
    assert done.issued.reward == "programs/coffee/rewards/mug"
    assert cards.read(done.issued.name) == done.issued


def test_a_reward_of_anything_else_gets_a_pass_of_the_claim(cards: Cards) -> None:
    """Two claims of one reward are two mugs, each with a pass of its own."""
    cards.offer("mug", price=60)
    both = cards.group(cards.claim(template="gift"), cards.claim(template="gift", reference="another"))
    issued = [one.value.issued for one in both if isinstance(one, Answer)]
    assert [one.claim_name for one in issued] == [one.value.claim.name.name for one in both if isinstance(one, Answer)]
    assert [one.coupon for one in issued] == ["", ""]
    assert type(cards.refused(cards.claim(template="coupon"))) is PassNotPossible


def test_a_pass_can_be_issued_later_for_what_the_customer_has(cards: Cards) -> None:
    """A coupon of theirs, one for many, a claim."""
    cards.campaign()
    own = cards.do(cards.assign(campaign_id="spring")).value
    made = cards.issue("coupon", coupon=named(own))
    assert made.coupon_name == own.name
    with pytest.raises(PassExists):
        cards.issue("coupon", coupon=named(own))
    cards.campaign("everybody", replace(FIVE_OFF, unlimited_for_customer=True))
    cards.shared("everybody")
    [(shared,)] = cards.rows("SELECT id::text FROM coupon WHERE stock IS NOT NULL")
    for name in ("ada", "ben"):
        assert cards.issue("coupon", name, CouponName("coffee", "everybody", shared)).coupon == shared
    cards.offer("mug", price=60, campaign_id="spring")
    claim = cards.do(cards.claim()).value.claim
    assert cards.issue("gift", claim=claim.name).claim == claim.id
    # The coupon that it gave need not be named.
    assert cards.issue("coupon", claim=claim.name).coupon_name == claim.coupon


def test_what_is_another_customers_is_not_there(cards: Cards) -> None:
    """Or whoever may issue passes would hand out the coupons of others."""
    cards.campaign()
    cards.offer("mug", price=60)
    own = cards.do(cards.assign(campaign_id="spring")).value
    claim = cards.do(cards.claim()).value.claim
    with pytest.raises(CouponNotFound):
        cards.issue("coupon", "ben", named(own))
    with pytest.raises(ClaimNotFound):
        cards.issue("gift", "ben", claim=claim.name)


def test_what_is_at_its_end_is_shown_on_no_new_pass(cards: Cards) -> None:
    """A voided or expired coupon, a cancelled claim, a coupon that another claim gave."""
    cards.campaign(terms=replace(FIVE_OFF, days_from_assignment=1))
    cards.offer("mug", price=60)
    first, second = (cards.do(cards.assign(campaign_id="spring")).value for _ in range(2))
    cards.do(cards.void(nouns.by_code("coffee", first.coupon.code)))
    with pytest.raises(PassNotPossible, match="voided"):
        cards.issue("coupon", coupon=named(first))
    cards.advance(2 * DAY)
    with pytest.raises(PassNotPossible, match="expired"):
        cards.issue("coupon", coupon=named(second))
    claim = cards.do(cards.claim()).value.claim
    with pytest.raises(PassNotPossible, match="another coupon"):
        cards.issue("coupon", coupon=named(second), claim=claim.name)
    cards.do(cards.cancelling(claim))
    with pytest.raises(PassNotPossible, match="cancelled"):
        cards.issue("gift", claim=claim.name)


def test_who_is_suspended_keeps_their_card_and_may_get_one(cards: Cards) -> None:
    """A suspension is looked into, and ends; whoever is blocked or another person by now gets none."""
    members.suspend(cards)
    made = cards.issue()
    assert cards.read(made.name).voided_at is None
    cards.carry_out(BlockCustomer("coffee", "ada", asked("block")))
    assert cards.read(made.name).voided_at is None
    with pytest.raises(CustomerBlocked):
        cards.issue("gift")


def test_who_was_merged_is_asked_for_by_the_other_name(cards: Cards) -> None:
    """The refusal says by which."""
    members.merge(cards)
    with pytest.raises(CustomerMerged):
        cards.issue()


def test_passes_of_a_customer_come_newest_first_and_page_by_page(cards: Cards) -> None:
    """Of those that were voided in between none is lost."""
    made = [cards.issue("card"), cards.issue("gift")]
    cards.campaign()
    for _ in range(3):
        made.append(cards.do(cards.assign(campaign_id="spring", template="coupon")).value.issued)
    cards.void_pass(made[1].name)
    found, after = [], ""
    while page := cards.page(after=after, size=2):
        found += page
        after = page[-1].name.id
    assert [one.name for one in found] == [one.name for one in reversed(made)]
    assert [one.name for one in cards.page(state="VOIDED")] == [made[1].name]
    assert [one.name for one in cards.page(state="ACTIVE", kind="LOYALTY")] == [made[0].name]
    assert cards.page("ben") == []


def test_a_pass_lives_by_the_clock_that_phones_have(cards: Cards) -> None:
    """Last-Modified of a test program's clock would lie years in the past, and the phone would keep what it has."""
    made = cards.issue()
    assert made.created_at - START > 300 * DAY
    [(occurred_at,)] = cards.rows("SELECT occurred_at FROM activity WHERE action = 'pass.issued'")
    assert occurred_at == START
