"""Passwords: changed by who knows them, set again by who has the mailbox, set first by who accepts an invitation."""

from rules.access import Caller
from rules.activity import Origin
from rules.logins import PasswordWrong, TokenNotUsable
from storage.access import emailed_tokens
from storage.access.records import UserRow
from storage.activity.commands import record
from storage.engine.database import Connection
from storage.engine.keyring import Keyring
from storage.engine.unit import Unit
from storage.logins import accounts, challenges, ending
from storage.logins.accounts import Known
from storage.logins.keys import find_access_keys
from storage.logins.records import PasswordRow, Purpose
from storage.tasks.commands import plan

# The actor that mails tokens to set passwords again, and its queue.
ACTOR = "mail_reset"
QUEUE = "mail"

# In what state a token of each purpose finds its user.
_STATES = {Purpose.INVITATION: "INVITED", Purpose.RESET: "ACTIVE"}


def put(unit: Unit, person: str, phc: str, must_change: bool, activity: str) -> None:
    """Sets a user's password, by its hash; what was begun with another is over. The activity is written already."""
    row = {"phc": phc, "must_change": must_change, "set_at": unit.now, "activity": activity}
    PasswordRow.insert(person=person, **row).on_conflict(conflict_target=[PasswordRow.person], update=row).execute()
    challenges.end_all(unit, person)


def change(unit: Unit, known: Known, caller: Caller, origin: Origin, phc: str) -> bool:
    """Sets another password, where `known` has the one that stands; all other logins end. Answers whether this one
    does, too: one that was restricted was made without a second factor. Raises PasswordWrong."""
    if not accounts.stands(unit, known):
        raise PasswordWrong
    scope, person = accounts.scope(unit.connection, known.caller), known.account.person
    is_restricted = known.account.must_change
    activity = record(unit, origin, f"users/{person}", scope)
    unit.write()
    put(unit, person, phc, False, activity)
    ending.end_all(unit, person, origin, "PASSWORD_CHANGED", scope, "" if is_restricted else caller.login)
    return is_restricted


def request_reset(unit: Unit, email: str, origin: Origin) -> None:
    """Has a token mailed to whom an address belongs. Of an address of nobody there is a token of nobody, and the same
    to do; whether anything is mailed is found out by a worker."""
    known = accounts.by_email(unit.connection, email)
    is_active = known is not None and known.account.state == "ACTIVE"
    person = known.account.person if known is not None and is_active else None
    subject, program = (f"users/{known.account.person}", known.caller.only_program) if known is not None else ("", "")
    scope = accounts.program_scope(unit.connection, program)
    activity = record(unit, origin, subject, scope)
    unit.write()
    token = emailed_tokens.add(unit, person, Purpose.RESET, activity)
    plan(unit, ACTOR, QUEUE, {"token": token}, f"{ACTOR}:{token}", scope.program)


def mail_reset(unit: Unit, token: str) -> None:
    """What the worker does with it."""
    found = unit.connection.execute(_OPEN, (token,)).fetchone()
    if found is not None:
        person, activity, program = found
        emailed_tokens.mail(unit, token, person, Purpose.RESET, str(activity), program)


def whose(connection: Connection, keyring: Keyring, token: str, purpose: Purpose) -> Known:
    """Whom a token that was mailed belongs to. Raises TokenNotUsable."""
    found = emailed_tokens.find(connection, find_access_keys(connection, keyring), token, purpose)
    known = accounts.by_id(connection, found[1]) if found is not None else None
    if known is None or known.account.state != _STATES[purpose]:
        raise TokenNotUsable
    return known


def reset(unit: Unit, token: str, phc: str, origin: Origin) -> None:
    """Sets the password of whom a token belongs to; all their logins end. Raises TokenNotUsable."""
    known = _take(unit, token, Purpose.RESET)
    scope, person = accounts.scope(unit.connection, known.caller), known.account.person
    acting = known.acting(origin, origin.kind)
    activity = record(unit, acting, f"users/{person}", scope)
    unit.write()
    put(unit, person, phc, False, activity)
    ending.end_all(unit, person, acting, "PASSWORD_RESET", scope)


def accept_invitation(unit: Unit, token: str, phc: str, display_name: str, origin: Origin) -> str:
    """Makes a user of whom an invitation was mailed to, under the name they give (empty: that of the invitation);
    answers the user's id. Raises TokenNotUsable."""
    known = _take(unit, token, Purpose.INVITATION)
    scope, person = accounts.scope(unit.connection, known.caller), known.account.person
    activity = record(unit, known.acting(origin, origin.kind), f"users/{person}", scope)
    unit.write()
    put(unit, person, phc, False, activity)
    row = {"state": "ACTIVE", "version": UserRow.version + 1, "updated_at": unit.now, "activity": activity}
    if display_name:
        row["display_name"] = display_name
    UserRow.update(**row).where(UserRow.id == person).execute()
    return person


def _take(unit: Unit, text: str, purpose: Purpose) -> Known:
    """Uses a token. Raises TokenNotUsable."""
    found = emailed_tokens.find(unit.connection, find_access_keys(unit.connection, unit.keyring), text, purpose)
    if found is None:
        raise TokenNotUsable
    token, person = found
    # Nobody locks them meanwhile.
    unit.connection.execute("SELECT FROM app_user WHERE id = %s FOR NO KEY UPDATE", (person,))
    known = accounts.by_id(unit.connection, person)
    if known is None or known.account.state != _STATES[purpose] or not emailed_tokens.use(unit, token):
        raise TokenNotUsable
    return known


_OPEN = """
SELECT t.person, t.activity, a.program FROM emailed_token t JOIN activity a ON a.id = t.activity
JOIN app_user u ON u.id = t.person
WHERE t.id = %s AND t.used_at IS NULL AND t.voided_at IS NULL AND t.expires_at > now() AND u.state = 'ACTIVE'
"""
