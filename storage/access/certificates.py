"""Client certificates of services, known by a name in them: registered, revoked, and listed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rules.access import Permission
from rules.credentials.lifetimes import check_lives
from rules.credentials.refusals import CertificateNameTaken, CredentialNotFound
from storage.access import services
from storage.access.keys import Bounds
from storage.access.records import CertificateRow
from storage.access.services import NewService
from storage.access.uses import used
from storage.activity.commands import record
from storage.engine.commands import CommandContext
from storage.engine.database import NO_KEY_UPDATE
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit


class CertificateRead(NamedTuple):
    """A certificate. `permissions` None: all that its service's roles permit."""

    id: str
    service: str
    certificate_name: str
    permissions: tuple[str, ...] | None
    may_act_for: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"services/{self.service}/certificates/{self.id}"


class RegisterCertificate(NamedTuple):
    """A certificate for a service that is there, by its id, or for a new one."""

    service: str | NewService
    bounds: Bounds
    certificate_name: str
    context: CommandContext

    def answers(self) -> type[CertificateRead]:
        """The certificate."""
        return CertificateRead

    def decide(self, unit: Unit) -> Answer[CertificateRead]:
        """Raises ServiceNotFound, ServiceExists, RoleNotFound, ScopeNotFound, GrantExceeded, CertificateNameTaken."""
        context, bounds = self.context, self.bounds
        prepared = services.prepare(unit, self.service, context)
        service = prepared.service
        service.check_given_by(context.caller, bounds.permissions, bounds.acts_for)
        is_it = (CertificateRow.name == self.certificate_name) & CertificateRow.revoked_at.is_null()
        if CertificateRow.get_or_none(is_it) is not None:
            raise CertificateNameTaken(certificate=self.certificate_name)
        made = CertificateRead(
            typeid("certificate", new_uuid().int),
            service.read.id,
            self.certificate_name,
            None if bounds.permissions is None else tuple(sorted(bounds.permissions)),
            bounds.acts_for,
            unit.now,
        )
        details = {
            "caller": service.read.id,
            "name": service.read.name,
            "certificate": self.certificate_name,
            "roles": [str(one) for one in service.read.roles],
            **bounds.told,
        }
        activity = record(
            unit, context.origin, made.name, service.scope, details=details, request_id=context.request.request_id
        )
        unit.write()
        prepared.make(unit, activity)
        CertificateRow.insert(
            id=made.id,
            caller=made.service,
            name=made.certificate_name,
            permissions=None if made.permissions is None else list(made.permissions),
            may_act_for=list(made.may_act_for),
            created_at=unit.now,
            activity=activity,
        ).execute()
        return Answer(made, activity)


class RevokeCertificate(NamedTuple):
    """Ends a certificate; its name may be registered again."""

    service: str
    certificate: str
    context: CommandContext

    def answers(self) -> type[CertificateRead]:
        """The certificate."""
        return CertificateRead

    def decide(self, unit: Unit) -> Answer[CertificateRead]:
        """Raises ServiceNotFound, CredentialNotFound, CredentialEnded, GrantExceeded."""
        context = self.context
        service = services.find(unit, self.service, context.caller, Permission.CREDENTIALS_WRITE)
        service.check_changed_by(context.caller)
        query = CertificateRow.select().where(
            (CertificateRow.id == self.certificate) & (CertificateRow.caller == self.service)
        )
        row = query.for_update(NO_KEY_UPDATE).first()
        if row is None:
            raise CredentialNotFound
        old = _read(row, used([row.id]))
        check_lives(old.revoked_at, None, unit.now)
        activity = record(
            unit,
            context.origin,
            old.name,
            service.scope,
            details={"caller": service.read.id, "name": service.read.name, "certificate": old.certificate_name},
            request_id=context.request.request_id,
        )
        unit.write()
        CertificateRow.update(revoked_at=unit.now).where(CertificateRow.id == old.id).execute()
        return Answer(old._replace(revoked_at=unit.now), activity)


def page(service: str, only_usable: bool, after: str, size: int) -> list[CertificateRead]:
    """Up to `size` certificates of a service that the caller may know of, newest first, from the first after `after`
    on, an id; empty: from the newest."""
    query = CertificateRow.select().where(CertificateRow.caller == service)
    if only_usable:
        query = query.where(CertificateRow.revoked_at.is_null())
    if after:
        query = query.where(CertificateRow.id < after)
    found = list(query.order_by(CertificateRow.id.desc()).limit(size))
    used_at = used([row.id for row in found])
    return [_read(row, used_at) for row in found]


def _read(row: Any, used_at: Mapping[str, datetime]) -> CertificateRead:
    return CertificateRead(
        row.id,
        row.caller,
        row.name,
        None if row.permissions is None else tuple(row.permissions),
        tuple(row.may_act_for),
        row.created_at,
        row.revoked_at,
        used_at.get(row.id),
    )
