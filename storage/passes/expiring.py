"""That a certificate ends soon, recorded once for each stage of it, whoever finds it out how often."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from rules.activity import CERTIFICATE_EXPIRING, by_itself
from storage.activity.commands import Outcome, record
from storage.activity.recorder import Act
from storage.engine.unit import Unit


def note(unit: Unit, topic: str, file: str, expires_at: datetime, stage: int, days_left: int) -> bool:
    """Records it; False where that was done. `stage`: the days before the end that were reached, 0 at the end."""
    identity = _identity(topic, file, expires_at, stage)
    # The same activity of two workers at once waits here for the first.
    unit.connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (str(identity),))
    if unit.connection.execute("SELECT true FROM activity WHERE id = %s", (identity,)).fetchone() is not None:
        return False
    ends = act(topic, file, expires_at, stage, days_left)
    record(unit, ends.origin, ends.subject, details=ends.details, activity=ends.activity)
    return True


def act(topic: str, file: str, expires_at: datetime, stage: int, days_left: int) -> Act:
    """The same for the recorder, which records an act of that id once."""
    details = {"file": file, "expires_at": expires_at.isoformat(), "days_left": days_left}
    identity = str(_identity(topic, file, expires_at, stage))
    origin = by_itself(CERTIFICATE_EXPIRING)
    return Act(origin, Outcome.SUCCEEDED, f"certificates/{topic}", details=details, activity=identity)


def _identity(topic: str, file: str, expires_at: datetime, stage: int) -> UUID:
    """An id of the form of all activities (UUIDv7), of the day of the stage, the same whoever makes it."""
    reached_ms = int((expires_at - timedelta(days=stage)).timestamp() * 1000)
    about = hashlib.sha256("\0".join((topic, file, expires_at.isoformat(), str(stage))).encode()).digest()
    number = (reached_ms << 80) | int.from_bytes(about[:10])
    return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)
