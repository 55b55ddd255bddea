"""Logging in: what users do to get in, and by what they are known."""

from collections.abc import Mapping

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told

# Why nobody was let in, for who may read the log: the caller is told less.
WHYS = {
    "UNKNOWN": "nobody logs in with that address",
    "WRONG_PASSWORD": "the password was wrong",
    "INVITED": "the invitation was not accepted yet",
    "LOCKED": "the user is locked",
    "ARCHIVED": "the user is archived",
}

_CODES = {"TOTP": "Code of the authenticator", "MAIL": "Code that was mailed", "RECOVERY": "Recovery code"}
_ENDED_BY = {
    "LOGOUT": "Logged out",
    "REVOKED": "Login ended",
    "PASSWORD_CHANGED": "Login ended, because the password was changed",
    "PASSWORD_RESET": "Login ended, because the password was set again",
}


def _succeeded(told: Told) -> str:
    return "Logged in, to change the password and for nothing else" if told["restricted"] else "Logged in"


TEMPLATES: Mapping[str, Template] = {
    "login.begun": lambda told: "Right password given, a code asked for",
    "login.succeeded": _succeeded,
    "login.failed": lambda told: "Login failed",
    "login.ended": lambda told: _ENDED_BY.get(told["by"], "Login ended"),
    "code.requested": lambda told: f"Code to log in {'made by hand' if told.details.get('shown') else 'asked for'}",
    "code.verified": lambda told: f"{_CODES[told['way']]} verified",
    "code.failed": lambda told: "Wrong code given",
    "recovery_code.used": lambda told: f"Recovery code used, {speech.count(told['left'], 'code')} left",
    "recovery_codes.created": lambda told: "Recovery codes made",
    "invitation.accepted": lambda told: "Invitation accepted",
    "password.changed": lambda told: "Password changed",
    "password.reset_requested": lambda told: "Mail to set the password again asked for",
    "password.reset": lambda told: (
        "Password set again by hand, to be changed" if told.details.get("shown") else "Password set again"
    ),
    "totp.begun": lambda told: "Enrolment of an authenticator begun",
    "totp.enrolled": lambda told: "Authenticator enrolled",
    "totp.removed": lambda told: "Authenticator removed",
    "administrator.created": lambda told: f"Administrator created: {told.user()}",
}
