"""The acts of logging in, each in a transaction of its own: the password was right, a code is mailed, a code is tried.

What is refused behind a count is answered, not raised: the count must stay.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rules.activity import CODE_VERIFIED, LOGIN_SUCCEEDED, RECOVERY_CODE_USED, Origin
from rules.logins import (
    CHALLENGE_S,
    LOGIN_S,
    RESTRICTED_LOGIN_S,
    ChallengeOver,
    CodeWrong,
    LoginFailed,
    Way,
    WayNotOffered,
    ways,
)
from storage.access.credentials import CredentialKind, Token, new_token
from storage.access.records import LoginRow
from storage.activity.commands import record
from storage.engine.unit import Unit
from storage.logins import accounts, challenges, codes, factors
from storage.logins.accounts import Known
from storage.logins.challenges import Challenge
from storage.logins.keys import find_access_keys
from storage.logins.records import PasswordRow
from storage.mail.commands import plan_user_mail
from storage.mail.records import MailTemplate


class LoggedIn(NamedTuple):
    """A login that was made: its token, which is shown once, and when it ends at the latest."""

    token: Token
    ends_at: datetime
    restricted: bool = False


class Challenged(NamedTuple):
    """The password was right; a code is asked for, in one of these ways."""

    challenge: Challenge
    expires_at: datetime
    ways: Sequence[Way]


def begin(unit: Unit, known: Known, origin: Origin, new_phc: str = "") -> Challenged | LoggedIn:
    """After the right password: a challenge or, where the password was given and must be changed, a restricted login.
    `new_phc` is its hash by today's parameters, where it was made with others. Raises LoginFailed where the user was
    locked, or has another password, meanwhile."""
    if not accounts.stands(unit, known):
        raise LoginFailed
    account = known.account
    if new_phc:
        PasswordRow.update(phc=new_phc).where(PasswordRow.person == account.person).execute()
    if account.must_change:
        return _make_login(unit, known, origin, restricted=True)
    offered = ways(account.has_totp, account.recovery_codes)
    details = {"ways": list(offered)}
    scope = accounts.scope(unit.connection, known.caller)
    acting = known.acting(origin, origin.kind)
    activity = record(unit, acting, f"users/{account.person}", scope, details=details)
    unit.write()
    challenge = challenges.make(unit, account.person, activity)
    return Challenged(challenge, unit.now + timedelta(seconds=CHALLENGE_S), offered)


def request_code(unit: Unit, known: Known, challenge: Challenge, origin: Origin) -> None:
    """Mails a code for a challenge; those before it are good no more. Raises ChallengeOver, WayNotOffered,
    TooManyAttempts."""
    account = known.account
    if not challenges.take(unit, challenge) or not accounts.stands(unit, known):
        raise ChallengeOver
    if Way.MAIL not in ways(account.has_totp, account.recovery_codes):
        raise WayNotOffered(way=Way.MAIL)
    unit.connection.execute(_ONE_AT_A_TIME, (account.person,))
    codes.check_room(unit, account.person)
    scope = accounts.scope(unit.connection, known.caller)
    activity = record(unit, known.acting(origin, origin.kind), f"users/{account.person}", scope)
    unit.write()
    code = codes.make(unit, account.person, challenge.id, activity)
    arguments = {"code": str(code)}
    plan_user_mail(unit, account.person, MailTemplate.LOGIN_CODE, arguments, activity, scope.program)


def verify(
    unit: Unit, known: Known, challenge: Challenge, way: Way, typed: str, origin: Origin
) -> LoggedIn | ChallengeOver | CodeWrong:
    """Lets a user in whose code is right. Answers CodeWrong, which was counted, and ChallengeOver."""
    person = known.account.person
    if not challenges.take(unit, challenge) or not accounts.stands(unit, known):
        return ChallengeOver()
    if not _is_right(unit, person, challenge, way, typed):
        challenges.count(unit, challenge)
        return CodeWrong()
    challenges.end(unit, challenge)
    scope, subject = accounts.scope(unit.connection, known.caller), f"users/{person}"
    record(unit, known.acting(origin, CODE_VERIFIED), subject, scope, details={"way": way})
    if way is Way.RECOVERY:
        details = {"left": factors.recovery_codes_left(unit, person)}
        record(unit, known.acting(origin, RECOVERY_CODE_USED), subject, scope, details=details)
    return _make_login(unit, known, origin, restricted=False)


def _is_right(unit: Unit, person: str, challenge: Challenge, way: Way, typed: str) -> bool:
    keys = find_access_keys(unit.connection, unit.keyring)
    match way:
        case Way.TOTP:
            return factors.use_totp(unit, keys, person, typed)
        case Way.RECOVERY:
            return factors.use_recovery_code(unit, keys, person, typed)
        case Way.MAIL:
            # Of who has an authenticator there is one only where the operator handed it out.
            return codes.use(unit, keys, person, challenge.id, typed)


def _make_login(unit: Unit, known: Known, origin: Origin, restricted: bool) -> LoggedIn:
    person, token = known.account.person, new_token(CredentialKind.LOGIN)
    ends_at = unit.now + timedelta(seconds=RESTRICTED_LOGIN_S if restricted else LOGIN_S)
    activity = record(
        unit,
        known.acting(origin, LOGIN_SUCCEEDED),
        f"users/{person}/logins/{token.id}",
        accounts.scope(unit.connection, known.caller),
        details={"restricted": restricted},
    )
    unit.write()
    LoginRow.insert(
        id=token.id,
        person=person,
        secret_hash=token.secret_hash,
        restricted=restricted,
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
        created_at=unit.now,
        ends_at=ends_at,
        activity=activity,
    ).execute()
    return LoggedIn(token, ends_at, restricted)


# Of one user's challenges: each would see room for one more code.
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('login codes of ' || %s, 0))"
