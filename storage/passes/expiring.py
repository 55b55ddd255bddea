"""That a certificate ends soon, recorded once for each stage of it, whoever finds it out how often."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from rules.activity import CERTIFICATE_EXPIRING, by_itself
from storage.activity.commands import record
from storage.engine.unit import Unit


def note(unit: Unit, topic: str, file: str, expires_at: datetime, stage: int, days_left: int) -> bool:
    """Records it; False where that was done. `stage`: the days before the end that were reached, 0 at the end."""
    identity = _identity(topic, file, expires_at, stage)
    # The same activity of two workers at once waits here for the first.
    unit.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(identity),))
    if unit.connection.execute("SELECT true FROM activity WHERE id = %s", (identity,)).fetchone() is not None:
        return False
    details = {"file": file, "expires_at": expires_at.isoformat(), "days_left": days_left}
    subject = f"certificates/{topic}"
    record(unit, by_itself(CERTIFICATE_EXPIRING), subject, details=details, activity=str(identity))
    return True


def _identity(topic: str, file: str, expires_at: datetime, stage: int) -> UUID:
    """An id of the form of all activities (UUIDv7), of the day of the stage, the same whoever makes it."""
    reached_ms = int((expires_at - timedelta(days=stage)).timestamp() * 1000)
    about = hashlib.sha256("\0".join((topic, file, expires_at.isoformat(), str(stage))).encode()).digest()
    number = (reached_ms << 80) | int.from_bytes(about[:10])
    return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)
