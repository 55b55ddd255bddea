"""Spendings in the books: taken, and given back by each policy."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.refunds import RollbackPolicy
from rules.refusals import (
    AlreadyRolledBack,
    InsufficientPoints,
    PrecisionTooFine,
    RollbackWindowClosed,
    SpendingNotFound,
)
from storage.engine.database import Database
from storage.ledger.commands import Command
from tests.storage.policies import Policies
from tests.storage.scene import START

DAY = timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Policies:
    """Two customers."""
    return Policies(database)


def test_a_spending_takes_what_expires_first_and_says_from_where(shop: Policies) -> None:
    """Each point that is missing later can be traced to its purchase."""
    shop.earn(30, card="monthly")
    shop.earn(50, card="monthly", occurred_at=START - 5 * DAY)
    spent = shop.do(shop.spending(60, card="monthly", reference="order 7", pays_for="t")).value
    assert spent.entry.allocations == ((2, -50), (1, -10))
    assert (spent.entry.transaction_id, spent.balance.spendable) == ("t", 20)
    assert shop.rows("SELECT lot, ordinal, amount FROM allocation WHERE seq = 3 ORDER BY ordinal") == [
        (2, 0, -50),
        (1, 1, -10),
    ]
    assert shop.rows("SELECT points, reference, transaction_id, spent_at FROM spending") == [
        (60, "order 7", "t", START)
    ]


def test_stamps_are_taken_by_whole_rewards(shop: Policies) -> None:
    """A balance tells how many there are; what is left over waits for the next."""
    shop.earn(35, card="stamps")
    assert shop.balance(card="stamps").rewards == 3
    assert type(shop.refused(shop.spending(15, card="stamps"))) is PrecisionTooFine
    assert type(shop.refused(shop.spending(40, card="stamps"))) is InsufficientPoints
    spent = shop.do(shop.spending(20, card="stamps")).value
    assert (spent.entry.amount, spent.balance.rewards, spent.balance.spendable) == (-20, 1, 15)
    assert shop.do(shop.spending(10, card="stamps")).value.balance.rewards == 0


def test_parts_come_back_in_reverse_until_nothing_is_left(shop: Policies) -> None:
    """Each with an entry that names the one it reverses."""
    shop.earn(30, card="monthly")
    shop.earn(50, card="monthly", occurred_at=START - 5 * DAY)
    shop.do(shop.spending(60, card="monthly"))
    first = shop.do(shop.rollback(3, 25, card="monthly")).value
    assert (first.entry.allocations, first.entry.reverses) == (((1, 10), (2, 15)), 3)
    refused = shop.refused(shop.rollback(3, 36, card="monthly"))
    assert (type(refused), refused.facts["remaining"]) == (AlreadyRolledBack, "35")
    assert shop.do(shop.rollback(3, card="monthly")).value.entry.allocations == ((2, 35),)
    assert type(shop.refused(shop.rollback(3, card="monthly"))) is AlreadyRolledBack
    assert shop.rows("SELECT rolled_back, restored FROM spending") == [(60, 60)]
    assert shop.balance(card="monthly").spent == 0
    shop.assert_conserved()


@pytest.mark.parametrize("seq", [1, 9])
def test_only_spendings_are_rolled_back(shop: Policies, seq: int) -> None:
    """A purchase is refunded, not rolled back; and an entry that is not there is none."""
    shop.earn(100)
    assert type(shop.refused(shop.rollback(seq))) is SpendingNotFound


@pytest.mark.parametrize(
    ("policy", "how", "restored", "expired", "lots"),
    [
        (RollbackPolicy.KEEP_ORIGINAL_EXPIRY, {}, 60, 60, 1),
        (RollbackPolicy.EXTEND_TO, {"until": START + 99 * DAY}, 60, 0, 2),
        (RollbackPolicy.EXTEND_TO, {"until": START + 10 * DAY}, 60, 60, 1),
        (RollbackPolicy.GRACE, {"grace_days": 14}, 60, 0, 2),
        (RollbackPolicy.NO_RESTORE, {}, 0, 0, 1),
    ],
)
def test_points_whose_lot_expired_meanwhile_come_back_as_the_policy_says(
    shop: Policies, policy: RollbackPolicy, how: dict[str, Any], restored: int, expired: int, lots: int
) -> None:
    """Kept: restored and expired in one go, so nobody cancels to dodge an expiry; else they get a lot of their own."""
    shop.earn(100, card="monthly", transaction_id="t")
    shop.do(shop.spending(60, card="monthly"))
    shop.advance(40 * DAY)
    back = shop.do(shop.rollback(2, card="monthly", policy=policy, **how)).value
    assert (back.points, back.restored, back.expired) == (60, restored, expired)
    assert shop.balance(card="monthly").active == restored - expired
    made = shop.rows("SELECT points, expires_at, origin, transaction_id FROM lot WHERE number > 1")
    assert len(made) + 1 == lots
    if policy is RollbackPolicy.GRACE:
        assert made == [(60, START + 54 * DAY, 1, "t")]
    assert shop.rows("SELECT rolled_back, restored FROM spending") == [(60, restored)]
    shop.assert_conserved()
    shop.advance(400 * DAY)
    assert shop.balance(card="monthly").active == 0


def test_points_that_last_longer_than_the_favour_keep_what_they_have(shop: Policies) -> None:
    """GRACE and EXTEND_TO give time, they take none."""
    shop.earn(100, card="monthly")
    shop.do(shop.spending(60, card="monthly"))
    shop.do(shop.rollback(2, card="monthly", policy=RollbackPolicy.GRACE, grace_days=2))
    assert shop.rows("SELECT number, remaining, expires_at FROM lot") == [
        (1, 100, datetime(2025, 2, 1, 23, tzinfo=UTC))
    ]


def test_a_card_says_how_long_spendings_can_be_rolled_back(shop: Policies) -> None:
    """To the end of the thirtieth day and not a moment longer."""
    shop.earn(100, card="capped")
    shop.do(shop.spending(60, card="capped"))
    shop.advance(30 * DAY)
    shop.do(shop.rollback(2, 10, card="capped"))
    shop.advance(timedelta(microseconds=1))
    assert type(shop.refused(shop.rollback(2, 10, card="capped"))) is RollbackWindowClosed


def test_points_that_come_back_after_a_refund_pay_what_it_could_not_take(shop: Policies) -> None:
    """Refund first or rollback first: the books end up the same."""
    for name, first in (("ada", "refund"), ("ben", "rollback")):
        shop.earn(100, name, "owing", transaction_id=name)
        shop.do(shop.spending(80, name, "owing"))
        acts: list[Command] = [shop.refund(name, name=name), shop.rollback(2, name=name, card="owing")]
        for act in acts if first == "refund" else reversed(acts):
            shop.do(act)
    assert shop.figures("ada", "owing") == shop.figures("ben", "owing") == (0, 0, 0, 0, 0)
    shop.assert_conserved()
