"""Changes customers. The record names the fields that changed, never their values: they are personal."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rules.access import Caller
from rules.activity import Origin
from rules.merging import CustomerState
from rules.refusals import CustomerExists, CustomerMerged, ExternalIdTaken, StaleEtag
from storage.activity.commands import Change, Scope, record
from storage.customers import queries
from storage.customers.queries import Customer, Profile
from storage.customers.tables import CustomerRow, ExternalIdRow
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer, Request, once
from storage.engine.unit import Unit
from storage.programs import queries as programs


class CreateCustomer(NamedTuple):
    """A new member of a program; an empty `customer_id` lets us choose."""

    program_id: str
    customer_id: str
    profile: Profile


class UpdateCustomer(NamedTuple):
    """New values for some fields of a profile. An empty etag agrees to any state."""

    program_id: str
    customer_id: str
    etag: str
    changes: dict[str, Any]


def create(
    unit: Unit, command: CreateCustomer, caller: Caller, origin: Origin, request: Request, validate_only: bool = False
) -> Answer[Customer]:
    """Raises ProgramNotFound, CustomerExists, ExternalIdTaken."""

    def change() -> Answer[Customer]:
        program = programs.get(command.program_id, caller)
        customer_id = command.customer_id or typeid("customer", new_uuid().int)
        taken = (CustomerRow.program == program.id) & (CustomerRow.customer_id == customer_id)
        if CustomerRow.select().where(taken).exists():
            raise CustomerExists(customer=customer_id)
        number = _next_number(unit)
        customer = Customer(number, program.program_id, customer_id, command.profile, 1, unit.now, unit.now)
        filled = [Change(field) for field in Profile._fields if getattr(command.profile, field)]
        scope = Scope(program.id, number)
        activity = record(unit, origin, customer.name, scope, changes=filled, request_id=request.request_id)
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

    return once_named(unit, caller, request, change, validate_only)


def update(
    unit: Unit, command: UpdateCustomer, caller: Caller, origin: Origin, request: Request, validate_only: bool = False
) -> Answer[Customer]:
    """Raises ProgramNotFound, CustomerNotFound, CustomerMerged, StaleEtag, ExternalIdTaken."""

    def change() -> Answer[Customer]:
        program = programs.get(command.program_id, caller)
        old = queries.get(program, command.customer_id, for_update=True)
        if old.state is CustomerState.MERGED:
            raise CustomerMerged(customer=old.customer_id, target=old.merged_into)
        if command.etag and command.etag != old.etag:
            raise StaleEtag(etag=old.etag)
        profile = old.profile._replace(**command.changes)
        new = old._replace(profile=profile, version=old.version + 1, updated_at=unit.now)
        changed = [Change(field) for field in Profile._fields if getattr(profile, field) != getattr(old.profile, field)]
        scope = Scope(program.id, old.id)
        activity = record(unit, origin, old.name, scope, changes=changed, request_id=request.request_id)
        unit.write()
        CustomerRow.update(**_columns(new, unit, activity)).where(CustomerRow.id == old.id).execute()
        if profile.external_ids != old.profile.external_ids:
            ExternalIdRow.delete().where(ExternalIdRow.customer == old.id).execute()
            _save_external_ids(program.id, new)
        return Answer(new, activity)

    return once_named(unit, caller, request, change, validate_only)


class _Named(NamedTuple):
    """What is kept of an answer: which customer, and nothing about the person."""

    program_id: str
    customer_id: str


def once_named(
    unit: Unit, caller: Caller, request: Request, change: Callable[[], Answer[Customer]], validate_only: bool
) -> Answer[Customer]:
    """As `once`, but a replay answers the customer as it stands now: profiles are kept in one key only."""
    made: list[Customer] = []

    def named() -> Answer[_Named]:
        answer = change()
        made.append(answer.value)
        return Answer(_Named(answer.value.program_id, answer.value.customer_id), answer.activity)

    kept = once(unit, request, _Named, named, validate_only)
    customer = made[0] if made else queries.get(programs.get(kept.value.program_id, caller), kept.value.customer_id)
    return Answer(customer, kept.activity, kept.replayed)


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
