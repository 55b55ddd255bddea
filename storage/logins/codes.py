"""Six-digit codes: mailed for a challenge, or handed out by an operator for any challenge of a user."""

import hmac
from datetime import timedelta
from uuid import UUID

from rules.logins import CODE_S, CODES_MAILED_MAX, CODES_MAILED_WITHIN_S
from rules.refusals import TooManyAttempts
from storage.engine.database import Connection
from storage.engine.ids import new_uuid
from storage.engine.unit import Unit
from storage.logins.records import CodeRow
from storage.logins.sealing import AccessKeys


def check_room(unit: Unit, person: str) -> None:
    """Whether one more may be mailed to a user, whose row is locked. Raises TooManyAttempts."""
    within = timedelta(seconds=CODES_MAILED_WITHIN_S)
    [(made, oldest)] = unit.connection.execute(_MADE, (person, unit.now - within, CODES_MAILED_MAX))
    if made >= CODES_MAILED_MAX:
        wait = oldest + within - unit.now
        raise TooManyAttempts(retry_after_s=max(1, -(-wait // timedelta(seconds=1))))


def make(unit: Unit, person: str, challenge: str | None, activity: str) -> UUID:
    """Makes one, for a challenge or (None) for any of the user's, and answers its id; those before it are good no more.
    The activity that causes it is written already."""
    unit.connection.execute(_END, (unit.now, person))
    code = new_uuid()
    CodeRow.insert(
        id=code,
        person=person,
        challenge=challenge,
        created_at=unit.now,
        expires_at=unit.now + timedelta(seconds=CODE_S),
        activity=activity,
    ).execute()
    return code


def use(unit: Unit, keys: AccessKeys, person: str, challenge: str, typed: str) -> bool:
    """Whether that is the user's code, for this challenge or any: then it is good no more."""
    for (code,) in unit.connection.execute(_OPEN, (person, unit.now, challenge)).fetchall():
        if hmac.compare_digest(keys.mailed_code(code).encode(), typed.encode()):
            # Of two at once the second waits for the first, and finds it ended.
            return unit.connection.execute(_USE, (unit.now, code)).rowcount == 1
    return False


def is_usable(connection: Connection, code: UUID) -> bool:
    """Whether a code, by its id, is still good."""
    return connection.execute(_IS_USABLE, (code,)).fetchone() is not None


_MADE = """
SELECT count(*), min(created_at) FROM (
    SELECT created_at FROM login_code
    WHERE person = %s AND challenge IS NOT NULL AND created_at > %s ORDER BY created_at DESC LIMIT %s
) AS lately
"""

_END = "UPDATE login_code SET ended_at = %s WHERE person = %s AND ended_at IS NULL"

_OPEN = """
SELECT id FROM login_code
WHERE person = %s AND ended_at IS NULL AND expires_at > %s AND (challenge IS NULL OR challenge = %s)
"""

_USE = "UPDATE login_code SET ended_at = %s WHERE id = %s AND ended_at IS NULL"

_IS_USABLE = "SELECT FROM login_code WHERE id = %s AND ended_at IS NULL AND expires_at > now()"
