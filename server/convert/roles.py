"""Roles, what a caller may itself, and who held which permission."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from fealty.v1 import options_pb2
from fealty.v1 import roles_pb2 as pb
from rules.access import Caller, Grant, Permission
from rules.refusals import UpdateMaskInvalid
from server.call import Call
from server.convert import names
from server.convert.requests import context, receipt, set_instant, timestamp
from server.errors import RequestInvalid
from server.policy import word
from storage.access.report import HeldRole, ReportFilter
from storage.access.roles import CreateRole, DeleteRole, RoleRead, UpdateRole
from storage.access.services import RoleAt
from storage.engine.requests import Answer

_PREFIX = "PERMISSION_"
_PERMISSIONS: dict[str, Any] = {name.removeprefix(_PREFIX): number for name, number in options_pb2.Permission.items()}
_USES: dict[bool | None, Any] = {
    True: pb.HOLDER_USE_POSSIBLE,
    False: pb.HOLDER_USE_IMPOSSIBLE,
    None: pb.HOLDER_USE_UNSPECIFIED,
}


def create_role(call: Call, message: pb.CreateRoleRequest) -> CreateRole:
    """The command in a request."""
    given = message.role
    return CreateRole(message.role_id, given.display_name, permissions(given.permissions), context(call, message))


def created(command: CreateRole, answer: Answer[RoleRead]) -> pb.CreateRoleResponse:
    """What is answered to it."""
    return pb.CreateRoleResponse(role=message(answer.value), receipt=receipt(answer))


def update_role(call: Call, message: pb.UpdateRoleRequest) -> UpdateRole:
    """The command in a request. Raises UpdateMaskInvalid, RequestInvalid."""
    given = message.role
    filled = [name for name in ("display_name", "permissions") if getattr(given, name)]
    paths = list(message.update_mask.paths) or filled
    for path in paths:
        if path not in ("display_name", "permissions"):
            raise UpdateMaskInvalid(path=path)
    if "permissions" in paths and not given.permissions:
        raise RequestInvalid([("role.permissions", "at least one is wanted")])
    return UpdateRole(
        role_id(given.name),
        given.etag,
        given.display_name if "display_name" in paths else None,
        permissions(given.permissions) if "permissions" in paths else None,
        context(call, message),
    )


def updated(command: UpdateRole, answer: Answer[RoleRead]) -> pb.UpdateRoleResponse:
    """What is answered to it."""
    return pb.UpdateRoleResponse(role=message(answer.value), receipt=receipt(answer))


def delete_role(call: Call, message: pb.DeleteRoleRequest) -> DeleteRole:
    """The command in a request."""
    return DeleteRole(role_id(message.name), message.etag, context(call, message))


def deleted(command: DeleteRole, answer: Answer[RoleRead]) -> pb.DeleteRoleResponse:
    """What is answered to it."""
    return pb.DeleteRoleResponse(role=message(answer.value), receipt=receipt(answer))


def role_id(name: str) -> str:
    """Of `roles/{role}`."""
    return name.partition("/")[2]


def role_at(given: pb.RoleInScope) -> RoleAt:
    """A role and where it holds."""
    return RoleAt(role_id(given.role), given.scope)


def role_in_scope(found: RoleAt) -> pb.RoleInScope:
    """The same as the contract shows it."""
    return pb.RoleInScope(role=f"roles/{found.role}", scope=found.scope)


def permissions(given: Iterable[Any]) -> frozenset[Permission]:
    """Those that a message has."""
    return frozenset(Permission(word(options_pb2.Permission, number, _PREFIX)) for number in given)


def permission_numbers(found: Iterable[str]) -> list[Any]:
    """The same as the contract has them, in the order of their names; what only a later one knows is left out."""
    return [_PERMISSIONS[name] for name in sorted(found) if name in _PERMISSIONS]


def message(role: RoleRead) -> pb.Role:
    """A role as the contract shows it."""
    shown = pb.Role(
        name=role.name,
        display_name=role.display_name,
        permissions=permission_numbers(role.permissions),
        built_in=not role.version,
        version=role.version,
        etag=role.etag,
    )
    if role.created_at is not None and role.updated_at is not None:
        set_instant(shown.create_time, role.created_at)
        set_instant(shown.update_time, role.updated_at)
    return shown


def mine(caller: Caller, grants: Iterable[Grant]) -> pb.ListMyPermissionsResponse:
    """What a caller may itself, as far as these grants go."""
    # A login is a user's; whoever acts for one is a service.
    is_user = bool(caller.user) and caller.id == caller.user
    return pb.ListMyPermissionsResponse(
        caller=f"{'users' if is_user else 'services'}/{caller.id}",
        on_behalf_of=caller.on_behalf_of,
        grants=[_grant(one.role, one.scope, one.permissions) for one in grants],
        restricted=caller.restricted,
    )


def asked(message: pb.ReportPermissionsRequest) -> ReportFilter:
    """What a report is asked of. Raises RequestInvalid."""
    try:
        day = date(message.day.year, message.day.month, message.day.day)
    except ValueError as error:
        raise RequestInvalid([("day", "must be a day that the month has")]) from error
    start = datetime.combine(day, time(), UTC)
    if start > datetime.now(UTC):
        raise RequestInvalid([("day", "must be a past day or today, in UTC")])
    return ReportFilter(
        start,
        start + timedelta(days=1),
        word(options_pb2.Permission, message.permission, _PREFIX),
        message.holder.partition("/")[2],
        names.program_id(message.program) if message.program else "",
    )


def roles_of(message: Any) -> list[dict[str, str]]:
    """The roles that a request gives or takes, and where: they are nobody's personal data, and say what was asked for
    once the request itself is gone."""
    found = []
    names = message.DESCRIPTOR.fields_by_name
    if "role" in names and "scope" in names:
        found.append({"role": message.role.removeprefix("roles/"), "scope": message.scope})
    for field, value in message.ListFields():
        if field.name in ("roles", "service"):
            for one in value if field.is_repeated else (value,):
                found += roles_of(one)
    return found


def held(found: HeldRole) -> pb.HeldRole:
    """A role that somebody held, as the contract shows it."""
    shown = pb.HeldRole(
        holder=f"{'users' if found.holder.startswith('user_') else 'services'}/{found.holder}",
        holder_name=found.name,
        grant=_grant(found.role, found.scope, found.permissions),
        from_time=timestamp(found.from_at),
        use=_USES[found.is_usable],
        activity=names.activity(found.activity),
    )
    if found.until_at is not None:
        set_instant(shown.until_time, found.until_at)
    return shown


def _grant(role: str, scope: str, held: Iterable[str]) -> pb.PermissionGrant:
    return pb.PermissionGrant(role=f"roles/{role}", scope=scope, permissions=permission_numbers(held))
