"""How to come to each refusal of roles, of what services call with, and of acting for others."""

from collections.abc import Awaitable, Callable
from typing import Any

from grpc import StatusCode

from fealty import claims
from fealty.v1 import credentials_pb2 as pb
from fealty.v1 import programs_pb2, roles_pb2
from rules.access import Role
from tests.server.club import NAME, Club
from tests.server.crediting import DESK, certificate, key, of_certificate, of_key, of_role, role
from tests.server.provoked import EXISTS, MISSING, REFUSED, Provoked, at_once
from tests.server.serving import fresh

Refused = Callable[[], Awaitable[Any]]

_NOBODY = f"services/caller_{'0' * 26}"


async def _role_twice(club: Club) -> Refused:
    await role(club)
    return lambda: club.admin.roles.CreateRole(of_role())


async def _role_held(club: Club) -> Refused:
    await role(club)
    await key(club, roles=[roles_pb2.RoleInScope(role=DESK, scope=NAME)])
    return lambda: club.admin.roles.DeleteRole(roles_pb2.DeleteRoleRequest(name=DESK, request_id=fresh()))


async def _more_than_himself(club: Club) -> Refused:
    partner = club.served.client(club.served.key("partner", Role.PARTNER, "club"))
    return lambda: partner.credentials.CreateKey(of_key(roles=[roles_pb2.RoleInScope(role="roles/SERVICE")]))


async def _service_twice(club: Club) -> Refused:
    await key(club)
    return lambda: club.admin.credentials.CreateKey(of_key())


async def _ended(club: Club) -> Refused:
    made = await key(club)
    revoking = [pb.RevokeKeyRequest(name=made.key.name, request_id=fresh()) for _ in range(2)]
    await club.admin.credentials.RevokeKey(revoking[0])
    return lambda: club.admin.credentials.RevokeKey(revoking[1])


async def _certificate_twice(club: Club) -> Refused:
    await certificate(club)
    return lambda: club.admin.credentials.RegisterCertificate(of_certificate("other"))


async def _not_its_key(club: Club) -> Refused:
    made, other = await key(club), await key(club, name="other")
    name = f"{made.key.name.rpartition('/')[0]}/{other.key.name.rpartition('/')[2]}"
    return lambda: club.admin.credentials.RevokeKey(pb.RevokeKeyRequest(name=name, request_id=fresh()))


async def _acting(club: Club) -> Any:
    with claims(on_behalf_of=f"{NAME}/customers/ada"):
        return await club.till.programs.GetProgram(programs_pb2.GetProgramRequest(name=NAME))


def _in(role_name: str, scope: str) -> Any:
    return of_key(roles=[roles_pb2.RoleInScope(role=role_name, scope=scope)])


_LIST = pb.ListKeysRequest(parent=_NOBODY)
DENIED = StatusCode.PERMISSION_DENIED
OF_CREDENTIALS: dict[str, Provoked] = {
    "GRANT_EXCEEDED": Provoked(DENIED, {"scope": "all programs"}, _more_than_himself),
    "ROLE_NOT_FOUND": Provoked(
        MISSING, {"role": DESK}, at_once(lambda club: club.admin.credentials.CreateKey(_in(DESK, NAME)))
    ),
    "SCOPE_NOT_FOUND": Provoked(
        MISSING,
        {"scope": "partners/acme"},
        at_once(lambda club: club.admin.credentials.CreateKey(_in("roles/STAFF", "partners/acme"))),
    ),
    "USER_NOT_FOUND": Provoked(
        MISSING,
        {},
        at_once(lambda club: club.admin.credentials.CreateKey(of_key(made_for=f"users/user_{'0' * 26}"))),
    ),
    "ROLE_EXISTS": Provoked(EXISTS, {"role": DESK}, _role_twice),
    "ROLE_HELD": Provoked(REFUSED, {"role": DESK, "holders": "1"}, _role_held),
    "SERVICE_NOT_FOUND": Provoked(MISSING, {}, at_once(lambda club: club.admin.credentials.ListKeys(_LIST))),
    "SERVICE_EXISTS": Provoked(EXISTS, {"service": "desk"}, _service_twice),
    "CREDENTIAL_NOT_FOUND": Provoked(MISSING, {}, _not_its_key),
    "CREDENTIAL_ENDED": Provoked(REFUSED, {}, _ended),
    "CERTIFICATE_NAME_TAKEN": Provoked(EXISTS, {"certificate": "desk.example.com"}, _certificate_twice),
    "ACTING_DENIED": Provoked(DENIED, {}, at_once(_acting)),
}
