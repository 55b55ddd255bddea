"""Who looks at which users, and who changes them: nobody what is his own, and nobody so that nobody is left."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rules.access import Caller, Permission, Role
from rules.granting import EVERYWHERE, RoleScope, check_grantable, holds
from rules.refusals import LastAdministrator, UserElsewhere, UserIsCaller

# Each of them shows users.
SEEING = (Permission.USERS_READ, Permission.USERS_WRITE)


class Holding(NamedTuple):
    """A role that a user holds, and where."""

    role: str
    place: RoleScope = EVERYWHERE

    @property
    def administers_all(self) -> bool:
        """Whether nothing is beyond it."""
        return self.role == Role.ADMINISTRATOR and not self.place.name


def seen(caller: Caller, held: Iterable[Holding]) -> list[Holding]:
    """Those of the roles that the caller may know of: where he may look at users, or change them."""
    return [one for one in held if any(holds(caller, permission, one.place) for permission in SEEING)]


def sees(caller: Caller, held: Sequence[Holding]) -> bool:
    """Whether a user who holds these exists for the caller; one who holds none, for those who may look everywhere."""
    return bool(seen(caller, held or _NOWHERE))


def check_administers(caller: Caller, held: Sequence[Holding]) -> None:
    """Whether the caller administers users wherever this one holds a role. Raises UserElsewhere."""
    if not all(holds(caller, Permission.USERS_WRITE, one.place) for one in held or _NOWHERE):
        raise UserElsewhere


def check_gives(caller: Caller, permissions: Iterable[Permission], place: RoleScope) -> None:
    """Whether the caller may give a user a role that permits this, there: he administers users there, and may all of
    it himself. Raises GrantExceeded."""
    check_grantable(caller, {*permissions, Permission.USERS_WRITE}, place)


def check_takes(caller: Caller, place: RoleScope) -> None:
    """Whether the caller may take a role there from a user. Raises GrantExceeded."""
    check_grantable(caller, {Permission.USERS_WRITE}, place)


def check_not_own(caller: Caller, user: str) -> None:
    """Whether somebody else is meant: neither the caller, nor who is behind it, nor for whom it acts. Raises
    UserIsCaller."""
    if user in (caller.id, caller.user) or caller.on_behalf_of == f"users/{user}":
        raise UserIsCaller


def check_administrator_stays(lost: Iterable[Holding], others: int) -> None:
    """Whether somebody still administers everything, where an active user loses these roles and `others` who do so stay
    active: without one, nobody could be made one but on the host. Raises LastAdministrator."""
    if not others and any(one.administers_all for one in lost):
        raise LastAdministrator


# Where only those reach who reach everywhere.
_NOWHERE = (Holding(""),)
