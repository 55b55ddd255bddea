"""Ends logins: one's own, or all of a user."""

from rules.access import Caller
from rules.activity import LOGIN_ENDED, Origin
from rules.logins import LoginNotFound
from storage.activity.commands import Scope, record
from storage.engine.unit import Unit
from storage.logins import accounts


def end(unit: Unit, caller: Caller, login: str, origin: Origin, by: str) -> None:
    """Ends a login of the caller's, by its id. `by`: LOGOUT or REVOKED. Raises LoginNotFound."""
    scope = accounts.scope(unit.connection, caller)
    if not _end(unit, caller.user, login, "", origin, by, scope):
        raise LoginNotFound


def end_all(unit: Unit, person: str, origin: Origin, by: str, scope: Scope, but: str = "") -> int:
    """Ends all logins of a user but one, each with a record of its own; answers how many. `by` says what ended them."""
    return len(_end(unit, person, "", but, origin, by, scope))


def _end(unit: Unit, person: str, login: str, but: str, origin: Origin, by: str, scope: Scope) -> list[str]:
    found = [str(ended) for (ended,) in unit.connection.execute(_END, (unit.now, person, login, login, but)).fetchall()]
    ended_by = origin._replace(kind=LOGIN_ENDED)
    for one in found:
        record(unit, ended_by, f"users/{person}/logins/{one}", scope, details={"by": by})
    return found


_END = """
UPDATE login SET ended_at = %s
WHERE person = %s AND ended_at IS NULL AND (%s = '' OR id = %s) AND id <> %s RETURNING id
"""
