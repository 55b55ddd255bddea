"""Whatever happens to coupons, in whatever order: what the books count is what happened."""

import pytest

from storage.engine.database import Database
from tests.storage.coupons.lives import OF_COUPONS, Lives


@pytest.mark.parametrize("seed", range(4))
def test_uses_are_redemptions_that_were_not_given_back(database: Database, seed: int) -> None:
    """Coupons, balances, stocks and records agree after every few acts, and each kind of act came to something."""
    lives = Lives(database, seed)
    for _ in range(6):
        lives.live(15)
        lives.assert_counted()
        lives.assert_conserved()
    done = {command for (command, outcome), count in lives.outcomes.items() if outcome == "Answer" and count}
    assert {kind.__name__ for kind in OF_COUPONS} - done <= {"VoidCoupon"}
    assert any(outcome.startswith(("Coupon", "Campaign")) for _, outcome in lives.outcomes), "nothing was refused"
