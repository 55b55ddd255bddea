"""What the demo tells of its phones: what they show against the books, and how long updates took."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import NamedTuple

from cli.phones.households import Households
from fealty import Fealty
from fealty.v1 import passes_pb2, points_pb2

BALANCES_MAX = 1000


class Arrived(NamedTuple):
    """Cards in phones; of Apple's, those whose signature openssl verifies; updates that Apple and Google were given,
    and that phones came to show, in this run; seconds from commit to phone, of this run's updates of phones that were
    never off, None where there was none; cards that show something else than the books have."""

    passes_installed: int
    passes_verified: int
    updates_pushed: int
    updates_seen: int
    seconds_to_phone_p50: float | None
    seconds_to_phone_p99: float | None
    stale_passes: int


def arrived(fealty: Fealty, program: str, card_id: str, households: Households, since: datetime) -> Arrived:
    """Of phones that have settled, of a program, by its resource name; this run began at `since`."""
    have = [one for one, phones in households.phones.items() if any(phone.serial for phone in phones)]
    on = [one for one in have if not households.was_off(one)]
    cards = [f"{program}/customers/household-{one}/passes/{households.serial(one)}" for one in on]
    seconds = sorted(second for card in cards for second in _seconds(fealty, card, since))
    stale = households.stale(_points(fealty, program, card_id, have))
    return Arrived(
        households.installed,
        households.verified,
        households.pushed,
        households.seen,
        _percentile(seconds, 0.50),
        _percentile(seconds, 0.99),
        stale,
    )


def _seconds(fealty: Fealty, card: str, since: datetime) -> Iterator[float]:
    """Of the newest 20 updates of each phone that has a card, those that were fetched since."""
    request = passes_pb2.TraceDeliveryRequest(name=card)
    for installation in fealty.passes.TraceDelivery(request).installations:
        for one in installation.deliveries:
            if one.HasField("seconds") and one.fetch_time.ToDatetime(UTC) >= since:
                yield one.seconds


def _points(fealty: Fealty, program: str, card_id: str, households: Sequence[int]) -> Mapping[int, int]:
    """What each can spend, as the books have it now."""
    found: dict[int, int] = {}
    for start in range(0, len(households), BALANCES_MAX):
        some = households[start : start + BALANCES_MAX]
        customers = [f"{program}/customers/household-{household}" for household in some]
        request = points_pb2.BatchGetBalancesRequest(card=f"{program}/cards/{card_id}", customers=customers)
        results = fealty.points.BatchGetBalances(request).results
        found |= {household: one.balance.spendable for household, one in zip(some, results, strict=True)}
    return found


def _percentile(sorted_: Sequence[float], part: float) -> float | None:
    return round(sorted_[ceil(part * len(sorted_)) - 1], 2) if sorted_ else None
