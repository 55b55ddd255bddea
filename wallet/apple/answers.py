"""What Apple's push service answers, and what follows from it: a pure table.

The reasons are those of Apple's "Handling notification responses from APNs". A push of a pass says "go and look", so
one that is sent twice costs nothing: where it is not known what became of it, it is sent again.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple


class Done(NamedTuple):
    """APNs took it, and will bring it to the phone."""


class Gone(NamedTuple):
    """The phone has no use for pushes of this topic any more, since that instant, by Apple's clock; None where they do
    not say. A token that was registered later is another matter."""

    since: datetime | None


class BadToken(NamedTuple):
    """This is no token, as far as the host that was asked knows, or none of this topic: phones say what they like. One
    of them is a phone that is gone; many of them at once are the wrong host or the wrong certificate, and every phone
    is still there."""

    reason: str


class Misconfigured(NamedTuple):
    """Certificate or topic are not accepted: no push of this topic would be. No phone is to blame."""

    reason: str


class OurFault(NamedTuple):
    """What we sent is no push: it would be answered the same again."""

    reason: str


class Later(NamedTuple):
    """APNs cannot take it now. `after`: at least so long, None where that is ours to choose. With `anew`, the
    connection that answered this is of no use any more."""

    reason: str
    after: timedelta | None = None
    anew: bool = False


Outcome = Done | Gone | BadToken | Misconfigured | OurFault | Later


class Answer(NamedTuple):
    """What came back for one push: `reason` is empty where it was taken."""

    status: int
    reason: str
    apns_id: str
    outcome: Outcome


# Pushes that come faster than this to one phone are dropped (429 TooManyRequests names no time).
_TOO_MANY_AFTER = timedelta(minutes=1)
# How long Apple wants a token of a provider to be used before the next (429 TooManyProviderTokenUpdates).
_TOKEN_UPDATES_AFTER = timedelta(minutes=20)

_BAD_TOKEN = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic"})

_MISCONFIGURED = frozenset(
    {
        *("TopicDisallowed", "BadTopic", "MissingTopic"),
        *("BadCertificate", "BadCertificateEnvironment", "Forbidden"),
        *("ExpiredProviderToken", "InvalidProviderToken", "MissingProviderToken"),
        *("UnrelatedKeyIdInToken", "BadEnvironmentKeyIdInToken"),
    }
)


def read(status: int, reason: str, timestamp_ms: int | None = None, retry_after_s: int | None = None) -> Outcome:
    """What an answer means. `reason` and `timestamp_ms` are those of its body, `retry_after_s` that of its header."""
    if status == 200:
        return Done()
    if status == 410:
        return Gone(_instant(timestamp_ms))
    if reason in _BAD_TOKEN:
        return BadToken(reason)
    if status == 403 or reason in _MISCONFIGURED:
        return Misconfigured(reason or str(status))
    if status == 429:
        least = _TOKEN_UPDATES_AFTER if reason == "TooManyProviderTokenUpdates" else _TOO_MANY_AFTER
        return Later(reason or str(status), max(least, timedelta(seconds=retry_after_s or 0)))
    if reason == "IdleTimeout":
        return Later(reason, timedelta(0), anew=True)
    if status >= 500:
        after = timedelta(seconds=retry_after_s) if retry_after_s is not None else None
        return Later(reason or str(status), after, anew=reason == "Shutdown")
    # What Apple may add one day is ours to learn: nothing is deleted for it, and nothing sent again.
    return OurFault(reason or str(status))


def _instant(timestamp_ms: int | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(timestamp_ms / 1000, UTC) if timestamp_ms is not None else None
    except (OverflowError, OSError, ValueError):
        return None
