"""Users in the books of a scene, and every command that changes them."""

from collections.abc import Callable
from typing import Any

from rules.access import Caller, Role, in_role
from rules.users import Way
from storage.access.credentials import CredentialKind, Token, new_token
from storage.access.users.factors import ResetSecondFactor
from storage.access.users.inviting import InviteUser, ResendInvitation
from storage.access.users.logins import RevokeLogin
from storage.access.users.profiles import UpdateUser
from storage.access.users.queries import User
from storage.access.users.roles import AssignRole, EndRole, GivenRole
from storage.access.users.states import MoveUser
from storage.engine.commands import ColdCommand, CommandContext
from tests.storage.asking import asked
from tests.storage.scene import Scene

ADMIN = in_role("caller_2", "admin", Role.ADMINISTRATOR)
STAFF = GivenRole("STAFF", "programs/coffee")
ALL = GivenRole("ADMINISTRATOR")


def by(caller: Caller, content: object) -> CommandContext:
    """How a caller asks."""
    context = asked((caller.id, content))
    request = context.request._replace(caller=caller.id)
    origin = context.origin._replace(actor=caller.id, actor_type=caller.type)
    return context._replace(caller=caller, request=request, origin=origin)


def invite(scene: Scene, email: str, *given: GivenRole, caller: Caller = ADMIN) -> User:
    """Somebody who was invited."""
    name = email.partition("@")[0].capitalize()
    return scene.carry_out(InviteUser(email, name, "", given, by(caller, email))).value.user


def at_work(scene: Scene, email: str, *given: GivenRole) -> User:
    """Somebody who has accepted."""
    user = invite(scene, email, *given)
    scene.execute(f"UPDATE app_user SET state = 'ACTIVE' WHERE id = '{user.id}'")
    return user


def as_caller(user: User, role: Role = Role.ADMINISTRATOR, program: str = "") -> Caller:
    """A user who calls."""
    return in_role(user.id, user.display_name, role, program)._replace(user=user.id)


def log_in(scene: Scene, user: User) -> Token:
    """The token of a user who is in."""
    token = new_token(CredentialKind.LOGIN)
    scene.execute(
        "INSERT INTO login (id, person, secret_hash, restricted, ip_address, user_agent, created_at, ends_at, activity)"
        f" SELECT '{token.id}', '{user.id}', '\\x{token.secret_hash.hex()}', false, '192.0.2.1', 'Firefox',"
        " now(), now() + interval '1 hour', id FROM activity LIMIT 1"
    )
    return token


def move(scene: Scene, user: User, way: Way, caller: Caller = ADMIN, *given: GivenRole) -> User:
    """Locks, unlocks, archives or unarchives somebody."""
    return scene.carry_out(MoveUser(user.id, "", way, by(caller, (user.id, way, given)), given)).value


def _admin(context: CommandContext) -> CommandContext:
    return context._replace(caller=ADMIN)


def _revoke(scene: Scene, context: CommandContext) -> RevokeLogin:
    user = at_work(scene, "gwen@example.com")
    return RevokeLogin(user.id, log_in(scene, user).id, _admin(context))


def _of(
    command: Callable[[str, CommandContext], Any], *given: GivenRole
) -> Callable[[Scene, CommandContext], ColdCommand[Any]]:
    return lambda scene, context: command(invite(scene, "gwen@example.com", *given).id, _admin(context))


# Each to be done once.
ACTS: dict[type[ColdCommand[Any]], Callable[[Scene, CommandContext], ColdCommand[Any]]] = {
    InviteUser: lambda scene, context: InviteUser("gwen@example.com", "Gwendolyn", "", (STAFF,), _admin(context)),
    ResendInvitation: _of(ResendInvitation),
    UpdateUser: _of(lambda user, context: UpdateUser(user, "", {"display_name": "Gwen"}, context)),
    MoveUser: _of(lambda user, context: MoveUser(user, "", Way.LOCK, context)),
    AssignRole: _of(lambda user, context: AssignRole(user, STAFF, context)),
    EndRole: _of(lambda user, context: EndRole(user, STAFF, context), STAFF),
    ResetSecondFactor: _of(ResetSecondFactor),
    RevokeLogin: _revoke,
}
