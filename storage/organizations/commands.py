"""Makes, changes and deletes networks and partners, and says whose a program is."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rules import organizations as rules
from rules.access import Permission
from rules.activity import Change
from rules.organizations import NetworkExists, OrganizationInUse, PartnerExists
from rules.refusals import StaleEtag
from storage.access.records import AssignmentRow, NetworkRow, PartnerRow
from storage.activity.commands import Scope, record
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.organizations import queries
from storage.organizations.queries import Network, Partner
from storage.programs import queries as programs
from storage.programs.records import ProgramRow


class CreateNetwork(NamedTuple):
    """A new network; an empty `network_id` lets us choose."""

    network_id: str
    display_name: str
    context: CommandContext

    def answers(self) -> type[Network]:
        """The network."""
        return Network

    def decide(self, unit: Unit) -> Answer[Network]:
        """Raises NetworkExists, and NetworkNotFound where the caller could not see what it made."""
        network_id = self.network_id or typeid("network", new_uuid().int)
        if _held(self.context) is not None:
            raise rules.NetworkNotFound(network=network_id)
        if NetworkRow.select().where(NetworkRow.network_id == network_id).exists():
            raise NetworkExists(network=network_id)
        activity = _record(unit, self.context, f"networks/{network_id}", self.display_name)
        number = NetworkRow.insert(
            network_id=network_id,
            display_name=self.display_name,
            version=1,
            created_at=unit.now,
            updated_at=unit.now,
            activity=activity,
        ).execute()
        return Answer(Network(number, network_id, self.display_name, 1, unit.now, unit.now), activity)


class UpdateNetwork(NamedTuple):
    """New values for some fields, by their names. An empty etag agrees to any state. What changes nothing leaves no
    record."""

    network_id: str
    etag: str
    changes: Mapping[str, Any]
    context: CommandContext

    def answers(self) -> type[Network]:
        """The network."""
        return Network

    def decide(self, unit: Unit) -> Answer[Network]:
        """Raises NetworkNotFound, StaleEtag."""
        old = queries.network(self.network_id, _held(self.context), for_update=True)
        _check_etag(self.etag, old.etag)
        new = old._replace(**self.changes)
        if new == old:
            return Answer(old, None)
        new = new._replace(version=old.version + 1, updated_at=unit.now)
        activity = _record(unit, self.context, old.name, new.display_name, _differences(old, new))
        _save(NetworkRow, new, activity, display_name=new.display_name)
        return Answer(new, activity)


class DeleteNetwork(NamedTuple):
    """Ends a network that has no partners. An empty etag agrees to any state."""

    network_id: str
    etag: str
    context: CommandContext

    def answers(self) -> type[Network]:
        """The network as it was."""
        return Network

    def decide(self, unit: Unit) -> Answer[Network]:
        """Raises NetworkNotFound, StaleEtag, OrganizationInUse."""
        old = queries.network(self.network_id, _held(self.context), for_update=True)
        _check_etag(self.etag, old.etag)
        if PartnerRow.select().where((PartnerRow.network == old.id) & PartnerRow.deleted_at.is_null()).exists():
            raise OrganizationInUse(what="it has partners; move or delete them first")
        _check_unheld("NETWORK", old.id)
        activity = _record(unit, self.context, old.name, old.display_name)
        _save(NetworkRow, old._replace(updated_at=unit.now), activity, deleted_at=unit.now)
        return Answer(old, activity)


class CreatePartner(NamedTuple):
    """A new partner, in a network or (empty) in none; an empty `partner_id` lets us choose."""

    partner_id: str
    network: str
    display_name: str
    context: CommandContext

    def answers(self) -> type[Partner]:
        """The partner."""
        return Partner

    def decide(self, unit: Unit) -> Answer[Partner]:
        """Raises PartnerExists, NetworkNotFound, and PartnerNotFound where the caller could not see what it made."""
        partner_id = self.partner_id or typeid("partner", new_uuid().int)
        held = _held(self.context)
        network = _network(self.network, held)
        if not rules.sees_partner(held, "", self.network):
            raise rules.PartnerNotFound(partner=partner_id)
        if PartnerRow.select().where(PartnerRow.partner_id == partner_id).exists():
            raise PartnerExists(partner=partner_id)
        activity = _record(unit, self.context, f"partners/{partner_id}", self.display_name, network=self.network)
        number = PartnerRow.insert(
            partner_id=partner_id,
            network=network,
            display_name=self.display_name,
            version=1,
            created_at=unit.now,
            updated_at=unit.now,
            activity=activity,
        ).execute()
        return Answer(Partner(number, partner_id, self.network, self.display_name, 1, unit.now, unit.now), activity)


class UpdatePartner(NamedTuple):
    """New values for some fields, by their names. An empty etag agrees to any state. What changes nothing leaves no
    record."""

    partner_id: str
    etag: str
    changes: Mapping[str, Any]
    context: CommandContext

    def answers(self) -> type[Partner]:
        """The partner."""
        return Partner

    def decide(self, unit: Unit) -> Answer[Partner]:
        """Raises PartnerNotFound, NetworkNotFound, StaleEtag."""
        held = _held(self.context)
        old = queries.partner(self.partner_id, held, for_update=True)
        _check_etag(self.etag, old.etag)
        new = old._replace(**self.changes)
        if new == old:
            return Answer(old, None)
        network = _network(new.network, held)
        new = new._replace(version=old.version + 1, updated_at=unit.now)
        activity = _record(unit, self.context, old.name, new.display_name, _differences(old, new))
        _save(PartnerRow, new, activity, display_name=new.display_name, network=network)
        return Answer(new, activity)


class DeletePartner(NamedTuple):
    """Ends a partner that owns no programs. An empty etag agrees to any state."""

    partner_id: str
    etag: str
    context: CommandContext

    @property
    def sees_all(self) -> str:
        """Why it is not behind the wall."""
        return "a program that was given to it just now counts, though its caller was not told yet that it sees it"

    def answers(self) -> type[Partner]:
        """The partner as it was."""
        return Partner

    def decide(self, unit: Unit) -> Answer[Partner]:
        """Raises PartnerNotFound, StaleEtag, OrganizationInUse."""
        old = queries.partner(self.partner_id, _held(self.context), for_update=True)
        _check_etag(self.etag, old.etag)
        if ProgramRow.select().where(ProgramRow.partner == old.id).exists():
            raise OrganizationInUse(what="it owns programs; give them to others first (TransferProgram)")
        _check_unheld("PARTNER", old.id)
        activity = _record(unit, self.context, old.name, old.display_name)
        _save(PartnerRow, old._replace(updated_at=unit.now), activity, deleted_at=unit.now)
        return Answer(old, activity)


class ProgramTransfer(NamedTuple):
    """Whose a program is: public ids, the partner's empty where it is nobody's."""

    program_id: str
    partner_id: str


class TransferProgram(NamedTuple):
    """Gives a program to a partner (public id) or, empty, to none."""

    program_id: str
    partner_id: str
    context: CommandContext

    def answers(self) -> type[ProgramTransfer]:
        """Whose it is."""
        return ProgramTransfer

    def decide(self, unit: Unit) -> Answer[ProgramTransfer]:
        """Raises ProgramNotFound, PartnerNotFound."""
        context, reason = self.context, self.context.reason
        program = programs.get(self.program_id, context.caller, for_update=True)
        to = queries.partner(self.partner_id, _held(context), for_update=True) if self.partner_id else None
        before = ProgramRow.select(PartnerRow.partner_id).join(PartnerRow, on=(PartnerRow.id == ProgramRow.partner))
        owner = before.where(ProgramRow.id == program.id).tuples().first()
        found = ProgramTransfer(program.program_id, self.partner_id)
        if (owner[0] if owner else "") == self.partner_id:
            return Answer(found, None)
        activity = record(
            unit,
            context.origin,
            program.name,
            Scope(program.id),
            changes=[Change("partner", owner[0] if owner else None, self.partner_id or None)],
            details=reason.added_to({}),
            request_id=context.request.request_id,
            note=reason.note,
        )
        unit.write()
        ProgramRow.update(partner=to.id if to else None, updated_at=unit.now, activity=activity).where(
            ProgramRow.id == program.id
        ).execute()
        return Answer(found, activity)


def _held(context: CommandContext) -> frozenset[str] | None:
    return rules.scopes(context.caller, Permission.ORGANIZATIONS_WRITE)


def _network(network_id: str, held: frozenset[str] | None) -> int | None:
    return queries.network(network_id, held, for_update=True).id if network_id else None


def _check_etag(given: str, stands: str) -> None:
    if given and given != stands:
        raise StaleEtag(etag=stands)


def _check_unheld(kind: str, scope: int) -> None:
    held = (AssignmentRow.scope_kind == kind) & (AssignmentRow.scope == scope) & AssignmentRow.until_at.is_null()
    if AssignmentRow.select().where(held).exists():
        raise OrganizationInUse(what="roles are held in it; end them first")


def _record(
    unit: Unit,
    context: CommandContext,
    subject: str,
    called: str,
    changes: list[Change] | None = None,
    **details: str,
) -> str:
    """Writes the record of a change, of something that is called so."""
    reason = context.reason
    activity = record(
        unit,
        context.origin,
        subject,
        changes=changes or (),
        details=reason.added_to({"called": called, **{name: told for name, told in details.items() if told}}),
        request_id=context.request.request_id,
        note=reason.note,
    )
    unit.write()
    return activity


def _save(row: Any, new: Network | Partner, activity: str, **columns: Any) -> None:
    row.update(version=new.version, updated_at=new.updated_at, activity=activity, **columns).where(
        row.id == new.id
    ).execute()


def _differences(old: Network | Partner, new: Network | Partner) -> list[Change]:
    fields = [field for field in ("display_name", "network") if getattr(old, field, "") != getattr(new, field, "")]
    return [Change(field, getattr(old, field), getattr(new, field)) for field in fields]
