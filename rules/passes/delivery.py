"""How the updates of a pass fare, over all wallets that it is in."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

# After so long an update that a phone was told of, and did not fetch, is overdue: without any push phones look for
# updates about once a day.
OVERDUE_AFTER = timedelta(hours=24)


class DeliveryState(StrEnum):
    """In no wallet; every phone shows what it says; an update is on its way; one was, and did not arrive."""

    NOT_INSTALLED = "NOT_INSTALLED"
    CURRENT = "CURRENT"
    UNDER_WAY = "UNDER_WAY"
    OVERDUE = "OVERDUE"


class Installs(NamedTuple):
    """How many of Apple's devices have a pass, and since when the one that waits longest waits for its newest update
    (None: none does); whether it is saved at Google, and since when what is there is not the newest."""

    devices: int
    waiting_since: datetime | None
    google: bool
    google_waiting_since: datetime | None


def delivery_state(standing: Installs, now: datetime) -> DeliveryState:
    """What follows from that."""
    if not (standing.devices or standing.google):
        return DeliveryState.NOT_INSTALLED
    since = [standing.waiting_since if standing.devices else None]
    since += [standing.google_waiting_since if standing.google else None]
    waiting = [one for one in since if one is not None]
    if not waiting:
        return DeliveryState.CURRENT
    return DeliveryState.OVERDUE if min(waiting) <= now - OVERDUE_AFTER else DeliveryState.UNDER_WAY
