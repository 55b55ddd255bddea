"""Roles, services, and what these call with: made, and asked for."""

from typing import Any

from fealty.v1 import credentials_pb2 as pb
from fealty.v1 import options_pb2, roles_pb2
from tests.server.club import NAME, Club
from tests.server.serving import Client, fresh

EARN, READ = options_pb2.PERMISSION_POINTS_EARN, options_pb2.PERMISSION_PROGRAMS_READ
DESK = "roles/till-desk"
IN_CLUB = [roles_pb2.RoleInScope(role="roles/SERVICE", scope=NAME)]


def of_role(role_id: str = "till-desk", permissions: Any = (EARN, READ)) -> roles_pb2.CreateRoleRequest:
    """A role of two permissions."""
    role = roles_pb2.Role(display_name="Till desk", permissions=permissions)
    return roles_pb2.CreateRoleRequest(role_id=role_id, role=role, request_id=fresh())


def of_key(name: str = "desk", roles: Any = IN_CLUB, **more: Any) -> pb.CreateKeyRequest:
    """A key for a new service."""
    return pb.CreateKeyRequest(service_name=name, roles=roles, **{"request_id": fresh(), **more})


def of_certificate(name: str = "desk", **more: Any) -> pb.RegisterCertificateRequest:
    """A certificate for a new service."""
    asked = {"certificate_name": "desk.example.com", "request_id": fresh(), **more}
    return pb.RegisterCertificateRequest(service_name=name, roles=IN_CLUB, **asked)


async def role(club: Club) -> str:
    """Makes the role, and answers its name."""
    made = await club.admin.roles.CreateRole(of_role())
    return str(made.role.name)


async def key(club: Club, client: Client | None = None, **more: Any) -> pb.CreateKeyResponse:
    """Makes a key for a new service."""
    made: pb.CreateKeyResponse = await (client or club.admin).credentials.CreateKey(of_key(**more))
    return made


async def certificate(club: Club, name: str = "desk") -> str:
    """Registers a certificate for a new service, and answers its name."""
    made = await club.admin.credentials.RegisterCertificate(of_certificate(name))
    return str(made.certificate.name)


def service_of(name: str) -> str:
    """Of the name of a key or a certificate."""
    return "/".join(name.split("/")[:2])


async def ask_create_role(club: Club) -> Any:
    """A new role."""
    return of_role()


async def ask_update_role(club: Club) -> Any:
    """Other permissions of a role."""
    changed = roles_pb2.Role(name=await role(club), permissions=[EARN, options_pb2.PERMISSION_POINTS_SPEND])
    return roles_pb2.UpdateRoleRequest(role=changed)


async def ask_delete_role(club: Club) -> Any:
    """The end of a role that nobody holds."""
    return roles_pb2.DeleteRoleRequest(name=await role(club))


async def ask_create_key(club: Club) -> Any:
    """A key for a new service, that may less than its role."""
    return of_key(permissions=[EARN], may_act_for=[pb.ACTS_FOR_CUSTOMERS])


async def ask_rotate_key(club: Club) -> Any:
    """A key in the place of another, beside it for an hour."""
    return pb.RotateKeyRequest(name=(await key(club)).key.name, overlap_s=3600)


async def ask_revoke_key(club: Club) -> Any:
    """The end of a key."""
    return pb.RevokeKeyRequest(name=(await key(club)).key.name)


async def ask_register_certificate(club: Club) -> Any:
    """A certificate for a new service."""
    return of_certificate()


async def ask_revoke_certificate(club: Club) -> Any:
    """The end of a certificate."""
    return pb.RevokeCertificateRequest(name=await certificate(club))


async def ask_update_service(club: Club) -> Any:
    """One role more, and a limit."""
    roles = [*IN_CLUB, roles_pb2.RoleInScope(role="roles/OPERATOR")]
    service = pb.Service(name=service_of((await key(club)).key.name), roles=roles, rates={"READ": 600})
    return pb.UpdateServiceRequest(service=service)


async def ask_get_role(club: Club) -> Any:
    """A role of every installation."""
    return roles_pb2.GetRoleRequest(name="roles/STAFF")


async def ask_report(club: Club) -> Any:
    """Who may what today."""
    [(now,)] = club.served.rows("SELECT now()")
    return roles_pb2.ReportPermissionsRequest(day={"year": now.year, "month": now.month, "day": now.day})


async def ask_list_keys(club: Club) -> Any:
    """The keys of a service that has one."""
    return pb.ListKeysRequest(parent=service_of((await key(club)).key.name))


async def ask_list_certificates(club: Club) -> Any:
    """The certificates of a service that has one."""
    return pb.ListCertificatesRequest(parent=service_of(await certificate(club, "gate")))
