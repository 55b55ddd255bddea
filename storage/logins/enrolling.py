"""What a user does about the own second factor: enrolls an authenticator, removes it, makes recovery codes."""

from collections.abc import Sequence
from typing import NamedTuple

from rules import totp
from rules.access import Caller
from rules.activity import RECOVERY_CODES_CREATED, Origin
from rules.logins import CodeWrong, PasswordWrong, TotpStateWrong, shown_recovery_code
from storage.activity.commands import record
from storage.engine.unit import Unit
from storage.logins import accounts, factors
from storage.logins.accounts import Known
from storage.logins.keys import find_access_keys


class Begun(NamedTuple):
    """What an authenticator is told, to be typed and to be read off a screen."""

    secret: str
    uri: str


def begin_totp(unit: Unit, known: Known, origin: Origin) -> Begun:
    """A new secret, which counts once it is confirmed. Raises PasswordWrong, TotpStateWrong."""
    activity = _record(unit, known, origin)
    keys = find_access_keys(unit.connection, unit.keyring)
    secret = factors.begin_totp(unit, keys, known.account.person, activity)
    if secret is None:
        raise TotpStateWrong(state="enrolled already")
    return Begun(totp.text_of(secret), totp.uri(secret, known.email))


def confirm_totp(unit: Unit, caller: Caller, typed: str, origin: Origin) -> Sequence[str]:
    """Has the authenticator count from now on; answers new recovery codes. Raises CodeWrong."""
    keys, person = find_access_keys(unit.connection, unit.keyring), caller.user
    if not factors.use_totp(unit, keys, person, typed, confirms=True):
        raise CodeWrong
    scope = accounts.scope(unit.connection, caller)
    record(unit, origin, f"users/{person}", scope)
    activity = record(unit, origin._replace(kind=RECOVERY_CODES_CREATED), f"users/{person}", scope)
    unit.write()
    return _shown(factors.make_recovery_codes(unit, keys, person, activity))


def remove_totp(unit: Unit, known: Known, origin: Origin) -> None:
    """Takes the authenticator away: codes are mailed again. Raises PasswordWrong, TotpStateWrong."""
    _record(unit, known, origin)
    if not factors.remove_totp(unit, known.account.person):
        raise TotpStateWrong(state="not enrolled")


def create_recovery_codes(unit: Unit, known: Known, origin: Origin) -> Sequence[str]:
    """New ones; those before are good no more. Raises PasswordWrong."""
    activity = _record(unit, known, origin)
    keys = find_access_keys(unit.connection, unit.keyring)
    return _shown(factors.make_recovery_codes(unit, keys, known.account.person, activity))


def _record(unit: Unit, known: Known, origin: Origin) -> str:
    """Records what is done by who typed the password that stands still."""
    if not accounts.stands(unit, known):
        raise PasswordWrong
    scope = accounts.scope(unit.connection, known.caller)
    activity = record(unit, origin, f"users/{known.account.person}", scope)
    unit.write()
    return activity


def _shown(codes: Sequence[str]) -> Sequence[str]:
    return [shown_recovery_code(code) for code in codes]
