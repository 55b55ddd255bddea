"""Which updates of a card make the phone ring: Google lets three through in 24 hours, and drops the rest.

Only fields that the design tells of (`change_message`) ring, and coupons that come to the card. The last of the three
is kept for what its customer would miss: points change often. What a card said is kept as digests of a few letters,
enough to see what changed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from rules.passes.content import Content
from rules.passes.designs import Source

# Google's rule, for each object.
RINGS_MAX = 3
WITHIN = timedelta(hours=24)
# How many of them what is no news to its customer, who was at the till, may take.
ORDINARY_RINGS_MAX = 2

_ORDINARY = {Source.BALANCE, Source.PENDING, Source.FULL_CARDS, Source.NEXT_REWARD_MISSING, Source.TEXT}
# Beside the keys of fields, which begin with a letter.
_LINKED = "+coupons"


@dataclass(frozen=True)
class Rung:
    """When the phone was made to ring lately, and what the card said last, by field."""

    at: tuple[datetime, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, kept: Any) -> "Rung":
        """From what the books keep; of an older form it says nothing."""
        if not isinstance(kept, dict):
            return cls()
        return cls(tuple(datetime.fromisoformat(at) for at in kept["at"]), kept["said"])

    def kept(self) -> dict[str, Any]:
        """As the books keep it."""
        return {"at": [at.isoformat() for at in self.at], "said": dict(self.said)}


class Decision(NamedTuple):
    """Whether this update rings, and what is kept once it was sent."""

    rings: bool
    after: Rung


def decide(before: Rung, content: Content, now: datetime) -> Decision:
    """What an update that brings the card to this content does."""
    lately = tuple(at for at in before.at if at > now - WITHIN)
    said = _said(content)
    urgent = {shown.key for shown in content.fields if shown.source not in _ORDINARY} | {_LINKED}
    changed = {key for key, digest in said.items() if before.said.get(key, digest) != digest}
    budget = RINGS_MAX if changed & urgent else ORDINARY_RINGS_MAX
    rings = bool(changed) and not content.voided and len(lately) < budget
    return Decision(rings, Rung((*lately, now) if rings else lately, said))


def _said(content: Content) -> dict[str, str]:
    told = {shown.key: shown.value for shown in content.fields if shown.change_message}
    return {**{key: _digest(value) for key, value in told.items()}, _LINKED: _digest(content.linked)}


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:8]
