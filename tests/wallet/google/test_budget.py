"""Which updates ring: three in 24 hours, and what for."""

from datetime import timedelta
from typing import Any

import pytest

from rules.passes.content import Amount, Content
from rules.passes.designs import Source
from tests.wallet.google.cards import NOW, content
from wallet.google.budget import Rung, decide


def told(points: int, days: int = 0, **other: Any) -> Content:
    """A card with so many points that end so many days later than others."""
    ends = NOW + timedelta(days=30 + days)
    return content(values={Source.BALANCE: Amount(points), Source.EXPIRES_AT: ends}, **other)


def test_points_ring_twice_a_day_and_what_would_be_missed_once_more() -> None:
    """Whoever buys three coffees is still told that points end."""
    rung = decide(Rung(), told(0), NOW).after
    rings = []
    for points in range(1, 5):
        decision = decide(rung, told(points), NOW + timedelta(hours=points))
        rings.append(decision.rings)
        rung = decision.after
    assert rings == [True, True, False, False]
    for hours, expected in ((5, True), (6, False)):
        decision = decide(rung, told(4, days=hours), NOW + timedelta(hours=hours))
        assert decision.rings is expected
        rung = decision.after
    assert decide(rung, told(9), NOW + timedelta(hours=26)).rings, "the first of them is a day old"


def test_a_coupon_that_comes_to_the_card_rings() -> None:
    """Even after a day of points."""
    rung = Rung((NOW, NOW), decide(Rung(), told(0), NOW).after.said)
    assert decide(rung, told(0, linked=("pass_c",)), NOW).rings


@pytest.mark.parametrize(
    "silent",
    [
        told(0),
        content(
            values={Source.BALANCE: Amount(0), Source.EXPIRES_AT: NOW + timedelta(days=30), Source.MEMBER_ID: None}
        ),
        told(5, voided=True),
    ],
    ids=["nothing", "what no message tells", "a voided card"],
)
def test_what_the_design_does_not_tell_changes_silently(silent: Content) -> None:
    """As it does on an iPhone."""
    assert not decide(decide(Rung(), told(0), NOW).after, silent, NOW).rings


def test_the_first_sending_rings_for_nobody() -> None:
    """Nobody has the card yet; nor is anything known of what an older version sent."""
    assert not decide(Rung.read([]), told(5), NOW).rings


def test_what_is_kept_is_read_again_and_says_nothing_of_anybody() -> None:
    """It lies beside the card in the books, after its customer was erased, too."""
    rung = decide(Rung((NOW,), {}), told(5), NOW).after
    assert Rung.read(rung.kept()) == rung
    assert "Alice" not in str(rung.kept())
