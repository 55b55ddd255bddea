"""Roles: those that every installation has, and those that are made, changed and deleted."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rules import access
from rules.access import PERMISSIONS, Permission, Role, known
from rules.activity import Change
from rules.credentials.refusals import RoleExists, RoleHeld, RoleNotFound
from rules.granting import EVERYWHERE, check_grantable
from rules.refusals import StaleEtag
from storage.access.records import AssignmentRow, RoleRow, RoleVersionRow
from storage.activity.commands import record
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class RoleRead(NamedTuple):
    """A role: what it is called, and what it permits, in the order of the names. One of every installation has no
    version and no times."""

    role_id: str
    display_name: str
    permissions: tuple[str, ...]
    version: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"roles/{self.role_id}"

    @property
    def etag(self) -> str:
        """Changes with every change; empty where there can be none."""
        return f'"{self.version}"' if self.version else ""


class CreateRole(NamedTuple):
    """A new role."""

    role_id: str
    display_name: str
    permissions: frozenset[Permission]
    context: CommandContext

    def answers(self) -> type[RoleRead]:
        """The role."""
        return RoleRead

    def decide(self, unit: Unit) -> Answer[RoleRead]:
        """Raises PermissionMissing, GrantExceeded, RoleExists."""
        context = self.context
        access.check_everywhere(context.caller, Permission.ROLES_WRITE)
        check_grantable(context.caller, self.permissions, EVERYWHERE)
        # People read names in any letters: one that is called like a built-in role would be taken for it.
        is_built_in = self.role_id.upper() in Role.__members__
        if is_built_in or RoleRow.get_or_none(RoleRow.id == self.role_id) is not None:
            raise RoleExists(role=f"roles/{self.role_id}")
        made = RoleRead(self.role_id, self.display_name, _listed(self.permissions), 1, unit.now, unit.now)
        details = {"called": made.display_name, "permissions": made.permissions}
        activity = record(unit, context.origin, made.name, details=details, request_id=context.request.request_id)
        unit.write()
        RoleRow.insert(
            id=made.role_id,
            display_name=made.display_name,
            permissions=list(made.permissions),
            version=1,
            created_at=unit.now,
            updated_at=unit.now,
            activity=activity,
        ).execute()
        _keep_version(unit, made, activity)
        return Answer(made, activity)


class UpdateRole(NamedTuple):
    """Another name, or other permissions; None: as it stands. An empty etag agrees to any state."""

    role_id: str
    etag: str
    display_name: str | None
    permissions: frozenset[Permission] | None
    context: CommandContext

    def answers(self) -> type[RoleRead]:
        """The role."""
        return RoleRead

    def decide(self, unit: Unit) -> Answer[RoleRead]:
        """Raises PermissionMissing, RoleNotFound, StaleEtag, GrantExceeded."""
        context = self.context
        old = _locked(self.role_id, self.etag, context)
        new = old._replace(updated_at=unit.now, version=old.version + 1)
        if self.display_name is not None:
            new = new._replace(display_name=self.display_name)
        if self.permissions is not None:
            new = new._replace(permissions=_listed(self.permissions))
        check_grantable(context.caller, known(set(new.permissions) - set(old.permissions)), EVERYWHERE)
        fields = ("display_name", "permissions")
        stands = [(field, _plain(getattr(old, field)), _plain(getattr(new, field))) for field in fields]
        changes = [Change(field, before, after) for field, before, after in stands if before != after]
        if not changes:
            return Answer(old, None)
        activity = record(
            unit,
            context.origin,
            new.name,
            changes=changes,
            details={"called": new.display_name},
            request_id=context.request.request_id,
        )
        unit.write()
        RoleRow.update(
            display_name=new.display_name,
            permissions=list(new.permissions),
            version=new.version,
            updated_at=unit.now,
            activity=activity,
        ).where(RoleRow.id == new.role_id).execute()
        _keep_version(unit, new, activity)
        return Answer(new, activity)


class DeleteRole(NamedTuple):
    """Ends a role that nobody holds. An empty etag agrees to any state."""

    role_id: str
    etag: str
    context: CommandContext

    def answers(self) -> type[RoleRead]:
        """The role as it was."""
        return RoleRead

    def decide(self, unit: Unit) -> Answer[RoleRead]:
        """Raises PermissionMissing, RoleNotFound, StaleEtag, RoleHeld."""
        context = self.context
        old = _locked(self.role_id, self.etag, context)
        holders = (
            AssignmentRow.select(AssignmentRow.holder)
            .where((AssignmentRow.role == old.role_id) & AssignmentRow.until_at.is_null())
            .distinct()
            .count()
        )
        if holders:
            raise RoleHeld(role=old.name, holders=holders)
        activity = record(
            unit,
            context.origin,
            old.name,
            details={"called": old.display_name},
            request_id=context.request.request_id,
        )
        unit.write()
        RoleRow.update(deleted_at=unit.now, updated_at=unit.now, activity=activity).where(
            RoleRow.id == old.role_id
        ).execute()
        return Answer(old, activity)


def get(role_id: str) -> RoleRead:
    """The role of that id. Raises RoleNotFound."""
    if role_id in BUILT_IN:
        return BUILT_IN[role_id]
    return _read(RoleRow.get_or_none((RoleRow.id == role_id) & RoleRow.deleted_at.is_null()), role_id)


def page(after: str, size: int) -> list[RoleRead]:
    """Up to `size` roles from the first after `after` on, a role's id: those of every installation, then the others."""
    built_in = list(BUILT_IN.values())
    if after and after not in BUILT_IN:
        built_in = []
    elif after:
        built_in = built_in[[role.role_id for role in built_in].index(after) + 1 :]
    query = RoleRow.select().where(RoleRow.deleted_at.is_null())
    if after and after not in BUILT_IN:
        query = query.where(RoleRow.id > after)
    made = [_read(row, row.id) for row in query.order_by(RoleRow.id).limit(size)]
    return [*built_in, *made][:size]


def permitted(role_ids: Iterable[str]) -> Mapping[str, frozenset[Permission]]:
    """What roles permit. They stand as they are until the transaction ends. Raises RoleNotFound."""
    found: dict[str, frozenset[Permission]] = {}
    for role_id in sorted(set(role_ids)):
        if role_id in BUILT_IN:
            found[role_id] = PERMISSIONS[Role(role_id)]
        else:
            query = RoleRow.select().where((RoleRow.id == role_id) & RoleRow.deleted_at.is_null())
            found[role_id] = known(_read(query.for_update("FOR KEY SHARE").first(), role_id).permissions)
    return found


def _locked(role_id: str, etag: str, context: CommandContext) -> RoleRead:
    access.check_everywhere(context.caller, Permission.ROLES_WRITE)
    # Nobody is given it meanwhile (`permitted`).
    query = RoleRow.select().where((RoleRow.id == role_id) & RoleRow.deleted_at.is_null())
    found = _read(query.for_update("FOR UPDATE").first(), role_id)
    if etag and etag != found.etag:
        raise StaleEtag(etag=found.etag)
    return found


def _read(row: Any, role_id: str) -> RoleRead:
    if row is None:
        raise RoleNotFound(role=f"roles/{role_id}")
    return RoleRead(row.id, row.display_name, tuple(row.permissions), row.version, row.created_at, row.updated_at)


def _keep_version(unit: Unit, role: RoleRead, activity: str) -> None:
    RoleVersionRow.insert(
        role=role.role_id,
        version=role.version,
        permissions=list(role.permissions),
        recorded_at=unit.now,
        activity=activity,
    ).execute()


def _listed(permissions: Iterable[Permission]) -> tuple[str, ...]:
    return tuple(sorted(permission.value for permission in permissions))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


BUILT_IN: Mapping[str, RoleRead] = {
    role.value: RoleRead(role.value, role.value.capitalize(), _listed(held)) for role, held in PERMISSIONS.items()
}
