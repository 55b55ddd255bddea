"""When keys end: by themselves, by being revoked, or because another took their place."""

from datetime import datetime, timedelta

from rules.credentials.refusals import CredentialEnded


def check_lives(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> None:
    """Raises CredentialEnded."""
    ended_at = revoked_at or expires_at
    if ended_at is not None and ended_at <= now:
        raise CredentialEnded(ended_at=ended_at.isoformat())


def new_end(created_at: datetime, made_until: datetime | None, now: datetime) -> datetime | None:
    """When a key ends that takes the place of one and lives as long as that one was made for; None: never. When it ends
    now says nothing of that: it may have been given an overlap before."""
    return None if made_until is None else now + (made_until - created_at)


def old_end(expires_at: datetime | None, now: datetime, overlap: timedelta) -> datetime:
    """When the one ends whose place was taken: after the overlap, and never later than it would have ended anyway."""
    return now + overlap if expires_at is None else min(expires_at, now + overlap)
