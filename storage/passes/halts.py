"""Halts: pushes with one account are stopped, for every worker, because none of them would arrive.

Now and then one waiting push is let through as a probe: that it is taken ends the halt, whoever mended what was wrong.
An operator can end it by hand.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from rules.activity import PUSHES_HALTED, PUSHES_RESUMED, Origin, by_itself
from storage.activity.commands import record
from storage.engine.database import Connection
from storage.engine.unit import Unit


class Platform(StrEnum):
    """Whose wallet."""

    APPLE = "APPLE"
    GOOGLE = "GOOGLE"


class Halt(NamedTuple):
    """Of a pass type or an issuer. `reason` is a word of Apple's, Google's or ours, never a sentence."""

    platform: Platform
    topic: str
    reason: str
    since: datetime
    probe_at: datetime


def find(connection: Connection, platform: Platform, topic: str) -> Halt | None:
    """The halt of an account, where there is one."""
    found = connection.execute(_FIND, (platform, topic)).fetchone()
    return _halt(found) if found is not None else None


def halts(connection: Connection) -> Sequence[Halt]:
    """All that there are."""
    return [_halt(row) for row in connection.execute(_ALL)]


def begin(unit: Unit, platform: Platform, topic: str, reason: str, probe_after: timedelta) -> bool:
    """Stops the pushes of an account; False where they were stopped before."""
    row = (platform, topic, reason, unit.now, unit.now + probe_after)
    if unit.connection.execute(_BEGIN, row).fetchone() is None:
        return False
    record(unit, by_itself(PUSHES_HALTED), _subject(platform, topic), details={"reason": reason})
    return True


def take_probe(unit: Unit, platform: Platform, topic: str, next_after: timedelta) -> bool:
    """Whether the caller may try a push of an account that is halted; the next may after so long."""
    row = (unit.now + next_after, platform, topic, unit.now)
    return unit.connection.execute(_TAKE_PROBE, row).fetchone() is not None


def end(unit: Unit, platform: Platform, topic: str, by: Origin | None = None) -> Halt | None:
    """Lets pushes of an account go on; answers the halt that ended, None where there was none. `by`: an operator's
    origin, of PUSHES_RESUMED, where it was no probe."""
    found = unit.connection.execute(_END, (platform, topic)).fetchone()
    if found is None:
        return None
    halt = _halt(found)
    details = {"reason": halt.reason, "since": halt.since.isoformat()}
    record(unit, by or by_itself(PUSHES_RESUMED), _subject(platform, topic), details=details)
    return halt


def _halt(row: Sequence[object]) -> Halt:
    halt = Halt(*row)  # type: ignore[arg-type]
    return halt._replace(platform=Platform(halt.platform))


def _subject(platform: Platform, topic: str) -> str:
    return f"pushes/{platform.lower()}/{topic}"


_ALL = "SELECT platform, topic, reason, since, probe_at FROM push_halt ORDER BY platform, topic"

_FIND = "SELECT platform, topic, reason, since, probe_at FROM push_halt WHERE platform = %s AND topic = %s"

_BEGIN = """
INSERT INTO push_halt (platform, topic, reason, since, probe_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING RETURNING true
"""

_TAKE_PROBE = """
UPDATE push_halt SET probe_at = %s WHERE platform = %s AND topic = %s AND probe_at <= %s RETURNING true
"""

_END = """
DELETE FROM push_halt WHERE platform = %s AND topic = %s RETURNING platform, topic, reason, since, probe_at
"""
