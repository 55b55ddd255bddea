"""Holds in the books: points set aside, captured, let go, and what the midnight does to them."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.refusals import (
    HoldAlreadyCaptured,
    HoldExceeded,
    HoldExpired,
    HoldNotFound,
    HoldReleased,
    HoldTooLong,
    InsufficientPoints,
    PointsHeldElsewhere,
    PrecisionTooFine,
)
from storage.engine.database import Database
from tests.storage.policies import Policies
from tests.storage.scene import START

DAY = timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Policies:
    """A customer with a hundred points to the end of 1 February, in Prague."""
    made = Policies(database)
    made.earn(100, card="monthly")
    return made


def test_what_is_set_aside_is_in_the_balance_and_not_in_the_history(shop: Policies) -> None:
    """Points history shows what is permanent; a basket is not."""
    held = shop.do(shop.hold(60, card="monthly", reference="basket")).value
    assert (held.hold.number, held.hold.points, held.hold.expires_at) == (1, 60, START + DAY)
    assert (held.balance.held, held.balance.spendable) == (60, 40)
    assert shop.figures(card="monthly") == (0, 100, 60, 0, 40)
    assert shop.history(card="monthly") == [("EARN", 100)]
    assert shop.rows("SELECT hold, lot, points FROM pin") == [(1, 1, 60)]
    shop.assert_conserved()


def test_a_till_hears_whether_points_lack_or_another_checkout_has_them(shop: Policies) -> None:
    """ "Finish the other one first" is something to say; so is "you have too few"."""
    shop.do(shop.hold(60, card="monthly"))
    for command in (
        shop.spending(41, card="monthly"),
        shop.hold(100, card="monthly"),
        shop.transfer(41, card="monthly"),
    ):
        refused = shop.refused(command)
        assert type(refused) is PointsHeldElsewhere
        assert (refused.facts["spendable"], refused.facts["held"]) == ("40", "60")
    for more in (shop.spending(101, card="monthly"), shop.adjustment(-101, card="monthly")):
        assert type(shop.refused(more)) is InsufficientPoints


def test_a_capture_in_part_spends_that_and_lets_the_rest_go(shop: Policies) -> None:
    """One entry that names the hold, and a spending that can be given back."""
    shop.do(shop.hold(60, card="monthly", reference="basket", pays_for="t"))
    captured = shop.do(shop.capture(1, 45, card="monthly")).value
    assert (captured.entry.amount, captured.entry.hold, captured.hold.state) == (-45, 1, "CAPTURED")
    assert shop.figures(card="monthly") == (0, 55, 0, 0, 55)
    assert shop.rows("SELECT points, captured, entry, ended_at FROM hold") == [(60, 45, 2, START)]
    assert shop.rows("SELECT seq, points, reference, transaction_id FROM spending") == [(2, 45, "basket", "t")]
    assert shop.do(shop.rollback(2, card="monthly")).value.balance.active == 100
    shop.assert_conserved()


def test_a_hold_that_ended_says_how(shop: Policies) -> None:
    """Captured, let go, or too slow; and one that never was is not found."""
    for ttl_s in (0, 0, 600):
        shop.do(shop.hold(20, card="monthly", ttl_s=ttl_s))
    shop.do(shop.capture(1, card="monthly"))
    shop.do(shop.release(2, card="monthly"))
    shop.advance(timedelta(seconds=600))
    for number, refusal in ((1, HoldAlreadyCaptured), (2, HoldReleased), (3, HoldExpired), (4, HoldNotFound)):
        for command in (shop.capture(number, card="monthly"), shop.release(number, card="monthly")):
            assert type(shop.refused(command)) is refusal
    shop.sweep()
    assert type(shop.refused(shop.capture(3, card="monthly"))) is HoldExpired


def test_more_than_was_set_aside_is_not_captured(shop: Policies) -> None:
    """The rest would be a spending that nobody asked for."""
    shop.do(shop.hold(60, card="monthly"))
    assert type(shop.refused(shop.capture(1, 61, card="monthly"))) is HoldExceeded


def test_a_card_says_how_long_points_can_be_set_aside(shop: Policies) -> None:
    """Ten minutes here; none given is all of them."""
    shop.earn(50, card="capped")
    assert type(shop.refused(shop.hold(10, card="capped", ttl_s=601))) is HoldTooLong
    held = shop.do(shop.hold(10, card="capped")).value
    assert held.hold.expires_at == START + timedelta(seconds=600)


@pytest.mark.parametrize("swept", [True, False])
@pytest.mark.parametrize("end", ["captured", "released", "left alone"])
def test_a_hold_outlives_its_lot_and_ends_with_it_if_nobody_captures(shop: Policies, end: str, swept: bool) -> None:
    """At the till at midnight: who finishes has his points; who gives up has had them."""
    midnight = datetime(2025, 2, 1, 23, tzinfo=UTC)
    shop.advance(midnight - timedelta(hours=1) - START)
    shop.do(shop.hold(60, card="monthly", ttl_s=7200))
    shop.advance(timedelta(hours=1, minutes=30))
    if swept:
        shop.sweep()
    assert shop.figures(card="monthly") == (0, 60, 60, 0, 0)
    if end == "captured":
        shop.do(shop.capture(1, 50, card="monthly"))
    elif end == "released":
        shop.do(shop.release(1, card="monthly"))
    shop.advance(timedelta(hours=1))
    assert shop.figures(card="monthly") == (0, 0, 0, 0, 0)
    shop.sweep()
    expected = {
        "captured": [("EXPIRY", -40), ("SPEND", -50), ("EXPIRY", -10)],
        "released": [("EXPIRY", -40), ("EXPIRY", -60)],
        "left alone": [("EXPIRY", -40), ("EXPIRY", -60)],
    }
    assert shop.history(card="monthly")[1:] == expected[end]
    shop.assert_conserved()


def test_what_time_lets_go_is_recorded_as_its_own_act(shop: Policies) -> None:
    """The timeline says that the basket was abandoned, and when: not when somebody came by."""
    shop.do(shop.hold(60, card="monthly"))
    shop.advance(3 * DAY)
    shop.sweep()
    acts = shop.rows("SELECT action, occurred_at, source FROM activity WHERE actor_type = 'SYSTEM'")
    assert acts == [("hold.expired", START + DAY, "AUTOMATED")]
    assert shop.rows("SELECT state, ended_at, captured FROM hold") == [("EXPIRED", START + DAY, 0)]


def test_stamps_are_set_aside_by_whole_rewards(shop: Policies) -> None:
    """Half a coffee cannot be reserved."""
    shop.earn(25, card="stamps")
    assert type(shop.refused(shop.hold(15, card="stamps"))) is PrecisionTooFine
    shop.do(shop.hold(20, card="stamps"))
    assert type(shop.refused(shop.capture(1, 5, card="stamps"))) is PrecisionTooFine
    assert shop.do(shop.capture(1, 10, card="stamps")).value.balance.rewards == 1
