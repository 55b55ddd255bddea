"""Challenges: between the right password and the second factor. Opaque to callers, good for minutes, once, and for a
few wrong codes."""

import hashlib
import secrets
from datetime import timedelta
from typing import NamedTuple

from rules.logins import ATTEMPTS_MAX, CHALLENGE_S
from storage.engine.unit import Unit
from storage.logins.records import ChallengeRow


class Challenge(NamedTuple):
    """One in parts. Of the secret only a hash is kept."""

    id: str
    secret: str

    @property
    def text(self) -> str:
        """What the caller holds."""
        return f"{self.id}-{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """What is stored: of 256 bits of chance a plain hash is enough."""
        return hashlib.sha256(self.secret.encode()).digest()


def parse(text: str) -> Challenge:
    """The challenge in a caller's words, whether there is such a one or not."""
    identity, _, secret = text.partition("-")
    return Challenge(identity, secret)


def make(unit: Unit, person: str, activity: str) -> Challenge:
    """A new one. The activity that causes it is written already."""
    challenge = Challenge(secrets.token_hex(8), secrets.token_hex(32))
    ChallengeRow.insert(
        id=challenge.id,
        person=person,
        secret_hash=challenge.secret_hash,
        attempts=0,
        created_at=unit.now,
        expires_at=unit.now + timedelta(seconds=CHALLENGE_S),
        activity=activity,
    ).execute()
    return challenge


def take(unit: Unit, challenge: Challenge) -> bool:
    """Whether it is still good; then it is locked, so that of codes that are tried at once each is counted."""
    return unit.connection.execute(_TAKE, (challenge.id, challenge.secret_hash)).fetchone() is not None


def count(unit: Unit, challenge: Challenge) -> None:
    """A code was wrong; the last one that may be ends it."""
    unit.connection.execute(_COUNT, (ATTEMPTS_MAX, unit.now, challenge.id))


def end(unit: Unit, challenge: Challenge) -> None:
    """It was used."""
    ChallengeRow.update(ended_at=unit.now).where(ChallengeRow.id == challenge.id).execute()


def end_all(unit: Unit, person: str) -> None:
    """A user's password or second factor is another one now: what was begun with the old is over."""
    is_open = (ChallengeRow.person == person) & ChallengeRow.ended_at.is_null()
    ChallengeRow.update(ended_at=unit.now).where(is_open).execute()


def prune(unit: Unit, limit: int) -> int:
    """Removes up to `limit` that have been over for a day, with their codes; answers how many."""
    return unit.connection.execute(_PRUNE, (limit,)).rowcount


_TAKE = """
SELECT FROM login_challenge
WHERE id = %s AND secret_hash = %s AND ended_at IS NULL AND expires_at > clock_timestamp() FOR UPDATE
"""

_COUNT = """
UPDATE login_challenge SET attempts = attempts + 1, ended_at = CASE WHEN attempts + 1 >= %s THEN %s END WHERE id = %s
"""

_PRUNE = """
DELETE FROM login_challenge WHERE id = ANY(ARRAY(
    SELECT id FROM login_challenge WHERE expires_at < now() - interval '1 day' LIMIT %s FOR UPDATE SKIP LOCKED
))
"""
