"""Which lots are redated, and what their expiry becomes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from rules.programs import Card, ExpiryMode, Settings
from rules.refusals import ExpiryInPast, SettingsInvalid


class Expiry(StrEnum):
    """What the expiry becomes."""

    AT = "AT"
    NEVER = "NEVER"
    BY_CURRENT_POLICY = "BY_CURRENT_POLICY"


@dataclass(frozen=True, slots=True)
class Terms:
    """The open lots of a card that expire before an instant (None: all of them). `expires_at` belongs to Expiry.AT."""

    card_id: str
    expiry: Expiry
    expires_at: datetime | None = None
    expire_before: datetime | None = None

    def check(self, card: Card, now: datetime) -> None:
        """Raises ExpiryInPast; SettingsInvalid where it is to follow today's policy and that slides, which no lot can
        be made to do afterwards."""
        if self.expires_at is not None and self.expires_at <= now:
            raise ExpiryInPast(given=self.expires_at.isoformat(), now=now.isoformat())
        policy = card.expiry_policy
        if self.expiry is Expiry.BY_CURRENT_POLICY and policy is not None and policy.mode is ExpiryMode.SLIDING:
            raise SettingsInvalid(what=f"the expiry of card {card.card_id} slides today; name an instant, or never")

    def end(self, settings: Settings, card: Card, activates_at: datetime | None, now: datetime) -> datetime | None:
        """What becomes of the expiry of a lot that became active, or will; None: never, or nobody knows yet."""
        end = self.expires_at
        if self.expiry is Expiry.BY_CURRENT_POLICY and activates_at is not None:
            end = settings.usable_until(card, activates_at)
        # Where that has passed they end now, not before anybody said so.
        return None if end is None else max(end, now)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def from_plain(arguments: dict[str, Any]) -> Terms:
    """The same back."""
    return msgspec.convert(arguments, Terms)


# When a lot `l` with what it shares as `s` ends, and whether it is one of those. What has expired is gone, whether or
# not a worker has been by.
ENDS = "coalesce(s.expires_at, l.expires_at)"
IS_COVERED = f"""
    l.state IN ('PENDING', 'ACTIVE')
    AND (s.expires_at IS NULL OR s.expires_at > %(now)s) AND (l.expires_at IS NULL OR l.expires_at > %(now)s)
    AND (%(before)s::timestamptz IS NULL OR {ENDS} < %(before)s)
"""
