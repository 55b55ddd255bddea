"""What somebody with a shell on the host does for users who cannot get in: makes the first administrator, a code where
no mail arrives, another password."""

import secrets
from typing import NamedTuple

from rules.access import Role
from rules.activity import ADMINISTRATOR_CREATED, CODE_REQUESTED, PASSWORD_RESET, by_operator
from storage.access import assignments
from storage.access.records import UserRow
from storage.activity.commands import record
from storage.engine.ids import new_uuid, typeid
from storage.engine.unit import Unit
from storage.logins import accounts, codes, ending, hashing, passwords
from storage.logins.accounts import Known
from storage.logins.keys import find_access_keys

# Of a password that is made: five groups of five letters and digits that nobody takes for others, 120 bits.
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS, _GROUP = 5, 5


class AddressTaken(Exception):
    """The address is a user's already; `fealty users list` shows whose."""


class NoSuchUser(Exception):
    """No active user has that address; `fealty users list` shows those there are."""


class Given(NamedTuple):
    """A password that was made for a user, who has to change it. Shown this once."""

    user: str
    password: str


def create_administrator(unit: Unit, email: str, name: str) -> Given:
    """A user who may do everything, with a password that is to be changed. Raises AddressTaken."""
    address = email.lower()
    if UserRow.get_or_none(UserRow.email == address) is not None:
        raise AddressTaken
    person = typeid("user", new_uuid().int)
    activity = record(unit, by_operator(ADMINISTRATOR_CREATED), f"users/{person}")
    unit.write()
    UserRow.insert(
        id=person,
        email=address,
        display_name=name,
        language_code="",
        state="ACTIVE",
        version=1,
        created_at=unit.now,
        updated_at=unit.now,
        activity=activity,
    ).execute()
    assignments.assign(unit, person, Role.ADMINISTRATOR, assignments.EVERYWHERE, activity)
    return _give_password(unit, person, activity)


def reset_password(unit: Unit, email: str) -> Given:
    """Another password for a user, to be changed; all their logins end. Raises NoSuchUser."""
    known = _active(unit, email)
    person, origin = known.account.person, by_operator(PASSWORD_RESET)
    scope = accounts.scope(unit.connection, known.caller)
    activity = record(unit, origin, f"users/{person}", scope, details={"shown": True})
    unit.write()
    ending.end_all(unit, person, origin, "PASSWORD_RESET", scope)
    return _give_password(unit, person, activity)


def make_code(unit: Unit, email: str) -> str:
    """A code that confirms a user's login as one that is mailed would. Raises NoSuchUser, KeyringError."""
    known = _active(unit, email)
    person = known.account.person
    scope = accounts.scope(unit.connection, known.caller)
    activity = record(unit, by_operator(CODE_REQUESTED), f"users/{person}", scope, details={"shown": True})
    unit.write()
    code = codes.make(unit, person, None, activity)
    return find_access_keys(unit.connection, unit.keyring).mailed_code(code)


def _active(unit: Unit, email: str) -> Known:
    known = accounts.by_email(unit.connection, email.lower())
    if known is None or known.account.state != "ACTIVE":
        raise NoSuchUser
    return known


def _give_password(unit: Unit, person: str, activity: str) -> Given:
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    password = "-".join(groups)
    passwords.put(unit, person, hashing.derive(password), True, activity)
    return Given(f"users/{person}", password)
