"""How the updates of a pass fare, in a word."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.passes.delivery import OVERDUE_AFTER, DeliveryState, Installs, delivery_state

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("standing", "state"),
    [
        (Installs(0, None, False, None), DeliveryState.NOT_INSTALLED),
        # What was on its way to who removed the card is on its way to nobody.
        (Installs(0, NOW - MINUTE, False, NOW - MINUTE), DeliveryState.NOT_INSTALLED),
        (Installs(1, None, False, None), DeliveryState.CURRENT),
        (Installs(0, None, True, None), DeliveryState.CURRENT),
        (Installs(2, NOW - MINUTE, False, None), DeliveryState.UNDER_WAY),
        (Installs(1, None, True, NOW - MINUTE), DeliveryState.UNDER_WAY),
        (Installs(1, NOW - OVERDUE_AFTER, False, None), DeliveryState.OVERDUE),
        # The one that waits longest counts.
        (Installs(1, NOW - MINUTE, True, NOW - OVERDUE_AFTER), DeliveryState.OVERDUE),
    ],
)
def test_a_pass_is_as_well_as_the_wallet_that_fares_worst(standing: Installs, state: DeliveryState) -> None:
    """Support looks at a list, and asks on where it does not say CURRENT."""
    assert delivery_state(standing, NOW) is state
