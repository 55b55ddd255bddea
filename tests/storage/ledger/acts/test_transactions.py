"""Purchases in the books: recorded, corrected while they wait, accepted and rejected, by hand and by time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.programs import EarnRate
from rules.refusals import (
    AmountTooLarge,
    CurrencyMismatch,
    DuplicateTransaction,
    LinesExceedAmount,
    LotNotFound,
    LotStateWrong,
    OccursInFuture,
    TransactionNotFound,
    TransactionStateWrong,
)
from rules.transactions import Line, TransactionState
from storage.engine.database import Database
from storage.engine.requests import Answer
from tests.storage.policies import CARDS, Policies
from tests.storage.scene import START, answered

DAY = timedelta(days=1)
LINES = (Line("espresso", "drinks", 2, 60), Line("cake", "", 1, 40, points=70))
LIGHTER = (LINES[0]._replace(amount_minor=30),)


@pytest.fixture
def shop(database: Database) -> Policies:
    """Two customers."""
    return Policies(database)


def decided(shop: Policies) -> list[tuple[Any, ...]]:
    """What the books say of purchase t, and of the lots that it had."""
    return shop.rows("SELECT decided, amount_minor, points, lot FROM transaction WHERE transaction_id = 't'")


def test_lines_may_earn_points_of_their_own(shop: Policies) -> None:
    """A promotion is a line's own; it stands in the books as it was sent, for the day of its refund."""
    recorded = shop.earn(100, transaction_id="t", lines=LINES)
    assert (recorded.points, recorded.balance.active) == (60 + 70, 130)
    again = shop.do(shop.purchase(100, transaction_id="t", lines=LINES))
    assert (again.replayed, again.value.decided.purchase.points) == (True, 130)


def test_a_correction_replaces_what_waits_by_the_rules_of_its_purchase(shop: Policies) -> None:
    """The basket was weighed anew; the rate of today is none of its business."""
    shop.earn(100, card="slow", transaction_id="t")
    shop.advance(DAY)
    shop.change(cards=tuple(_dearer(card) for card in CARDS))
    corrected = shop.do(shop.correction("t", 40, lines=LIGHTER)).value
    assert (corrected.purchase.points, corrected.state, corrected.lot) == (40, TransactionState.PENDING, 2)
    assert shop.figures(card="slow")[0] == 40
    assert corrected.activates_at == datetime(2025, 1, 11, 23, tzinfo=UTC), "counted from the purchase, as before"
    assert shop.rows("SELECT number, state, cancelled FROM lot ORDER BY 1") == [
        (1, "CANCELLED", 100),
        (2, "PENDING", 0),
    ]
    shop.advance(11 * DAY)
    assert shop.balance(card="slow").active == 40
    shop.assert_conserved()


def test_a_purchase_can_be_corrected_to_nothing_and_back(shop: Policies) -> None:
    """The order was emptied, and filled again; what an event said of it in between still holds."""
    shop.earn(100, card="tested", transaction_id="t")
    shop.do(shop.event("order.delivered", about="t"))
    emptied = shop.do(shop.correction("t", 0)).value
    assert (emptied.lot, emptied.activates_at, emptied.expires_at, shop.figures(card="tested")[0]) == (None,) * 3 + (0,)
    filled = shop.do(shop.correction("t", 50)).value
    assert (filled.lot, filled.activates_at) == (2, datetime(2025, 1, 15, 23, tzinfo=UTC))
    shop.advance(15 * DAY)
    assert shop.figures(card="tested")[:2] == (0, 50)


def test_what_earned_nothing_can_be_corrected_and_decided_about_in_one_group(shop: Policies) -> None:
    """The second command needs the lot that the first one makes."""
    shop.earn(0, card="by-hand", transaction_id="t")
    outcomes = shop.group(shop.correction("t", 50), shop.correction("t", 60), shop.decision("t", accept=True))
    assert [type(outcome) for outcome in outcomes] == [Answer] * 3
    assert shop.balance(card="by-hand").active == 60
    shop.assert_conserved()


@pytest.mark.parametrize("together", [True, False])
def test_a_purchase_sent_again_after_a_correction_answers_what_stands(shop: Policies, together: bool) -> None:
    """The till that sent it knows nothing of the office that corrected it; its receipt is no fraud."""
    commands: list[Any] = [
        shop.purchase(100, card="by-hand", transaction_id="t", lines=LINES),
        shop.correction("t", 60),
        shop.purchase(100, card="by-hand", transaction_id="t", lines=LINES),
        shop.correction("t", 50),
        shop.purchase(100, card="by-hand", transaction_id="t", lines=LINES),
        shop.purchase(50, card="by-hand", transaction_id="t"),
        shop.purchase(60, card="by-hand", transaction_id="t"),
    ]
    outcomes = shop.group(*commands) if together else [shop.group(command)[0] for command in commands]
    *_, once, _, twice, as_it_stands, in_between = outcomes
    for again, points, changed in ((once, 60, True), (twice, 50, True), (as_it_stands, 50, False)):
        answer = answered(again)
        assert (answer.replayed, answer.activity) == (True, answered(outcomes[0]).activity)
        assert (answer.value.decided.purchase.points, answer.value.changed_since) == (points, changed)
    assert isinstance(in_between, DuplicateTransaction)
    assert shop.balance(card="by-hand").pending == 50


def test_a_correction_to_what_stands_changes_nothing_and_leaves_no_record(shop: Policies) -> None:
    """An office that saves a form unchanged has decided nothing."""
    shop.earn(100, card="by-hand", transaction_id="t")
    before = shop.rows("SELECT count(*) FROM activity")
    answer = shop.do(shop.correction("t", 100))
    assert (answer.activity, answer.value.purchase.points) == (None, 100)
    assert shop.rows("SELECT count(*) FROM activity") == before
    assert shop.do(shop.correction("t", 90)).activity is not None


@pytest.mark.parametrize("card", ["plain", "slow", "delivered", "by-hand"])
def test_only_what_waits_can_be_corrected_accepted_or_rejected(shop: Policies, card: str) -> None:
    """Afterwards it is a refund's business; the caller hears what it is now."""
    shop.earn(100, card=card, transaction_id="t")
    if card in ("delivered", "by-hand"):
        shop.do(shop.decision("t", accept=True))
    shop.advance(12 * DAY)
    for command in (shop.correction("t", 50), shop.decision("t", accept=True), shop.decision("t", accept=False)):
        refused = shop.refused(command)
        assert type(refused) is TransactionStateWrong
        assert refused.facts == {"transaction": "t", "state": "ACCEPTED", "wanted": "PENDING"}


def test_what_was_refunded_in_part_is_corrected_no_more(shop: Policies) -> None:
    """Of which amount would the refund have been?"""
    shop.earn(100, card="slow", transaction_id="t")
    shop.do(shop.refund("t", 30))
    refused = shop.refused(shop.correction("t", 90))
    assert (type(refused), refused.facts["state"]) == (TransactionStateWrong, "PARTIALLY_REFUNDED")


def test_lines_that_nobody_paid_for_earn_nothing(shop: Policies) -> None:
    """A purchase of 1.00 with a line of 9,999.99, beside one that has points of its own."""
    dear = (*LINES, Line("mirage", "", 1, 999_999))
    refused = shop.refused(shop.purchase(100, lines=dear))
    assert (type(refused), refused.facts) == (LinesExceedAmount, {"amount": "100", "lines": "1000099"})
    assert shop.earn(105, lines=LINES).points == 60 + 70, "what is in no line was paid, too"


@pytest.mark.parametrize("card", ["slow", "delivered", "by-hand"])
def test_what_was_refunded_whole_waits_for_nobody(shop: Policies, card: str) -> None:
    """There is nothing left of it to decide, nor for an event or for time to wake."""
    shop.earn(100, card=card, transaction_id="t")
    shop.earn(100, card=card, transaction_id="half")
    for name in ("t", "half"):
        shop.do(shop.refund(name, 50))
    shop.do(shop.refund("t"))
    for command in (shop.decision("t", accept=True), shop.decision("t", accept=False), shop.lot(1, True, card=card)):
        assert type(shop.refused(command)) in (TransactionStateWrong, LotStateWrong)
    assert shop.refused(shop.decision("t", accept=True)).facts["state"] == "REFUNDED"
    before = decided(shop)
    shop.do(shop.event("order.delivered", about="t"))
    shop.advance(15 * DAY)
    assert decided(shop) == before
    assert shop.figures(card=card)[:2] == ((0, 50) if card == "slow" else (50, 0))
    if card != "slow":
        assert shop.do(shop.decision("half", accept=True)).value.balance.active == 50
    shop.sweep()
    shop.assert_conserved()


def test_a_correction_is_checked_as_a_purchase_is(shop: Policies) -> None:
    """Lines, currency and size."""
    shop.earn(100, card="slow", transaction_id="t")
    assert type(shop.refused(shop.correction("t", 99, lines=LINES))) is LinesExceedAmount
    assert type(shop.refused(shop.correction("t", 50, currency="CZK"))) is CurrencyMismatch
    assert type(shop.refused(shop.correction("t", 2**53 + 1))) is AmountTooLarge


@pytest.mark.parametrize("how", ["decided", "by the number of its lot"])
def test_an_accepted_purchase_counts_from_the_day_it_was_accepted(shop: Policies, how: str) -> None:
    """Its expiry clock starts then: points that were waited for are not half over."""
    shop.earn(100, card="by-hand", transaction_id="t")
    shop.advance(40 * DAY)
    assert shop.figures(card="by-hand")[:2] == (100, 0)
    if how == "decided":
        accepted = shop.do(shop.decision("t", accept=True)).value
        assert accepted.state is TransactionState.ACCEPTED
        assert accepted.activates_at == START + 40 * DAY
    else:
        accepted = shop.do(shop.lot(1, activate=True, card="by-hand")).value
        assert (accepted.lot.state, accepted.last_usable_on) == ("ACTIVE", "2025-03-10")
    assert accepted.expires_at == datetime(2025, 3, 10, 23, tzinfo=UTC)
    assert decided(shop) == [("ACCEPTED", 100, 100, 1)]
    assert shop.history(card="by-hand") == [("ACTIVATION", 100)]
    shop.assert_conserved()


@pytest.mark.parametrize("how", ["decided", "by the number of its lot"])
def test_a_rejected_purchase_leaves_no_entry_and_is_neither_refunded_nor_accepted(shop: Policies, how: str) -> None:
    """Nothing was ever the customer's."""
    shop.earn(100, card="slow", transaction_id="t")
    if how == "decided":
        assert shop.do(shop.decision("t", accept=False)).value.state is TransactionState.REJECTED
    else:
        assert shop.do(shop.lot(1, activate=False, card="slow")).value.lot.state == "CANCELLED"
    assert decided(shop) == [("REJECTED", 100, 100, 1)]
    assert (shop.figures(card="slow"), shop.history(card="slow")) == ((0,) * 5, [])
    for command in (shop.refund("t"), shop.decision("t", accept=True)):
        refused = shop.refused(command)
        assert (type(refused), refused.facts["state"]) == (TransactionStateWrong, "REJECTED")
    shop.assert_conserved()


def test_a_lot_that_waits_no_longer_cannot_be_decided(shop: Policies) -> None:
    """And one that never was cannot be found."""
    shop.earn(100)
    for activate in (True, False):
        refused = shop.refused(shop.lot(1, activate))
        assert (type(refused), refused.facts) == (LotStateWrong, {"lot": "1", "state": "ACTIVE", "wanted": "PENDING"})
        assert type(shop.refused(shop.lot(2, activate))) is LotNotFound


def test_what_was_never_recorded_cannot_be_found(shop: Policies) -> None:
    """Nor what somebody else bought."""
    shop.earn(100, card="slow", transaction_id="t")
    for command in (
        shop.correction("x", 5),
        shop.decision("x", accept=True),
        shop.refund("x"),
        shop.correction("t", 5, "ben"),
        shop.decision("t", True, "ben"),
        shop.refund("t", name="ben"),
        shop.event("order.delivered", about="x"),
        shop.event("order.delivered", "ben", about="t"),
    ):
        assert type(shop.refused(command)) is TransactionNotFound


def test_the_maturation_that_comes_too_late_finds_what_was_decided(shop: Policies) -> None:
    """Accepted by hand on the ninth day, nothing more happens on the eleventh; rejected, neither."""
    shop.earn(100, card="slow", transaction_id="t")
    shop.earn(50, card="slow", transaction_id="u")
    shop.advance(9 * DAY)
    shop.do(shop.decision("t", accept=True))
    shop.do(shop.decision("u", accept=False))
    shop.advance(3 * DAY)
    shop.sweep()
    assert shop.history(card="slow") == [("ACTIVATION", 100)]
    shop.assert_conserved()


def test_a_purchase_lies_at_most_ten_minutes_ahead(shop: Policies) -> None:
    """And its event too: both are told by clocks in shops."""
    late = START + timedelta(minutes=10, seconds=1)
    assert type(shop.refused(shop.purchase(10, occurred_at=late))) is OccursInFuture
    assert type(shop.refused(shop.event("visited", occurred_at=late))) is OccursInFuture


def _dearer(card: Any) -> Any:
    return replace(card, earn_rate=EarnRate(3, 1, "EUR"))
