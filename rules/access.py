"""Who may do what, and where. Permissions carry the names of the contract's enum, without its prefix.

Everything that is asked before something is shown or done is asked here: `may` (a permission, in a program), `sees`
(whether the program exists for this caller at all), and what raises in their stead.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from rules.refusals import PermissionMissing, ProgramNotFound


class Permission(StrEnum):
    """What a call needs; declared for each method in the contract."""

    PROGRAMS_READ = "PROGRAMS_READ"
    PROGRAMS_WRITE = "PROGRAMS_WRITE"
    CUSTOMERS_READ = "CUSTOMERS_READ"
    CUSTOMERS_WRITE = "CUSTOMERS_WRITE"
    POINTS_READ = "POINTS_READ"
    POINTS_EARN = "POINTS_EARN"
    POINTS_SPEND = "POINTS_SPEND"
    ACTIVITIES_READ = "ACTIVITIES_READ"
    POINTS_ADJUST = "POINTS_ADJUST"
    CUSTOMERS_ADMINISTER = "CUSTOMERS_ADMINISTER"
    EVENTS_WRITE = "EVENTS_WRITE"
    REPORTS_READ = "REPORTS_READ"
    ACTIVITIES_WATCH = "ACTIVITIES_WATCH"
    ACTIVITIES_RECORD = "ACTIVITIES_RECORD"
    ACTIVITIES_RECORD_SECURITY = "ACTIVITIES_RECORD_SECURITY"
    ACTIVITIES_PERSONAL_READ = "ACTIVITIES_PERSONAL_READ"
    ACTIVITIES_EXPORT = "ACTIVITIES_EXPORT"
    ACTIVITIES_CONFIGURE = "ACTIVITIES_CONFIGURE"
    COUPONS_WRITE = "COUPONS_WRITE"
    COUPONS_READ = "COUPONS_READ"
    COUPONS_REDEEM = "COUPONS_REDEEM"
    COUPONS_ASSIGN = "COUPONS_ASSIGN"
    COUPON_CODES_READ = "COUPON_CODES_READ"
    COUPONS_INSPECT = "COUPONS_INSPECT"
    PASSES_WRITE = "PASSES_WRITE"
    PASSES_READ = "PASSES_READ"
    PASSES_ISSUE = "PASSES_ISSUE"
    ANYONE = "ANYONE"
    OWN = "OWN"
    USERS_READ = "USERS_READ"
    USERS_WRITE = "USERS_WRITE"
    ROLES_WRITE = "ROLES_WRITE"
    CREDENTIALS_READ = "CREDENTIALS_READ"
    CREDENTIALS_WRITE = "CREDENTIALS_WRITE"
    ORGANIZATIONS_READ = "ORGANIZATIONS_READ"
    ORGANIZATIONS_WRITE = "ORGANIZATIONS_WRITE"
    CLUBS_WRITE = "CLUBS_WRITE"
    APPROVALS_READ = "APPROVALS_READ"
    APPROVALS_DECIDE = "APPROVALS_DECIDE"
    APPROVALS_CONFIGURE = "APPROVALS_CONFIGURE"
    ACTIVITIES_VERIFY = "ACTIVITIES_VERIFY"
    ACCESS_READ = "ACCESS_READ"


class Role(StrEnum):
    """What a caller is trusted with, in the roles that every installation has; others are made of permissions."""

    ADMINISTRATOR = "ADMINISTRATOR"
    SERVICE = "SERVICE"
    STOREFRONT = "STOREFRONT"
    AUDITOR = "AUDITOR"
    PARTNER = "PARTNER"
    STAFF = "STAFF"
    OPERATOR = "OPERATOR"


class ActorType(StrEnum):
    """Who acts, in the words of the activity log."""

    ADMINISTRATOR = "ADMINISTRATOR"
    PARTNER = "PARTNER"
    STAFF = "STAFF"
    CUSTOMER = "CUSTOMER"
    SERVICE = "SERVICE"
    SYSTEM = "SYSTEM"
    ANONYMOUS = "ANONYMOUS"


# What nobody has to hold: calls that need no credentials, and what every caller may do about itself.
UNGRANTED = frozenset({Permission.ANYONE, Permission.OWN})
GRANTABLE = frozenset(Permission) - UNGRANTED

_READING = frozenset(
    {
        Permission.PROGRAMS_READ,
        Permission.CUSTOMERS_READ,
        Permission.POINTS_READ,
        Permission.COUPONS_READ,
        Permission.COUPONS_INSPECT,
        Permission.PASSES_READ,
    }
)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: GRANTABLE,
    Role.SERVICE: _READING
    | {
        Permission.CUSTOMERS_WRITE,
        Permission.POINTS_EARN,
        Permission.POINTS_SPEND,
        Permission.EVENTS_WRITE,
        Permission.ACTIVITIES_WATCH,
        Permission.ACTIVITIES_RECORD,
        Permission.COUPONS_REDEEM,
        Permission.COUPONS_ASSIGN,
        Permission.PASSES_ISSUE,
    },
    # What customers use by themselves can be used by whoever imitates it: it is told nothing that helps to guess.
    Role.STOREFRONT: frozenset(
        {Permission.PROGRAMS_READ, Permission.POINTS_READ, Permission.COUPONS_READ, Permission.COUPONS_REDEEM}
    ),
    Role.AUDITOR: frozenset(
        {
            Permission.PROGRAMS_READ,
            Permission.POINTS_READ,
            Permission.ACTIVITIES_READ,
            Permission.REPORTS_READ,
            Permission.ACTIVITIES_WATCH,
            Permission.ACTIVITIES_EXPORT,
            Permission.ACTIVITIES_VERIFY,
            Permission.COUPONS_READ,
            Permission.COUPONS_INSPECT,
            Permission.PASSES_READ,
            Permission.USERS_READ,
            Permission.CREDENTIALS_READ,
            Permission.ORGANIZATIONS_READ,
            Permission.APPROVALS_READ,
            Permission.ACCESS_READ,
        }
    ),
    # Their own programs: all, but what is the installation's, how long its log is kept, and what they need others for:
    # whoever deletes a rule is under it no more.
    Role.PARTNER: GRANTABLE
    - {
        Permission.ROLES_WRITE,
        Permission.ACTIVITIES_CONFIGURE,
        Permission.ACTIVITIES_RECORD_SECURITY,
        Permission.ORGANIZATIONS_WRITE,
        Permission.APPROVALS_CONFIGURE,
    },
    # At the counter and on the telephone. What they did stands in the log, which is not theirs to read.
    Role.STAFF: _READING
    | {
        Permission.CUSTOMERS_WRITE,
        Permission.POINTS_EARN,
        Permission.POINTS_SPEND,
        Permission.POINTS_ADJUST,
        Permission.EVENTS_WRITE,
        Permission.COUPONS_REDEEM,
        Permission.COUPONS_ASSIGN,
        Permission.PASSES_ISSUE,
    },
    # Sees that all runs, and nothing of persons.
    Role.OPERATOR: frozenset({Permission.PROGRAMS_READ, Permission.CREDENTIALS_READ, Permission.ORGANIZATIONS_READ}),
}

ACTOR_TYPES: dict[Role, ActorType] = {
    Role.ADMINISTRATOR: ActorType.ADMINISTRATOR,
    Role.SERVICE: ActorType.SERVICE,
    Role.STOREFRONT: ActorType.SERVICE,
    Role.AUDITOR: ActorType.STAFF,
    Role.PARTNER: ActorType.PARTNER,
    Role.STAFF: ActorType.STAFF,
    Role.OPERATOR: ActorType.STAFF,
}


_BY_NAME = {permission.value: permission for permission in Permission}


def known(names: Iterable[str]) -> frozenset[Permission]:
    """The permissions of these names; what this version does not know was given by a later one, and is none."""
    return frozenset(_BY_NAME[name] for name in names if name in _BY_NAME)


class Grant(NamedTuple):
    """A role in a scope: what it permits, in which programs (public ids; None: in all), and the resource name of the
    scope, `networks/…`, `partners/…` or `programs/…` (empty: all)."""

    role: str
    permissions: frozenset[Permission]
    programs: frozenset[str] | None = None
    scope: str = ""

    def covers(self, program: str) -> bool:
        """Whether it holds in the program."""
        return self.programs is None or program in self.programs


class Caller(NamedTuple):
    """Who is calling: a service or a user. `user` is the id of the person behind it, where there is one: of a user
    their own, of a key that of whom it was made for. `on_behalf_of` is the resource name of whom it acts for, empty for
    itself; `acts_for` are kinds of whom it may act for, USERS and CUSTOMERS. `rates` are its own limits on calls a
    minute, by class. `login` is the id of a user's login; a `restricted` one may change the password, and next to
    nothing else (server/policy.py)."""

    id: str
    name: str
    type: ActorType
    grants: tuple[Grant, ...]
    user: str = ""
    on_behalf_of: str = ""
    acts_for: tuple[str, ...] = ()
    rates: tuple[tuple[str, int], ...] = ()
    login: str = ""
    restricted: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        """The names of its roles, each once."""
        return tuple(dict.fromkeys(grant.role for grant in self.grants))

    def may(self, permission: Permission, program: str = "") -> bool:
        """Whether it holds the permission in a program; without one, anywhere."""
        if permission in UNGRANTED:
            return True
        return any(permission in grant.permissions and (not program or grant.covers(program)) for grant in self.grants)

    def sees(self, program: str) -> bool:
        """Whether the program exists for this caller: what is not yours is not found."""
        return any(grant.covers(program) for grant in self.grants)

    def programs(self, permission: Permission | None = None) -> frozenset[str] | None:
        """The programs that it sees or, given a permission, in which it holds that; None: all."""
        found: frozenset[str] = frozenset()
        for grant in self.grants:
            if permission is None or permission in grant.permissions:
                if grant.programs is None:
                    return None
                found |= grant.programs
        return found

    def may_everywhere(self, permission: Permission) -> bool:
        """Whether it holds the permission in all programs, and so outside of them."""
        return any(permission in grant.permissions and grant.programs is None for grant in self.grants)

    def where(self, permission: Permission) -> "Caller":
        """The same caller as far as it holds the permission: what it sees so, is where it may."""
        return self._replace(grants=tuple(grant for grant in self.grants if permission in grant.permissions))

    @property
    def only_program(self) -> str:
        """The one program that it sees, where there is one; else empty."""
        seen = self.programs()
        return next(iter(seen)) if seen is not None and len(seen) == 1 else ""


def in_role(id_: str, name: str, role: Role, program: str = "") -> Caller:
    """A caller in one of the roles that every installation has, in one program or (empty) in all."""
    scope = f"programs/{program}" if program else ""
    grant = Grant(role.value, PERMISSIONS[role], frozenset({program}) if program else None, scope)
    return Caller(id_, name, ACTOR_TYPES[role], (grant,))


def held(caller: Caller) -> frozenset[Permission]:
    """All that it holds, wherever."""
    return frozenset().union(*(grant.permissions for grant in caller.grants))


def within(caller: Caller, permissions: frozenset[Permission]) -> Caller:
    """The caller with no others than these permissions, where it holds them."""
    grants = (grant._replace(permissions=grant.permissions & permissions) for grant in caller.grants)
    return caller._replace(grants=tuple(grants))


def intersected(caller: Caller, user: Caller) -> Caller:
    """The caller acting for a user: it may what both may, where both may. The person behind it stays who that was."""
    found = (_both(mine, theirs) for mine in caller.grants for theirs in user.grants)
    return caller._replace(
        grants=tuple(dict.fromkeys(grant for grant in found if grant is not None)),
        on_behalf_of=f"users/{user.id}",
        acts_for=(),
    )


def narrowed(caller: Caller, program: str, customer: str) -> Caller:
    """The caller acting for a customer: it may what it may, in the customer's program alone. That it is about no other
    customer, rules/credentials/acting.py sees to."""
    scope, here = f"programs/{program}", frozenset({program})
    grants = (Grant(grant.role, grant.permissions, here, scope) for grant in caller.grants if grant.covers(program))
    return caller._replace(
        grants=tuple(dict.fromkeys(grants)), on_behalf_of=f"{scope}/customers/{customer}", acts_for=()
    )


# From the narrowest to the widest; two of a kind with different names have nothing in common.
_SCOPES = ("programs", "partners", "networks", "")


def _both(mine: Grant, theirs: Grant) -> Grant | None:
    permissions = mine.permissions & theirs.permissions
    scope = min(mine.scope, theirs.scope, key=lambda name: _SCOPES.index(name.partition("/")[0]))
    if mine.programs is None or theirs.programs is None:
        programs = theirs.programs if mine.programs is None else mine.programs
    else:
        programs = mine.programs & theirs.programs
    if not permissions or (programs is not None and not programs):
        return None
    return Grant(mine.role, permissions, programs, scope)


def check(caller: Caller, permission: Permission, program: str = "") -> None:
    """Whether the caller may, in a program or (empty) anywhere. Of a program that it does not see it is not said: that
    is not found. Raises PermissionMissing."""
    if not caller.may(permission, program if program and caller.sees(program) else ""):
        raise PermissionMissing(permission=permission, role=" and ".join(caller.roles) or "no role")


def check_everywhere(caller: Caller, permission: Permission) -> None:
    """Whether the caller may in all programs: what is of no program is of all. Raises PermissionMissing."""
    if not caller.may_everywhere(permission):
        raise PermissionMissing(permission=permission, role=" and ".join(caller.roles) or "no role")


def check_scope(caller: Caller, program: str) -> None:
    """Raises ProgramNotFound: what is not yours is not found."""
    if not caller.sees(program):
        raise ProgramNotFound(program=program)


def is_of_customer(caller: Caller) -> bool:
    """Whether it acts for a customer, and not for itself or for somebody who works there."""
    return caller.on_behalf_of.startswith("programs/")


def check_disclosure(caller: Caller, customer: str) -> None:
    """Whether the caller may hear who looked at the data of a customer, by resource name: a customer through whoever
    acts for it, of itself alone; others by permission, in the customer's program. Raises PermissionMissing."""
    if caller.on_behalf_of != customer:
        if is_of_customer(caller):
            raise PermissionMissing(permission=Permission.ACCESS_READ, role="CUSTOMER")
        check(caller, Permission.ACCESS_READ, customer.split("/")[1])
