"""Points by hand: added like any that are earned today, taken away like any that are spent, and neither of both."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.refusals import AmountTooLarge, InsufficientPoints, PointsHeldElsewhere
from storage.engine.database import Database
from tests.storage.policies import Policies
from tests.storage.scene import START

DAY = timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Policies:
    """Two customers."""
    return Policies(database)


@pytest.mark.parametrize(
    ("card", "expires_at"),
    [
        ("plain", None),
        ("monthly", datetime(2025, 2, 1, 23, tzinfo=UTC)),
        ("slow", datetime(2025, 2, 1, 23, tzinfo=UTC)),
        ("by-hand", datetime(2025, 2, 1, 23, tzinfo=UTC)),
        ("delivered", datetime(2025, 2, 1, 23, tzinfo=UTC)),
    ],
)
def test_points_that_are_given_are_active_at_once_and_last_as_long_as_any(
    shop: Policies, card: str, expires_at: datetime | None
) -> None:
    """An apology that is pending for ten days is none; and there is no purchase that anybody could wait for."""
    given = shop.do(shop.adjustment(50, card=card)).value
    assert (given.entry.kind, given.entry.amount, given.balance.spendable) == ("ADJUSTMENT", 50, 50)
    assert shop.rows("SELECT expires_at, activates_at, transaction_id FROM lot") == [(expires_at, START, None)]
    shop.assert_conserved()


def test_points_that_are_given_slide_with_the_others(shop: Policies) -> None:
    """They are an activity of nobody: what was there before ends when it would have, or later."""
    shop.earn(10, card="sliding")
    shop.advance(5 * DAY)
    shop.do(shop.adjustment(50, card="sliding"))
    [(end,)] = shop.rows("SELECT expires_at FROM sliding_expiry")
    shop.advance(end - START - 5 * DAY - timedelta(microseconds=1))
    assert shop.balance(card="sliding").active == 60
    shop.advance(timedelta(microseconds=1))
    assert shop.balance(card="sliding").active == 0


def test_points_taken_away_are_revoked_in_consumption_order(shop: Policies) -> None:
    """A correction takes what the customer would have lost first; it is no spending."""
    shop.earn(30, card="monthly")
    shop.earn(50, card="monthly", occurred_at=START - 5 * DAY)
    taken = shop.do(shop.adjustment(-60, card="monthly")).value
    assert taken.entry.allocations == ((2, -50), (1, -10))
    assert (taken.balance.revoked, taken.balance.spent, taken.balance.active) == (60, 0, 20)
    assert shop.rows("SELECT count(*) FROM spending") == [(0,)]
    shop.assert_conserved()


def test_no_more_is_taken_away_than_is_free(shop: Policies) -> None:
    """A correction never makes a debt, and never breaks a checkout."""
    shop.earn(100)
    shop.do(shop.hold(60))
    assert type(shop.refused(shop.adjustment(-41))) is PointsHeldElsewhere
    assert type(shop.refused(shop.adjustment(-101))) is InsufficientPoints
    assert shop.do(shop.adjustment(-40)).value.balance.spendable == 0


def test_an_account_that_is_full_is_given_nothing(shop: Policies) -> None:
    """Beyond 2^53 JSON readers lose units without telling."""
    shop.earn(2**53 - 1)
    shop.do(shop.adjustment(1))
    assert type(shop.refused(shop.adjustment(1))) is AmountTooLarge
