"""Whom an address belongs to, and what there is to know them by: one statement, whether there is anybody or not."""

from typing import Any, NamedTuple

from rules.access import Caller
from rules.activity import Kind, Origin
from rules.logins import Account
from storage.access.authenticating import HELD, user
from storage.activity.commands import Scope
from storage.engine.database import Connection
from storage.engine.unit import Unit


class Known(NamedTuple):
    """A user on the way in: `caller` is who they are, once they are in."""

    account: Account
    email: str
    caller: Caller

    def acting(self, origin: Origin, kind: Kind) -> Origin:
        """What they do, of a call that nobody had made yet."""
        caller = self.caller
        return origin._replace(actor_type=caller.type, actor=caller.id, roles=caller.roles, kind=kind)


def by_email(connection: Connection, email: str) -> Known | None:
    """By the address, in small letters."""
    return _known(connection.execute(_BY_EMAIL, (email,)).fetchone())


def by_id(connection: Connection, person: str) -> Known | None:
    """By the user's id."""
    return _known(connection.execute(_BY_ID, (person,)).fetchone())


def by_challenge(connection: Connection, challenge: str, secret_hash: bytes) -> Known | None:
    """By a challenge that is not over yet, and the hash of its secret."""
    return _known(connection.execute(_BY_CHALLENGE, (challenge, secret_hash)).fetchone())


def stands(unit: Unit, known: Known) -> bool:
    """Whether a user may still come in, with the password that was checked: from here to the transaction's end nobody
    locks them or changes it."""
    account = known.account
    return unit.connection.execute(_STANDS, (account.person, account.phc)).fetchone() is not None


def scope(connection: Connection, caller: Caller) -> Scope:
    """Whose log has what a user does with their login: their program's, where all that they may do is in one."""
    return program_scope(connection, caller.only_program)


def program_scope(connection: Connection, program: str) -> Scope:
    """That of a program, by its public id; empty: of none. As much to do either way."""
    found: Any = connection.execute("SELECT id FROM program WHERE program_id = %s", (program,)).fetchone()
    return Scope(found[0]) if found is not None else Scope()


def _known(found: Any) -> Known | None:
    if found is None:
        return None
    person, email, name, state, phc, must_change, has_totp, recovery_codes, held = found
    account = Account(person, state, phc or "", bool(must_change), has_totp, recovery_codes)
    return Known(account, email, user(person, name, held))


_KNOWN = f"""
SELECT u.id, u.email, u.display_name, u.state, p.phc, p.must_change,
       EXISTS (SELECT FROM totp t WHERE t.person = u.id AND t.confirmed_at IS NOT NULL),
       (SELECT count(*) FROM recovery_code r WHERE r.person = u.id AND r.used_at IS NULL),
       {HELD.format(holder="u.id")}
FROM app_user u LEFT JOIN password p ON p.person = u.id
"""  # noqa: S608 - our own words

_BY_EMAIL = f"{_KNOWN} WHERE u.email = %s"
_BY_ID = f"{_KNOWN} WHERE u.id = %s"
_BY_CHALLENGE = f"""
{_KNOWN} JOIN login_challenge c ON c.person = u.id
WHERE c.id = %s AND c.secret_hash = %s AND c.ended_at IS NULL AND c.expires_at > now()
"""

_STANDS = """
SELECT FROM app_user u JOIN password p ON p.person = u.id
WHERE u.id = %s AND u.state = 'ACTIVE' AND p.phc = %s FOR SHARE
"""
