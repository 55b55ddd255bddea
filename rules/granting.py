"""Nobody gives more than he holds: whatever makes somebody able to do something is asked here first."""

from collections.abc import Iterable
from typing import NamedTuple

from rules.access import Caller, Permission
from rules.credentials.refusals import GrantExceeded


class RoleScope(NamedTuple):
    """Where something is to hold: the resource name of the scope (empty: everywhere), and the names of the scopes that
    take all of it in, with whatever will come into it, its own among them."""

    name: str = ""
    within: frozenset[str] = frozenset()


EVERYWHERE = RoleScope()


def holds(caller: Caller, permission: Permission, place: RoleScope) -> bool:
    """Whether the caller holds the permission in all of the place, whatever will come into it: what covers the programs
    that a partner has today is not the partner's."""
    return any(
        permission in grant.permissions and (grant.programs is None or grant.scope in place.within)
        for grant in caller.grants
    )


def check_grantable(caller: Caller, permissions: Iterable[Permission], place: RoleScope) -> None:
    """Raises GrantExceeded where the caller does not hold each of the permissions in all of the place."""
    missing = sorted(permission for permission in set(permissions) if not holds(caller, permission, place))
    if missing:
        raise GrantExceeded(permissions=", ".join(missing), scope=place.name or "all programs")
