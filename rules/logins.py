"""How a user gets in, and what ends it: first a password, then a second factor.

Passwords have rules of their own (rules/passwords.py), and so have codes of authenticators (rules/totp.py).
"""

from enum import StrEnum
from typing import NamedTuple

from rules.refusals import Refusal

# Between password and second factor: a mail takes its time.
CHALLENGE_S = 10 * 60
# Codes that may be tried of one challenge: then the password is asked for again.
ATTEMPTS_MAX = 5
# A code that is mailed. Six digits, as people read them off a screen.
CODE_S = 10 * 60
CODE_DIGITS = 6
# Codes mailed to one user in so long, whatever challenges ask for them: who has the password must not fill the mailbox.
CODES_MAILED_MAX = 5
CODES_MAILED_WITHIN_S = 15 * 60
# A login ends after a working day, also one that is used; unused it ends earlier (storage/access/authenticating.py).
LOGIN_S = 12 * 3600
# One that serves to change a password that was given, and for nothing else.
RESTRICTED_LOGIN_S = 30 * 60
# An invitation waits for its reader's holidays to end; a reset was asked for just now.
INVITATION_S = 7 * 24 * 3600
RESET_S = 3600
# Enough for years, few enough for a slip of paper; 50 bits each, in two groups of five letters of Crockford's base 32.
RECOVERY_CODES = 10
RECOVERY_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
RECOVERY_LENGTH = 10


class Way(StrEnum):
    """A second factor, in the words of the contract."""

    TOTP = "TOTP"
    MAIL = "MAIL"
    RECOVERY = "RECOVERY"


class Account(NamedTuple):
    """What is known of whom an address belongs to. `phc` is the hash of the password, empty where there is none."""

    person: str
    state: str
    phc: str
    must_change: bool
    has_totp: bool
    recovery_codes: int


# What the log has of a login that failed, beside states.
UNKNOWN = "UNKNOWN"
WRONG_PASSWORD = "WRONG_PASSWORD"  # noqa: S105 - a word, no password


def ways(has_totp: bool, recovery_codes: int) -> tuple[Way, ...]:
    """The second factors that a user can be known by. Who has an authenticator is mailed nothing: else the mailbox
    would open what the authenticator closes."""
    first = Way.TOTP if has_totp else Way.MAIL
    return (first, Way.RECOVERY) if recovery_codes else (first,)


def why_not(account: Account | None, matches: bool) -> str:
    """Why nobody gets in, in a word for the log; empty where the password is right, and its user may come in."""
    if account is None:
        return UNKNOWN
    if account.state != "ACTIVE" or not account.phc:
        return account.state if account.state != "ACTIVE" else UNKNOWN
    return "" if matches else WRONG_PASSWORD


def typed_recovery_code(text: str) -> str:
    """A recovery code as it was meant: people type spaces, capitals, and letters that look like digits."""
    letters = "".join(text.split()).replace("-", "").lower()
    return letters.translate(str.maketrans("oil", "011"))


def shown_recovery_code(code: str) -> str:
    """The same as people copy it."""
    half = RECOVERY_LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


class LoginFailed(Refusal):
    """Address and password do not match, or nobody may log in with them."""


class ChallengeOver(Refusal):
    """This challenge was used, too many codes were tried, or too much time has passed: log in again."""


class CodeWrong(Refusal):
    """The code is wrong, was used before, or is too old."""


class WayNotOffered(Refusal):
    """This login cannot be confirmed by {way}: use one of the ways that LogIn answered."""


class PasswordUnfit(Refusal):
    """The new password cannot be taken: {what}."""


class PasswordWrong(Refusal):
    """The password is not the one that you log in with."""


class TokenNotUsable(Refusal):
    """This token is unknown, was used, was followed by another, or is too old. Ask for a new one."""


class NotAUser(Refusal):
    """This call is about a user's own login, and you did not log in: services have keys."""


class PasswordUnchanged(Refusal):
    """The password of this login was given to you: change it first (ChangePassword). Until then nothing else is
    permitted."""


class TotpStateWrong(Refusal):
    """The authenticator is {state}, and that cannot be done now."""


class LoginNotFound(Refusal):
    """You have no such login, or it has ended."""
