"""Points that last as long as their customer comes back: one end for all of an account's, moved by what counts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rules.programs import ExpiryPolicy
from storage.engine.database import Database
from storage.ledger.commands import Command
from tests.storage.policies import CARDS, SLIDING, VISITS, Policies
from tests.storage.scene import START

DAY = timedelta(days=1)
# A month after the first purchase, and a month after the twentieth day.
FIRST_END = datetime(2025, 2, 1, 23, tzinfo=UTC)
MOVED_END = datetime(2025, 2, 21, 23, tzinfo=UTC)
COUNTS: dict[str, Callable[[Policies], Command]] = {
    "a purchase": lambda shop: shop.purchase(0, card="sliding"),
    "a spending": lambda shop: shop.spending(1, card="sliding"),
    "a declared event": lambda shop: shop.event("visited"),
}
COUNTS_NOT: dict[str, Callable[[Policies], Command]] = {
    "a refund": lambda shop: shop.refund("t", 10),
    "a rollback": lambda shop: shop.rollback(2, 5, card="sliding"),
    "a hold": lambda shop: shop.hold(10, card="sliding"),
    "another event": lambda shop: shop.event("order.delivered"),
    "a purchase with another card": lambda shop: shop.purchase(10, card="plain"),
    "points taken away": lambda shop: shop.adjustment(-10, card="sliding"),
    "points given by hand": lambda shop: shop.adjustment(10, card="sliding"),
    "points sent to a friend": lambda shop: shop.transfer(10, card="sliding"),
    "points sent by a friend": lambda shop: shop.transfer(10, "ben", "ada", card="sliding"),
}


@pytest.fixture
def shop(database: Database) -> Policies:
    """A customer who bought and spent on the first day, and nothing since; it is the twentieth day after."""
    made = Policies(database)
    made.earn(100, card="sliding", transaction_id="t")
    made.do(made.spending(20, card="sliding"))
    made.advance(20 * DAY)
    return made


def end(shop: Policies) -> datetime:
    """The common end of ada's sliding points."""
    [(found,)] = shop.rows(
        "SELECT s.expires_at FROM sliding_expiry s JOIN account a ON a.id = s.account"
        " JOIN customer c ON c.id = a.customer WHERE c.customer_id = 'ada'"
    )
    assert isinstance(found, datetime)
    return found


@pytest.mark.parametrize("act", COUNTS)
def test_what_counts_moves_the_end_on(shop: Policies, act: str) -> None:
    """A month from then, and the balance follows without anybody coming by."""
    assert end(shop) == FIRST_END
    shop.do(COUNTS[act](shop))
    assert end(shop) == MOVED_END
    shop.advance(MOVED_END - START - 20 * DAY - timedelta(microseconds=1))
    assert shop.balance(card="sliding").active > 0
    shop.advance(timedelta(microseconds=1))
    assert shop.balance(card="sliding").active == 0
    shop.sweep()
    shop.assert_conserved()


@pytest.mark.parametrize("act", COUNTS_NOT)
def test_what_does_not_count_leaves_it(shop: Policies, act: str) -> None:
    """Whoever only brings things back, is only corrected, or has friends, has not been here."""
    shop.earn(10, "ben", "sliding")
    shop.do(COUNTS_NOT[act](shop))
    assert end(shop) == FIRST_END


def test_what_counts_too_late_saves_nothing(shop: Policies) -> None:
    """The points were gone at midnight; the visit of the day after begins anew."""
    shop.advance(FIRST_END - START - 20 * DAY)
    shop.do(shop.event("visited"))
    assert shop.figures(card="sliding") == (0, 0, 0, 0, 0)
    shop.earn(5, card="sliding")
    assert shop.figures(card="sliding")[1] == 5
    assert shop.history(card="sliding")[-2:] == [("EXPIRY", -80), ("EARN", 5)]


def test_an_event_that_is_told_late_counts_from_its_own_day(shop: Policies) -> None:
    """And never moves the end back."""
    shop.do(shop.event("visited", occurred_at=START - 3 * DAY))
    assert end(shop) == FIRST_END
    shop.do(shop.event("visited", occurred_at=START + 10 * DAY))
    assert end(shop) == datetime(2025, 2, 11, 23, tzinfo=UTC)


def test_points_that_are_sent_to_a_friend_end_as_they_would_have(shop: Policies) -> None:
    """To and fro, they cannot be kept alive; what the friend has himself is not touched."""
    shop.earn(10, "ben", "sliding")
    shop.do(shop.transfer(30, card="sliding"))
    shop.do(shop.event("visited", "ben"))
    shop.do(shop.transfer(30, "ben", "ada", card="sliding"))
    shop.do(shop.transfer(5, "ben", "ada", card="sliding"))
    ends = "SELECT remaining, expires_at FROM lot WHERE origin IS NOT NULL AND state = 'ACTIVE' AND NOT slides"
    assert sorted(shop.rows(ends)) == [(5, MOVED_END), (30, FIRST_END)]
    shop.advance(FIRST_END - START - 20 * DAY)
    assert (shop.balance("ada", "sliding").active, shop.balance("ben", "sliding").active) == (5, 5)
    shop.sweep()
    shop.assert_conserved()


def test_points_by_hand_for_somebody_who_stayed_away_last_like_new_ones_and_slide(shop: Policies) -> None:
    """ "We miss you": a month, and as long as he comes back then."""
    shop.advance(20 * DAY)
    given = shop.do(shop.adjustment(7, card="sliding")).value
    assert (given.balance.active, end(shop)) == (7, datetime(2025, 3, 10, 23, tzinfo=UTC))
    shop.advance(10 * DAY)
    shop.do(shop.event("visited"))
    assert end(shop) == datetime(2025, 3, 20, 23, tzinfo=UTC)
    shop.assert_conserved()


def test_each_version_of_the_rules_has_an_end_of_its_own(shop: Policies) -> None:
    """A new policy is for new points: those of before slide by the rules they were issued under."""
    longer = replace(SLIDING, expiry_policy=ExpiryPolicy(3, mode=VISITS.mode, activity_types=VISITS.activity_types))
    shop.change(cards=tuple(longer if card.card_id == "sliding" else card for card in CARDS))
    shop.earn(7, card="sliding")
    assert shop.rows("SELECT settings_version, expires_at FROM sliding_expiry ORDER BY 1") == [
        (1, MOVED_END),
        (2, datetime(2025, 4, 21, 22, tzinfo=UTC)),
    ]
    assert shop.do(shop.spending(81, card="sliding")).value.entry.allocations == ((1, -80), (2, -1))
    shop.advance(40 * DAY)
    assert shop.balance(card="sliding").active == 6
    shop.assert_conserved()


def test_the_same_purchase_again_tells_the_end_that_it_has_now(shop: Policies) -> None:
    """What the till prints on a duplicate is what the customer's points do today."""
    shop.do(shop.event("visited"))
    assert shop.do(shop.purchase(100, card="sliding", transaction_id="t")).value.decided.expires_at == MOVED_END
