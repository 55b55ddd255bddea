"""Who may do what. Permissions carry the names of the contract's enum, without its prefix."""

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


class Role(StrEnum):
    """What a caller is trusted with."""

    ADMINISTRATOR = "ADMINISTRATOR"
    SERVICE = "SERVICE"
    STOREFRONT = "STOREFRONT"
    AUDITOR = "AUDITOR"


class ActorType(StrEnum):
    """Who acts, in the words of the activity log."""

    ADMINISTRATOR = "ADMINISTRATOR"
    PARTNER = "PARTNER"
    STAFF = "STAFF"
    CUSTOMER = "CUSTOMER"
    SERVICE = "SERVICE"
    SYSTEM = "SYSTEM"
    ANONYMOUS = "ANONYMOUS"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.SERVICE: frozenset(Permission)
    - {
        Permission.PROGRAMS_WRITE,
        Permission.ACTIVITIES_READ,
        Permission.ACTIVITIES_PERSONAL_READ,
        Permission.ACTIVITIES_EXPORT,
        Permission.POINTS_ADJUST,
        Permission.CUSTOMERS_ADMINISTER,
        Permission.REPORTS_READ,
        Permission.ACTIVITIES_RECORD_SECURITY,
        Permission.ACTIVITIES_CONFIGURE,
        Permission.COUPONS_WRITE,
        Permission.COUPON_CODES_READ,
        Permission.PASSES_WRITE,
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
            Permission.COUPONS_READ,
            Permission.COUPONS_INSPECT,
            Permission.PASSES_READ,
        }
    ),
}

ACTOR_TYPES: dict[Role, ActorType] = {
    Role.ADMINISTRATOR: ActorType.ADMINISTRATOR,
    Role.SERVICE: ActorType.SERVICE,
    Role.STOREFRONT: ActorType.SERVICE,
    Role.AUDITOR: ActorType.STAFF,
}


class Caller(NamedTuple):
    """Who is calling. `program` is the id of the only program it may see, or None for all."""

    id: str
    name: str
    role: Role
    program: str | None = None

    def may(self, permission: Permission) -> bool:
        """Whether its role holds the permission."""
        return permission in PERMISSIONS[self.role]

    def sees(self, program: str) -> bool:
        """Whether the program exists for this caller: what is not yours is not found."""
        return self.program is None or self.program == program


def check(caller: Caller, permission: Permission) -> None:
    """Raises PermissionMissing."""
    if not caller.may(permission):
        raise PermissionMissing(permission=permission, role=caller.role)


def check_scope(caller: Caller, program: str) -> None:
    """Raises ProgramNotFound: what is not yours is not found."""
    if not caller.sees(program):
        raise ProgramNotFound(program=program)
