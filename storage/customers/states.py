"""Suspends and reactivates customers: nobody earns or spends with the accounts of one that is suspended.

Time goes on: points become active and expire. The accounts carry the state too, so that the hot path need not ask.
What else a state does to points is closing.py's.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rules.accounts import AccountState
from rules.activity import Change
from rules.refusals import CustomerClosed, CustomerMerged, CustomerStateWrong
from rules.states import COMES_FROM, CustomerState
from storage.activity.commands import Scope, record
from storage.customers import accounts, queries
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
    CustomerState.BLOCKED: AccountState.BLOCKED,
    CustomerState.CLOSED: AccountState.CLOSED,
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
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CustomerClosed; CustomerStateWrong where it is not
        active."""
        return _change(unit, self, CustomerState.SUSPENDED)


class ReactivateCustomer(NamedTuple):
    """Ends a suspension, or a block."""

    program_id: str
    customer_id: str
    context: CommandContext

    def answers(self) -> type[KeptCustomer]:
        """The customer."""
        return KeptCustomer

    def decide(self, unit: Unit) -> Answer[Customer]:
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CustomerClosed; CustomerStateWrong where it is
        active."""
        return _change(unit, self, CustomerState.ACTIVE)


def check_lives(customer: Customer) -> None:
    """Raises CustomerMerged where it is another customer that should be named, CustomerClosed."""
    if customer.state is CustomerState.MERGED:
        raise CustomerMerged(customer=customer.customer_id, target=customer.merged_into)
    if customer.state is CustomerState.CLOSED:
        raise CustomerClosed(customer=customer.customer_id)


def check_state(customer: Customer, *wanted: CustomerState) -> None:
    """Raises CustomerStateWrong where it is in none of some states, and what check_lives raises."""
    check_lives(customer)
    if customer.state not in wanted:
        raise CustomerStateWrong(customer=customer.customer_id, state=customer.state, wanted=" or ".join(wanted))


def check_may_become(customer: Customer, state: CustomerState) -> None:
    """The same for the states from which it comes into another."""
    check_state(customer, *COMES_FROM[state])


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


def _change(unit: Unit, command: SuspendCustomer | ReactivateCustomer, state: CustomerState) -> Answer[Customer]:
    program = programs.get(command.program_id, command.context.caller)
    [old] = queries.lock(program, command.customer_id)
    check_may_become(old, state)
    accounts.lock(unit, old)
    changes = [Change("state", old.state, state)]
    activity = record_change(unit, command.context, program, old, changes, {})
    unit.write()
    return Answer(save_state(unit, old, state, activity), activity)


_SET_STATE = "UPDATE account SET state = %s WHERE customer = %s"
