"""Tokens that are mailed: with one an invitation is accepted, or a password set again.

`<id>-<secret>`, both hex. The secret is made of the id by the key of the installation, wherever the token is needed:
no table, no task and no message holds it, and whoever has the database alone cannot make it.
"""

import hmac
import secrets
from datetime import timedelta

from rules.logins import INVITATION_S, RESET_S
from storage.engine.database import Connection
from storage.engine.unit import Unit
from storage.logins.keys import find_access_keys
from storage.logins.records import EmailedTokenRow, Purpose
from storage.logins.sealing import AccessKeys
from storage.mail.commands import plan_user_mail
from storage.mail.records import MailTemplate

_LIFETIMES = {Purpose.INVITATION: timedelta(seconds=INVITATION_S), Purpose.RESET: timedelta(seconds=RESET_S)}
_TEMPLATES = {Purpose.INVITATION: MailTemplate.INVITATION, Purpose.RESET: MailTemplate.PASSWORD_RESET}


def make(unit: Unit, person: str, purpose: Purpose, activity: str, program: int | None = None) -> str:
    """Makes a token for a user, and mails it to their address; those before it of that purpose are good no more. The
    activity that causes it is written already; `program` is the internal id of the only one that the user may act in.
    Answers the token's text, for whoever shows it at once. Raises KeyringError."""
    token = add(unit, person, purpose, activity)
    mail(unit, token, person, purpose, activity, program)
    return text_of(find_access_keys(unit.connection, unit.keyring), token, purpose)


def add(unit: Unit, person: str | None, purpose: Purpose, activity: str) -> str:
    """Makes a token that is not mailed yet, and answers its id; those before it are good no more. None: of nobody."""
    token = secrets.token_hex(8)
    unit.connection.execute(_VOID, (unit.now, person, purpose))
    EmailedTokenRow.insert(
        id=token,
        person=person,
        purpose=purpose,
        created_at=unit.now,
        expires_at=unit.now + _LIFETIMES[purpose],
        activity=activity,
    ).execute()
    return token


def mail(unit: Unit, token: str, person: str, purpose: Purpose, activity: str, program: int | None = None) -> None:
    """Plans the mail that brings it; the worker that sends it makes the token again."""
    plan_user_mail(unit, person, _TEMPLATES[purpose], {"token": token}, activity, program)


def text_of(keys: AccessKeys, token: str, purpose: Purpose) -> str:
    """The token of an id as people get it."""
    return f"{token}-{keys.emailed_token(token, purpose)}"


def find(connection: Connection, keys: AccessKeys, text: str, purpose: Purpose) -> tuple[str, str] | None:
    """The (id, user) of a token that somebody shows; None where it is none, or good no more."""
    token = text.strip().partition("-")[0]
    if not hmac.compare_digest(text_of(keys, token, purpose).encode(), text.strip().encode()):
        return None
    found = connection.execute(_FIND, (token, purpose)).fetchone()
    return None if found is None else (token, str(found[0]))


def is_usable(connection: Connection, token: str) -> bool:
    """Whether a token, by its id, is still good."""
    return connection.execute(_IS_USABLE, (token,)).fetchone() is not None


def use(unit: Unit, token: str) -> bool:
    """Uses a token, by its id; False where it is good no more. Of two at once the second waits for the first."""
    return unit.connection.execute(_USE, (unit.now, token)).rowcount == 1


# Of nobody there is none before it.
_VOID = """
UPDATE emailed_token SET voided_at = %s
WHERE person = %s AND purpose = %s AND used_at IS NULL AND voided_at IS NULL
"""

_USABLE = "person IS NOT NULL AND used_at IS NULL AND voided_at IS NULL AND expires_at > now()"
_FIND = f"SELECT person FROM emailed_token WHERE id = %s AND purpose = %s AND {_USABLE}"  # noqa: S608 - our own words
_USE = f"UPDATE emailed_token SET used_at = %s WHERE id = %s AND {_USABLE}"  # noqa: S608
_IS_USABLE = f"SELECT FROM emailed_token WHERE id = %s AND {_USABLE}"
