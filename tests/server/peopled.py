"""Users of a server that runs: invited, at work, in; and the acts that are done to them."""

from collections.abc import Awaitable, Callable
from typing import Any

from fealty.v1 import users_pb2 as pb
from storage.access.credentials import CredentialKind, new_token
from tests.server.club import NAME, WHY, Club
from tests.server.serving import Client, fresh

# Somebody who is always the same.
GRETA = f"users/user_{'0' * 26}"
PARTNER = "partners/acme"


def role(role_id: str, scope: str = "") -> pb.AssignedRole:
    """A role somewhere."""
    return pb.AssignedRole(role=f"roles/{role_id}", scope=scope)


def partner(club: Club, *programs: str, partner_id: str = "acme", network: str = "") -> str:
    """The name of a partner that owns programs, in a network where one is named."""
    if network:
        club.served.execute(
            "INSERT INTO network (network_id, display_name, version, created_at, updated_at, activity)"
            " SELECT %s, 'Network', 1, now(), now(), id FROM activity LIMIT 1",
            network,
        )
    club.served.execute(
        "INSERT INTO partner (partner_id, network, display_name, version, created_at, updated_at, activity)"
        " SELECT %s, (SELECT id FROM network WHERE network_id = %s), 'Partner', 1, now(), now(), id"
        " FROM activity LIMIT 1",
        partner_id,
        network,
    )
    for program in programs:
        club.served.execute(
            "UPDATE program SET partner = (SELECT id FROM partner WHERE partner_id = %s) WHERE program_id = %s",
            partner_id,
            program,
        )
    return f"partners/{partner_id}"


async def invited(
    club: Club, *roles: pb.AssignedRole, name: str = "Gwendolyn", client: Client | None = None, email: str = ""
) -> pb.User:
    """Somebody who was invited."""
    asked = pb.InviteUserRequest(
        email=email or f"{name.lower()}@example.com", display_name=name, roles=roles, request_id=fresh()
    )
    return (await (client or club.admin).users.InviteUser(asked)).user


async def at_work(club: Club, *roles: pb.AssignedRole, name: str = "Gwendolyn", **more: Any) -> pb.User:
    """Somebody who has accepted."""
    user = await invited(club, *roles, name=name, **more)
    club.served.execute("UPDATE app_user SET state = 'ACTIVE' WHERE id = %s", id_of(user.name))
    return await found(club.admin, user.name)


async def found(client: Client, name: str) -> pb.User:
    """A user as they stand."""
    return (await client.users.GetUser(pb.GetUserRequest(name=name))).user


def id_of(name: str) -> str:
    """The id in a user's name."""
    return name.removeprefix("users/")


def greta(club: Club) -> str:
    """The name of GRETA, who is made where she was not yet."""
    club.served.execute(
        "INSERT INTO app_user (id, email, display_name, state, version, created_at, updated_at, activity)"
        " SELECT %s, 'greta@example.com', 'Greta', 'ACTIVE', 1, now(), now(), id FROM activity LIMIT 1"
        " ON CONFLICT DO NOTHING",
        id_of(GRETA),
    )
    return GRETA


def know(club: Club, text: str) -> None:
    """Makes the users and logins that a text names, where they were not yet."""
    club.served.execute(
        "INSERT INTO app_user (id, email, display_name, state, version, created_at, updated_at, activity)"
        " SELECT named[1], named[1], named[1], 'ACTIVE', 1, now(), now(), (SELECT id FROM activity LIMIT 1)"
        " FROM regexp_matches(%s, '(user_[0-9a-z]{26})', 'g') AS named ON CONFLICT DO NOTHING",
        text,
    )
    club.served.execute(
        "INSERT INTO login (id, person, secret_hash, restricted, ip_address, user_agent, created_at, ends_at, activity)"
        " SELECT named[2], named[1], '', false, '', '', now(), now(), (SELECT id FROM activity LIMIT 1)"
        " FROM regexp_matches(%s, 'users/(user_[0-9a-z]{26})/logins/([0-9a-f]{16})', 'g') AS named"
        " ON CONFLICT DO NOTHING",
        text,
    )


def logged_in(club: Club, user: str) -> str:
    """The token of a user who is in."""
    token = new_token(CredentialKind.LOGIN)
    club.served.execute(
        "INSERT INTO login (id, person, secret_hash, restricted, ip_address, user_agent, created_at, ends_at, activity)"
        " SELECT %s, %s, %s, false, '192.0.2.1', 'Firefox', clock_timestamp(),"
        " now() + interval '1 hour', id FROM activity LIMIT 1",
        token.id,
        id_of(user),
        token.secret_hash,
    )
    return token.text


def login_name(club: Club, user: str) -> str:
    """The name of a login of a user's."""
    return f"{user}/logins/{logged_in(club, user).split('_')[1]}"


async def client_of(club: Club, *roles: pb.AssignedRole, name: str) -> tuple[Client, str]:
    """The calls of a user in some roles, and the user's name."""
    user = await at_work(club, *roles, name=name)
    return club.served.client(logged_in(club, user.name)), user.name


def greeter(club: Club) -> pb.AssignedRole:
    """A role that permits nothing but to administer users."""
    club.served.execute(
        "INSERT INTO role (id, display_name, permissions, version, created_at, updated_at, activity)"
        """ SELECT 'greeter', 'Greeter', '["USERS_WRITE"]', 1, now(), now(), id FROM activity LIMIT 1"""
        " ON CONFLICT DO NOTHING"
    )
    return role("greeter", NAME)


async def lock(client: Client, name: str) -> pb.User:
    """Locks a user."""
    return (await client.users.LockUser(pb.LockUserRequest(name=name, reason=WHY, request_id=fresh()))).user


async def archive(client: Client, name: str) -> pb.User:
    """Archives a user."""
    return (await client.users.ArchiveUser(pb.ArchiveUserRequest(name=name, reason=WHY, request_id=fresh()))).user


async def assign(client: Client, name: str, given: pb.AssignedRole) -> pb.User:
    """Gives a user a role."""
    asked = pb.AssignRoleRequest(name=name, role=given.role, scope=given.scope, reason=WHY, request_id=fresh())
    return (await client.users.AssignRole(asked)).user


async def end(client: Client, name: str, taken: pb.AssignedRole) -> pb.User:
    """Takes a role from a user."""
    asked = pb.EndRoleRequest(name=name, role=taken.role, scope=taken.scope, reason=WHY, request_id=fresh())
    return (await client.users.EndRole(asked)).user


async def _invite(club: Club) -> Any:
    return pb.InviteUserRequest(email="Gwen@example.com", display_name="Gwendolyn", language_code="cy")


async def _resend(club: Club) -> Any:
    return pb.ResendInvitationRequest(name=(await invited(club)).name)


async def _update(club: Club) -> Any:
    changed = pb.User(name=(await invited(club)).name, display_name="Gwendolyn Gold")
    return pb.UpdateUserRequest(user=changed, update_mask={"paths": ["display_name"]})


async def _lock(club: Club) -> Any:
    name = (await at_work(club)).name
    logged_in(club, name)
    return pb.LockUserRequest(name=name, reason=WHY)


async def _unlock(club: Club) -> Any:
    return pb.UnlockUserRequest(name=(await lock(club.admin, (await at_work(club)).name)).name, reason=WHY)


async def _archive(club: Club) -> Any:
    return pb.ArchiveUserRequest(name=(await at_work(club)).name, reason=WHY)


async def _unarchive(club: Club) -> Any:
    return pb.UnarchiveUserRequest(name=(await archive(club.admin, (await at_work(club)).name)).name, reason=WHY)


async def _assign(club: Club) -> Any:
    given = greeter(club)
    name = (await at_work(club)).name
    return pb.AssignRoleRequest(name=name, role=given.role, scope=given.scope, reason=WHY)


async def _end(club: Club) -> Any:
    given = greeter(club)
    name = (await at_work(club, given)).name
    return pb.EndRoleRequest(name=name, role=given.role, scope=given.scope, reason=WHY)


async def _reset(club: Club) -> Any:
    return pb.ResetSecondFactorRequest(name=(await at_work(club)).name, reason=WHY)


async def _revoke(club: Club) -> Any:
    return pb.RevokeLoginRequest(name=login_name(club, greta(club)), reason=WHY)


async def ask_get(club: Club) -> Any:
    """A request about somebody."""
    return pb.GetUserRequest(name=greta(club))


async def ask_logins(club: Club) -> Any:
    """A request about who is in."""
    logged_in(club, greta(club))
    return pb.ListLoginsRequest(parent=GRETA)


async def add_user(club: Club) -> Any:
    """One user more."""
    return await invited(club, name=f"Somebody {fresh()}", email=f"{fresh()}@example.com")


async def add_login(club: Club) -> Any:
    """One login more of GRETA's."""
    return logged_in(club, greta(club))


_MADE = "users/MADE"
_GREETER = {"role": "greeter", "scope": NAME}

# By the call: how to ask for it, what it is called, what it is about, and what stands in its record.
USER_ACTS: dict[str, tuple[Callable[[Club], Awaitable[Any]], str, str, dict[str, Any]]] = {
    "users.InviteUser": (_invite, "user.invited", _MADE, {"roles": []}),
    "users.ResendInvitation": (_resend, "user.invitation_resent", _MADE, {}),
    "users.UpdateUser": (_update, "user.updated", _MADE, {}),
    "users.LockUser": (_lock, "user.locked", _MADE, {"logins": 1}),
    "users.UnlockUser": (_unlock, "user.unlocked", _MADE, {}),
    "users.ArchiveUser": (_archive, "user.archived", _MADE, {"logins": 0}),
    "users.UnarchiveUser": (_unarchive, "user.unarchived", _MADE, {}),
    "users.AssignRole": (_assign, "role.assigned", _MADE, _GREETER),
    "users.EndRole": (_end, "role.ended", _MADE, _GREETER),
    "users.ResetSecondFactor": (_reset, "second_factor.reset", _MADE, {"logins": 0}),
    "users.RevokeLogin": (_revoke, "login.revoked", f"{_MADE}/logins/MADE", {}),
}
