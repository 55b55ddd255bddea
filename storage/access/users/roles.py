"""Gives roles to users, and takes them."""

from collections.abc import Sequence
from typing import NamedTuple

from rules import administering, users
from rules.access import PERMISSIONS, Caller, Permission, Role
from rules.administering import Holding
from rules.credentials.refusals import RoleNotFound
from rules.refusals import RoleAssigned, RoleNotHeld
from rules.users import UserState
from storage.access import assignments
from storage.access import scopes as role_scopes
from storage.access.assignments import AssignedScope
from storage.access.records import RoleRow
from storage.access.scopes import Held
from storage.access.users import changing, queries
from storage.access.users.queries import KeptUser, User
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class GivenRole(NamedTuple):
    """A role that is to be given: its id, and the resource name of where it is to hold, empty for everything."""

    role: str
    scope: str = ""


class Gift(NamedTuple):
    """The same, found and allowed."""

    holding: Holding
    scope: AssignedScope


class AssignRole(NamedTuple):
    """Gives a user a role somewhere."""

    user_id: str
    given: GivenRole
    context: CommandContext

    def answers(self) -> type[KeptUser]:
        """The user."""
        return KeptUser

    def decide(self, unit: Unit) -> Answer[User]:
        """Raises UserNotFound, UserIsCaller, UserStateWrong, ScopeNotFound, RoleNotFound, GrantExceeded,
        RoleAssigned."""
        context = self.context
        user = queries.lock(self.user_id, context.caller)
        administering.check_not_own(context.caller, user.id)
        users.check_state(user.status.state, users.GIVEN_ROLES)
        [gift] = allowed(unit, context.caller, [self.given])
        if gift.holding in user.holdings:
            raise RoleAssigned(role=self.given.role)
        activity = changing.write(unit, context, user, told(gift.holding), also_at=[gift.scope])
        saved = changing.save(unit, user, activity)
        return Answer(give(unit, saved, [gift], activity).shown_to(context.caller), activity)


class EndRole(NamedTuple):
    """Takes a role somewhere from a user."""

    user_id: str
    taken: GivenRole
    context: CommandContext

    def answers(self) -> type[KeptUser]:
        """The user."""
        return KeptUser

    def decide(self, unit: Unit) -> Answer[User]:
        """Raises UserNotFound, UserIsCaller, ScopeNotFound, GrantExceeded, RoleNotHeld, LastAdministrator."""
        context, caller = self.context, self.context.caller
        changing.take_turns(unit)
        user = queries.lock(self.user_id, caller)
        administering.check_not_own(caller, user.id)
        _, place = role_scopes.placed(unit.connection, self.taken.scope, caller)
        administering.check_takes(caller, place)
        wanted = Holding(self.taken.role, place)
        ended = next((one for one in user.roles if one.holding == wanted), None)
        if ended is None:
            raise RoleNotHeld(role=self.taken.role)
        if user.status.state == UserState.ACTIVE:
            changing.check_somebody_stays(unit, user, [ended])
        activity = changing.write(unit, context, user, told(wanted))
        assignments.end(unit, ended.id, activity)
        left = user._replace(roles=tuple(one for one in user.roles if one is not ended))
        return Answer(changing.save(unit, left, activity).shown_to(caller), activity)


def allowed(unit: Unit, caller: Caller, wanted: Sequence[GivenRole]) -> list[Gift]:
    """What is to be given, each once. Raises ScopeNotFound, RoleNotFound, GrantExceeded."""
    found = []
    for one in dict.fromkeys(wanted):
        scope, place = role_scopes.placed(unit.connection, one.scope, caller)
        administering.check_gives(caller, _permissions(one.role), place)
        found.append(Gift(Holding(one.role, place), scope))
    return found


def give(unit: Unit, user: User, gifts: Sequence[Gift], activity: str) -> User:
    """The user with these roles besides, of which the activity, which is written already, tells; those that are held
    already stay."""
    new = [gift for gift in gifts if gift.holding not in user.holdings]
    held = [
        Held(assignments.assign(unit, user.id, holding.role, scope, activity), holding, scope, unit.now)
        for holding, scope in new
    ]
    return user._replace(roles=(*user.roles, *held))


def told(holding: Holding) -> dict[str, str]:
    """What a record says of a role that was given or taken."""
    return {"role": holding.role, "scope": holding.place.name}


def _permissions(role: str) -> frozenset[Permission]:
    """What a role permits. One that was made is not changed, nor deleted, until this unit has ended."""
    if role in _BUILT_IN:
        return PERMISSIONS[Role(role)]
    found = RoleRow.select().where((RoleRow.id == role) & RoleRow.deleted_at.is_null()).for_update("FOR SHARE").first()
    if found is None:
        raise RoleNotFound(role=role)
    return frozenset(Permission(one) for one in found.permissions)


_BUILT_IN = frozenset(role.value for role in Role)
