"""Events: what happens to a customer beside purchases, the points it gives, and the purchases that waited for it."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from rules.refusals import AmountTooLarge, CardNotFound, EventTypeUnknown, SettingsInvalid
from rules.transactions import TransactionState
from storage.engine.database import Database
from tests.storage.policies import Policies
from tests.storage.scene import START

DAY = timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Policies:
    """Two customers."""
    return Policies(database)


def test_an_event_stands_in_the_customers_history_with_what_was_told_of_it(shop: Policies) -> None:
    """A type of the program's own, its properties, and the instant at which it happened."""
    done = shop.do(shop.event("visited", properties=(("shop", "12"),), occurred_at=START - DAY))
    assert (done.value.event_type, done.value.points, done.value.account) == ("visited", 0, "")
    [(event, occurred_at, body)] = shop.rows(
        "SELECT event, occurred_at, body FROM activity WHERE id = %s", [done.activity]
    )
    assert (event, occurred_at) == ("visited", START - DAY)
    assert json.loads(body)["details"]["properties"] == {"shop": "12"}
    assert shop.rows("SELECT count(*) FROM entry") == [(0,)]


def test_a_type_may_give_points_and_an_event_may_say_other_ones(shop: Policies) -> None:
    """25 for a review, as the program says; or as many as the sender says, of the card that he names."""
    first = shop.do(shop.event("reviewed")).value
    assert (first.points, first.balance.active) == (25, 25)
    assert first.account == "programs/coffee/customers/ada/accounts/plain"
    second = shop.do(shop.event("visited", gives_to="monthly", points=7)).value
    assert (second.points, second.balance.active) == (7, 7)
    third = shop.do(shop.event("reviewed", points=0)).value
    assert (third.points, third.account, shop.balance().active) == (0, "", 25)
    shop.assert_conserved()


def test_points_need_a_card(shop: Policies) -> None:
    """Of the program's, and named by somebody; and there must be room."""
    assert type(shop.refused(shop.event("visited", points=7))) is SettingsInvalid
    assert type(shop.refused(shop.event("visited", points=7, gives_to="none"))) is CardNotFound
    assert type(shop.refused(shop.event("visited", points=2**53 + 1, gives_to="plain"))) is AmountTooLarge


def test_a_type_that_nobody_declared_is_unknown(shop: Policies) -> None:
    """A typing error would otherwise be a type of its own for ever."""
    refused = shop.refused(shop.event("vistied"))
    assert (type(refused), refused.facts) == (EventTypeUnknown, {"event_type": "vistied"})


def test_what_a_purchase_waited_for_makes_its_points_active(shop: Policies) -> None:
    """Their expiry clock starts then; another event, or one about nothing, does not do it."""
    shop.earn(100, card="delivered", transaction_id="t")
    shop.advance(40 * DAY)
    shop.do(shop.event("visited", about="t"))
    shop.do(shop.event("order.delivered"))
    assert shop.figures(card="delivered")[:2] == (100, 0)
    shop.do(shop.event("order.delivered", about="t"))
    assert shop.figures(card="delivered")[:2] == (0, 100)
    again = shop.do(shop.purchase(100, card="delivered", transaction_id="t")).value.decided
    assert (again.state, again.activates_at) == (TransactionState.ACCEPTED, START + 40 * DAY)
    assert again.expires_at == datetime(2025, 3, 10, 23, tzinfo=UTC)
    shop.do(shop.event("order.delivered", about="t"))
    assert shop.history(card="delivered") == [("ACTIVATION", 100)]
    shop.assert_conserved()


def test_a_purchase_may_be_tried_for_a_fortnight_after_its_delivery(shop: Policies) -> None:
    """The event dates the points; time does the rest, and until then they can be cancelled."""
    for number in ("t", "u"):
        shop.earn(100, card="tested", transaction_id=number)
        shop.do(shop.event("order.delivered", about=number))
    active_from = datetime(2025, 1, 15, 23, tzinfo=UTC)
    again = shop.do(shop.purchase(100, card="tested", transaction_id="t")).value.decided
    assert (again.state, again.activates_at) == (TransactionState.PENDING, active_from)
    shop.do(shop.refund("u"))
    shop.advance(active_from - START - timedelta(microseconds=1))
    assert shop.figures(card="tested")[:2] == (100, 0)
    shop.advance(timedelta(microseconds=1))
    assert shop.figures(card="tested")[:2] == (0, 100)
    shop.sweep()
    assert shop.history(card="tested") == [("ACTIVATION", 100)]
    shop.assert_conserved()


@pytest.mark.parametrize("before", ["rejected", "refunded", "accepted"])
def test_a_delivery_of_what_does_not_wait_any_more_is_only_noted(shop: Policies, before: str) -> None:
    """The parcel was on its way when the order was cancelled: it happened, and it gives nothing."""
    shop.earn(100, card="delivered", transaction_id="t")
    if before == "refunded":
        shop.do(shop.refund("t"))
    else:
        shop.do(shop.decision("t", accept=before == "accepted"))
    figures = shop.figures(card="delivered")
    done = shop.do(shop.event("order.delivered", about="t"))
    assert done.activity is not None
    assert shop.figures(card="delivered") == figures
    shop.assert_conserved()


def test_a_purchase_without_points_is_accepted_by_its_event_too(shop: Policies) -> None:
    """The order desk looks at the state, not at the points."""
    shop.earn(0, card="delivered", transaction_id="t")
    shop.do(shop.event("order.delivered", about="t"))
    again = shop.do(shop.purchase(0, card="delivered", transaction_id="t")).value
    assert again.decided.state is TransactionState.ACCEPTED
