"""Users: invited, given roles, locked, archived, brought back."""

from collections.abc import Mapping
from typing import Any

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, part

# Of these, a request for approval is told in words of its own.
BRINGING_BACK = ("user.unlocked", "user.unarchived")


def reactivation(told: Told) -> str:
    """What its maker has asked for: that somebody comes back who is a user already."""
    name = told["of"]
    person = told.nouns.people.get(part(name, "users"))
    whose = f" for email {told.address(name)}" if person is not None and person.email else ""
    return f"Request submitted to unlock/unarchive existing {told.user(name)}{whose}"


def _did(deed: str) -> Template:
    return lambda told: f"{told.user()} {deed}{as_roles(told)}"


def _invited(told: Told) -> str:
    return f"{told.user()} invited{as_roles(told)}"


def as_roles(told: Told) -> str:
    """`, as staff in program coffee`: the roles that are given with it, or were asked for."""
    roles = [f"{_role(one)} in {_where(one)}" for one in told.details.get("roles", ())]
    return f", as {speech.listed(roles)}" if roles else ""


def role_asked(asked: Told) -> str:
    """`give user Anna role staff in program coffee`, where that was asked for, and the record says which."""
    roles = asked.details.get("roles")
    if not roles or asked.action not in _ROLES_ASKED:
        return ""
    return _ROLES_ASKED[asked.action].format(whom=asked.user(), role=_role(roles[0]), where=_where(roles[0]))


def _ended(deed: str) -> Template:
    def template(told: Told) -> str:
        logins = told.details.get("logins")
        also = f", and {speech.count(logins, 'login')} ended" if logins else ""
        return f"{told.user()} {deed}{also}"

    return template


def _updated(told: Told) -> str:
    fields = [_FIELDS.get(change["field"], change["field"].replace("_", " ")) for change in told.changes]
    return f"{speech.capital(speech.listed(fields))} of {told.user()} updated" if fields else f"{told.user()} updated"


def _role(one: Mapping[str, Any]) -> str:
    role = str(one["role"])
    return role.lower() if role.isupper() else role


def _where(one: Mapping[str, Any]) -> str:
    collection, _, identity = str(one["scope"]).partition("/")
    return speech.named(collection.removesuffix("s"), identity) if identity else "all programs"


def _listed(told: Told) -> str:
    return f"{speech.count(told['count'], 'user')} listed"


_ROLES_ASKED = {
    "role.assigned": "give {whom} role {role} in {where}",
    "role.ended": "take role {role} in {where} from {whom}",
}
_FIELDS = {"display_name": "name", "language_code": "language"}

TEMPLATES: Mapping[str, Template] = {
    "user.invited": _invited,
    "user.invitation_resent": lambda told: f"Invitation sent to {told.user()} again",
    "user.read": _did("looked at"),
    "user.listed": _listed,
    "user.updated": _updated,
    "user.locked": _ended("locked"),
    "user.unlocked": _did("unlocked"),
    "user.archived": _ended("archived"),
    "user.unarchived": _did("unarchived"),
    "role.assigned": lambda told: f"Role {_role(told.details)} given to {told.user()} in {_where(told.details)}",
    "role.ended": lambda told: f"Role {_role(told.details)} taken from {told.user()} in {_where(told.details)}",
    "second_factor.reset": lambda told: f"Second factor of {told.user()} reset",
    "login.listed": lambda told: f"Logins of {told.user()} listed",
    "login.revoked": lambda told: f"A login of {told.user()} ended",
}
