"""What a user is known by beside the password: an authenticator, and recovery codes. Each code is good once."""

import secrets

from rules import totp
from rules.logins import RECOVERY_CODES, RECOVERY_LENGTH, RECOVERY_LETTERS, typed_recovery_code
from storage.engine.unit import Unit
from storage.logins.records import RecoveryCodeRow, TotpRow
from storage.logins.sealing import AccessKeys


def begin_totp(unit: Unit, keys: AccessKeys, person: str, activity: str) -> bytes | None:
    """A secret for a new authenticator, which counts once it is confirmed; None where there is a confirmed one."""
    secret = secrets.token_bytes(totp.SECRET_BYTES)
    sealed = keys.seal_totp(person, secret)
    begun = unit.connection.execute(_BEGIN_TOTP, (person, sealed, unit.now, activity)).rowcount == 1
    return secret if begun else None


def use_totp(unit: Unit, keys: AccessKeys, person: str, typed: str, confirms: bool = False) -> bool:
    """Whether that is a code of the user's authenticator, which has not been used: then it is. `confirms`: of one that
    is still to be confirmed, and is by this."""
    found = unit.connection.execute(_TOTP, (person, confirms)).fetchone()
    if found is None:
        return False
    sealed, used_step = found
    step = totp.matching_step(keys.open_totp(person, sealed), typed, unit.now.timestamp(), used_step)
    if step is None:
        return False
    # The step only goes up: of the same code twice at once, the second changes no row.
    return unit.connection.execute(_USE_TOTP, (step, unit.now, person, step, confirms)).rowcount == 1


def remove_totp(unit: Unit, person: str) -> bool:
    """Takes the authenticator away; False where there is none that was confirmed."""
    is_its = (TotpRow.person == person) & TotpRow.confirmed_at.is_null(False)
    return bool(TotpRow.delete().where(is_its).execute())


def make_recovery_codes(unit: Unit, keys: AccessKeys, person: str, activity: str) -> list[str]:
    """New recovery codes, which are kept nowhere; those before are good no more. The activity is written already."""
    codes = ["".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
    RecoveryCodeRow.delete().where(RecoveryCodeRow.person == person).execute()
    rows = [{"person": person, "mac": keys.recovery_mac(person, code), "activity": activity} for code in codes]
    RecoveryCodeRow.insert_many(rows).execute()
    return codes


def use_recovery_code(unit: Unit, keys: AccessKeys, person: str, typed: str) -> bool:
    """Whether that is one of the user's recovery codes, which has not been used: then it is."""
    mac = keys.recovery_mac(person, typed_recovery_code(typed))
    return unit.connection.execute(_USE_RECOVERY_CODE, (unit.now, person, mac)).rowcount == 1


def recovery_codes_left(unit: Unit, person: str) -> int:
    """How many were not used."""
    is_left = (RecoveryCodeRow.person == person) & RecoveryCodeRow.used_at.is_null()
    return int(RecoveryCodeRow.select().where(is_left).count())


def forget(unit: Unit, person: str) -> None:
    """Takes authenticator and recovery codes away, for who has lost both: a mailed code is asked for then."""
    TotpRow.delete().where(TotpRow.person == person).execute()
    RecoveryCodeRow.delete().where(RecoveryCodeRow.person == person).execute()


# One that was begun and not confirmed is begun anew.
_BEGIN_TOTP = """
INSERT INTO totp AS t (person, sealed, created_at, activity) VALUES (%s, %s, %s, %s)
ON CONFLICT (person) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at, used_step = 0,
    activity = excluded.activity
WHERE t.confirmed_at IS NULL
"""

_TOTP = "SELECT sealed, used_step FROM totp WHERE person = %s AND (confirmed_at IS NULL) = %s"

_USE_TOTP = """
UPDATE totp SET used_step = %s, confirmed_at = coalesce(confirmed_at, %s)
WHERE person = %s AND used_step < %s AND (confirmed_at IS NULL) = %s
"""

_USE_RECOVERY_CODE = "UPDATE recovery_code SET used_at = %s WHERE person = %s AND mac = %s AND used_at IS NULL"
