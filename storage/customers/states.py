"""Suspends and reactivates customers: nobody earns or spends with the accounts of one that is suspended.

Time goes on: points become active and expire. The accounts carry the state too, so that the hot path need not ask.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rules.accounts import AccountState
from rules.merging import CustomerState
from rules.refusals import CustomerMerged, CustomerStateWrong
from storage.activity.commands import Change, Scope, record
from storage.customers import queries
from storage.customers.queries import Customer, KeptCustomer
from storage.customers.records import CustomerRow
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.programs import queries as programs
from storage.programs.queries import Program

_ACCOUNT_STATES = {
    CustomerState.ACTIVE: AccountState.OPEN,
    CustomerState.SUSPENDED: AccountState.SUSPENDED,
    CustomerState.MERGED: AccountState.MERGED,
}


class SuspendCustomer(NamedTuple):
    """Stops earning and spending."""

    program_id: str
    customer_id: str
    context: CommandContext

    def answers(self) -> type[KeptCustomer]:
        """The customer."""
        return KeptCustomer

    def decide(self, unit: Unit) -> Answer[Customer]:
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged; CustomerStateWrong where it is suspended."""
        return _change(unit, self, CustomerState.ACTIVE, CustomerState.SUSPENDED)


class ReactivateCustomer(NamedTuple):
    """Ends a suspension."""

    program_id: str
    customer_id: str
    context: CommandContext

    def answers(self) -> type[KeptCustomer]:
        """The customer."""
        return KeptCustomer

    def decide(self, unit: Unit) -> Answer[Customer]:
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged; CustomerStateWrong where it is not suspended."""
        return _change(unit, self, CustomerState.SUSPENDED, CustomerState.ACTIVE)


def check_state(customer: Customer, wanted: CustomerState) -> None:
    """Raises CustomerStateWrong; CustomerMerged where it is another customer that should be named."""
    if customer.state is wanted:
        return
    if customer.state is CustomerState.MERGED:
        raise CustomerMerged(customer=customer.customer_id, target=customer.merged_into)
    raise CustomerStateWrong(customer=customer.customer_id, state=customer.state, wanted=wanted)


def record_change(
    unit: Unit,
    context: CommandContext,
    program: Program,
    customer: Customer,
    changes: list[Change],
    details: Mapping[str, Any],
    points: int | None = None,
) -> str:
    """Records what was done to a customer and why, as an event of its history; answers the id of its activity."""
    return record(
        unit,
        context.origin,
        customer.name,
        Scope(program.id, customer.id),
        program.now(unit.now),
        changes=changes,
        details=context.reason.added_to(details),
        request_id=context.request.request_id,
        event=context.origin.kind.action,
        points=points,
        note=context.reason.note,
    )


def lock_accounts(unit: Unit, *customers: Customer) -> list[tuple[int, int, str]]:
    """The accounts of some customers, as (internal id, internal id of the customer, card); locked in the order of
    their ids, as writers lock them."""
    return unit.connection.execute(_LOCK, ([customer.id for customer in customers],)).fetchall()


def save_state(
    unit: Unit, old: Customer, state: CustomerState, activity: str, merged_into: Customer | None = None
) -> Customer:
    """The customer in its new state, with all its accounts, which the caller has locked."""
    CustomerRow.update(
        state=state,
        merged_into=merged_into.id if merged_into else None,
        version=old.version + 1,
        updated_at=unit.now,
        activity=activity,
    ).where(CustomerRow.id == old.id).execute()
    unit.connection.execute(_SET_STATE, (_ACCOUNT_STATES[state], old.id))
    target = merged_into.name if merged_into else ""
    return old._replace(state=state, merged_into=target, version=old.version + 1, updated_at=unit.now)


def _change(
    unit: Unit, command: SuspendCustomer | ReactivateCustomer, wanted: CustomerState, state: CustomerState
) -> Answer[Customer]:
    program = programs.get(command.program_id, command.context.caller)
    [old] = queries.lock(program, command.customer_id)
    check_state(old, wanted)
    lock_accounts(unit, old)
    changes = [Change("state", old.state, state)]
    activity = record_change(unit, command.context, program, old, changes, {})
    unit.write()
    return Answer(save_state(unit, old, state, activity), activity)


_LOCK = "SELECT id, customer, card_id FROM account WHERE customer = ANY(%s) ORDER BY id FOR NO KEY UPDATE"

_SET_STATE = "UPDATE account SET state = %s WHERE customer = %s"
