"""How to come to each refusal of codes by the million. An import that is too large is provoked in test_importing.py."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.server.batching import exported, generated, generating
from tests.server.campaigning import created
from tests.server.club import Club
from tests.server.provoked import MISSING, REFUSED, Provoked

Refused = Callable[[], Awaitable[Any]]


async def _guessable(club: Club) -> Refused:
    await created(club)
    return lambda: generating(club, 730, code_pattern="######")


async def _no_batch(club: Club) -> Refused:
    await created(club)
    return lambda: exported(club.admin)


async def _twice(club: Club) -> Refused:
    await created(club)
    await generated(club)
    await exported(club.admin)
    return lambda: exported(club.admin)


OF_BATCHES: dict[str, Provoked] = {
    "KEYSPACE_TOO_SMALL": Provoked(
        REFUSED,
        {"existing": "0", "wanted": "730", "keyspace": "729000000", "allowed": "729", "enough": "7"},
        _guessable,
    ),
    "BATCH_NOT_FOUND": Provoked(MISSING, {}, _no_batch),
    "BATCH_EXPORTED": Provoked(REFUSED, {}, _twice),
}
