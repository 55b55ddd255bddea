"""Changes customers. The record names the fields that changed; their values are personal, and lie beside it."""

from typing import Any, NamedTuple

from rules.activity import Change, PersonalValue
from rules.archiving import check_active
from rules.refusals import CustomerExists, ExternalIdTaken, StaleEtag
from rules.updates import check_fixed
from storage.activity.commands import Scope, record
from storage.customers import queries
from storage.customers.queries import Customer, KeptCustomer, Profile
from storage.customers.records import CustomerRow, ExternalIdRow
from storage.customers.states import check_lives
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.personal.commands import take_key
from storage.programs import queries as programs


class CreateCustomer(NamedTuple):
    """A new member of a program; an empty `customer_id` lets us choose."""

    program_id: str
    customer_id: str
    profile: Profile
    context: CommandContext

    def answers(self) -> type[KeptCustomer]:
        """The customer."""
        return KeptCustomer

    def decide(self, unit: Unit) -> Answer[Customer]:
        """Raises ProgramNotFound, ProgramArchived, CustomerExists, ExternalIdTaken."""
        context = self.context
        program = programs.get(self.program_id, context.caller)
        check_active(program.settings, program.program_id)
        customer_id = self.customer_id or typeid("customer", new_uuid().int)
        taken = (CustomerRow.program == program.id) & (CustomerRow.customer_id == customer_id)
        if CustomerRow.select().where(taken).exists():
            raise CustomerExists(customer=customer_id)
        number = _next_number(unit)
        customer = Customer(number, program.program_id, customer_id, self.profile, 1, unit.now, unit.now)
        filled = changes_of_person(unit, number, Profile(), self.profile)
        scope, request_id = Scope(program.id, number), context.request.request_id
        activity = record(unit, context.origin, customer.name, scope, changes=filled, request_id=request_id)
        unit.write()
        CustomerRow.insert(
            id=number,
            program=program.id,
            customer_id=customer_id,
            created_at=unit.now,
            **_columns(customer, unit, activity),
        ).execute()
        _save_external_ids(program.id, customer)
        return Answer(customer, activity)


class UpdateCustomer(NamedTuple):
    """New values for some fields of a profile. An empty etag agrees to any state; `fixed` are values of fields that no
    update can change, by the names of the contract, which must be what stands. What changes nothing is not recorded."""

    program_id: str
    customer_id: str
    etag: str
    changes: dict[str, Any]
    context: CommandContext
    fixed: tuple[tuple[str, Any], ...] = ()

    def answers(self) -> type[KeptCustomer]:
        """The customer."""
        return KeptCustomer

    def decide(self, unit: Unit) -> Answer[Customer]:
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CustomerClosed, StaleEtag, FieldFixed,
        ExternalIdTaken."""
        context = self.context
        program = programs.get(self.program_id, context.caller)
        old = queries.get(program, self.customer_id, for_update=True)
        check_lives(old)
        if self.etag and self.etag != old.etag:
            raise StaleEtag(etag=old.etag)
        stands = {
            "state": old.state,
            "merged_into": old.merged_into,
            "create_time": old.created_at,
            "update_time": old.updated_at,
            "erase_time": old.erased_at,
            "erase_pending": old.erase_pending,
        }
        check_fixed(self.fixed, stands)
        profile = old.profile._replace(**self.changes)
        if profile == old.profile:
            return Answer(old, None)
        new = old._replace(profile=profile, version=old.version + 1, updated_at=unit.now)
        changed = changes_of_person(unit, old.id, old.profile, profile)
        scope, request_id = Scope(program.id, old.id), context.request.request_id
        activity = record(unit, context.origin, old.name, scope, changes=changed, request_id=request_id)
        unit.write()
        CustomerRow.update(**_columns(new, unit, activity)).where(CustomerRow.id == old.id).execute()
        if profile.external_ids != old.profile.external_ids:
            ExternalIdRow.delete().where(ExternalIdRow.customer == old.id).execute()
            _save_external_ids(program.id, new)
        return Answer(new, activity)


def changes_of_person(unit: Unit, customer: int, before: Profile, after: Profile) -> list[Change]:
    """What changed of a customer, by internal id, for the record of it; with their key in hand, where anything did.

    Raises KeyringError.
    """
    told = ((field, _told(getattr(before, field)), _told(getattr(after, field))) for field in Profile._fields)
    changes = [Change(field, old, new) for field, old, new in told if old != new]
    if changes:
        take_key(unit, customer)
    return changes


def _told(value: Any) -> PersonalValue | None:
    if not value:
        return None
    return PersonalValue(value if isinstance(value, str) else [one._asdict() for one in value])


def _columns(customer: Customer, unit: Unit, activity: str) -> dict[str, Any]:
    personal = customer.profile._asdict()
    personal.pop("external_ids")
    return {**personal, "version": customer.version, "updated_at": unit.now, "activity": activity}


def _save_external_ids(program: int, customer: Customer) -> None:
    for source, external_id in customer.profile.external_ids:
        row = {"program": program, "source": source, "external_id": external_id}
        key = [ExternalIdRow.program, ExternalIdRow.source, ExternalIdRow.external_id]
        taken = ExternalIdRow.insert(**row, customer=customer.id).on_conflict(conflict_target=key, action="IGNORE")
        if not taken.as_rowcount().execute():
            raise ExternalIdTaken(source=source)


def _next_number(unit: Unit) -> int:
    # The record of a creation names the customer's number, and must stand before the customer does.
    found = unit.connection.execute("SELECT nextval(pg_get_serial_sequence('customer', 'id'))").fetchone()
    assert found is not None
    return int(found[0])
