"""What callers may record of elsewhere: under which names, of which types, and from where they may say it came.

An entry of the log is worth what its reader can trust. Who recorded it is always the caller; what a caller says beyond
that is bounded by its role. Words are those of the contract's enums without their prefix.
"""

from collections.abc import Collection, Mapping

from rules import access
from rules.access import Caller, Permission, Role
from rules.activity import Kind
from rules.refusals import ActionReserved, SourceDenied

# By these somebody judges whether an intrusion happened: a till that is taken over must not forge a login.
SECURITY_TYPES = frozenset({"AUTH", "ACCESS", "SECURITY", "COMPLIANCE"})

_ELSEWHERE = frozenset({"CUSTOMER", "API", "WEBHOOK", "INTEGRATION", "PHYSICAL", "AUTOMATED"})
# What people did. A service carries it for somebody, and has to say for whom.
_OF_PEOPLE = frozenset({"STAFF", "PLATFORM"})
# Who does it is known here, so nothing is taken on trust.
_OF_USERS = frozenset({"API"}) | _OF_PEOPLE

# Which sources each role may claim, alone and on behalf of somebody. SYSTEM is Fealty, and whoever runs it. API says no
# more than that it was called; an auditor is not permitted to record as yet.
SOURCES: Mapping[str, Collection[str]] = {
    Role.ADMINISTRATOR: _ELSEWHERE | _OF_PEOPLE | {"SYSTEM"},
    Role.SERVICE: _ELSEWHERE,
    Role.STOREFRONT: frozenset({"API", "CUSTOMER"}),
    Role.AUDITOR: frozenset({"API"}),
    Role.PARTNER: _OF_USERS,
    Role.STAFF: _OF_USERS,
    Role.OPERATOR: _OF_USERS,
}
SOURCES_ON_BEHALF: Mapping[str, Collection[str]] = {
    Role.ADMINISTRATOR: SOURCES[Role.ADMINISTRATOR],
    Role.SERVICE: _ELSEWHERE | _OF_PEOPLE,
    Role.STOREFRONT: SOURCES[Role.STOREFRONT],
    Role.AUDITOR: frozenset({"API"}),
    Role.PARTNER: _OF_USERS,
    Role.STAFF: _OF_USERS,
    Role.OPERATOR: _OF_USERS,
}
# Of roles that are made of permissions.
_OF_OTHERS = frozenset({"API"})


def check(
    caller: Caller, kind: Kind, source: str, acting_user: str, reserved: Collection[str], program: str = ""
) -> None:
    """Whether a caller may record an activity of that kind as one that came from `source`. `reserved` are the names of
    what Fealty itself records; `program` is whose log it would stand in.

    Raises ActionReserved, PermissionMissing, SourceDenied.
    """
    if kind.action in reserved:
        raise ActionReserved(action=kind.action)
    if kind.type in SECURITY_TYPES:
        access.check(caller, Permission.ACTIVITIES_RECORD_SECURITY, program)
    check_source(caller, source, on_behalf=bool(acting_user))


def check_source(caller: Caller, source: str, *, on_behalf: bool) -> None:
    """Whether a caller may say, alone or on behalf of somebody, that it came from `source`. Raises SourceDenied."""
    if not may_say(caller, source, on_behalf=on_behalf):
        raise SourceDenied(source=source, role=" and ".join(caller.roles))


def may_say(caller: Caller, source: str, *, on_behalf: bool = False) -> bool:
    """The same as an answer."""
    given = SOURCES_ON_BEHALF if on_behalf else SOURCES
    return any(source in given.get(role, _OF_OTHERS) for role in caller.roles)
