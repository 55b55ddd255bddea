"""Blocks and closes customers: what holds set aside is let go, and of one that is closed nothing is left to spend.

So are uses of coupons that are reserved: a block or the end would keep them from others until their time has passed.
The own coupons of one that is closed are voided, as its points expire (storage/coupons/closing.py says why), and so are
its passes. One that is blocked keeps them.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from rules import closing
from rules.access import Caller
from rules.activity import Change
from rules.closing import Cleared
from rules.draft import Draft
from rules.states import CustomerState
from storage.coupons import closing as coupons
from storage.coupons.closing import Ended
from storage.customers import accounts, belongings, queries
from storage.customers.accounts import Named
from storage.customers.commands import changes_of_person
from storage.customers.queries import Customer, KeptCustomer
from storage.customers.records import ExternalIdRow
from storage.customers.states import check_may_become, record_change, save_state
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.ledger.locked_account import LockedAccount
from storage.passes import ending as passes
from storage.programs import queries as programs
from storage.programs.queries import Program

NO_DETAILS: Mapping[str, Any] = MappingProxyType({})


class ClearedAccount(NamedTuple):
    """What was let go of one card: points, and how many holds and lots."""

    card_id: str
    released: int
    cancelled: int
    expired: int
    repaid: int
    holds: int
    lots: int


class Clearing(NamedTuple):
    """What was let go, card by card and of coupons, and the customer in its new state."""

    accounts: tuple[ClearedAccount, ...]
    customer: Customer
    ended: Ended = Ended()

    def as_kept(self) -> "KeptClearing":
        """Figures, which customer it is, and nothing about the person."""
        return KeptClearing(self.accounts, self.customer.program_id, self.customer.customer_id, self.ended)


class KeptClearing(NamedTuple):
    """What is kept of an answer that shows a clearing."""

    accounts: tuple[ClearedAccount, ...]
    program_id: str
    customer_id: str
    ended: Ended = Ended()

    def as_it_stands(self, caller: Caller) -> Clearing:
        """The clearing as it was, with the customer. Raises ProgramNotFound, CustomerNotFound."""
        customer = KeptCustomer(self.program_id, self.customer_id).as_it_stands(caller)
        return Clearing(self.accounts, customer, self.ended)


class BlockCustomer(NamedTuple):
    """Bans a customer: no earning, no spending, and nothing given by hand; its holds end at once."""

    program_id: str
    customer_id: str
    context: CommandContext

    def answers(self) -> type[KeptClearing]:
        """What was let go."""
        return KeptClearing

    def decide(self, unit: Unit) -> Answer[Clearing]:
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CustomerClosed, CustomerStateWrong."""
        program, customer = _customer(unit, self, CustomerState.BLOCKED)
        changes = [Change("state", customer.state, CustomerState.BLOCKED)]
        hand = accounts.in_hand(unit, program, (customer,), accounts.lock(unit, customer), Named())
        context = self.context
        figures, ended, activity = _clear(unit, context, program, customer, hand, closing.release_all, changes)
        return Answer(Clearing(figures, save_state(unit, customer, CustomerState.BLOCKED, activity), ended), activity)


class CloseCustomer(NamedTuple):
    """Ends a customer for ever: its holds, its points, its coupons, and the ids by which other systems know it."""

    program_id: str
    customer_id: str
    context: CommandContext

    def answers(self) -> type[KeptClearing]:
        """What was let go."""
        return KeptClearing

    def decide(self, unit: Unit) -> Answer[Clearing]:
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CustomerClosed."""
        program, customer = _customer(unit, self, CustomerState.CLOSED)
        profile = customer.profile._replace(external_ids=())
        changes = changes_of_person(unit, customer.id, customer.profile, profile)
        figures, ended, activity = close(unit, self.context, program, customer, changes)
        ExternalIdRow.delete().where(ExternalIdRow.customer == customer.id).execute()
        freed = customer._replace(profile=profile)
        return Answer(Clearing(figures, save_state(unit, freed, CustomerState.CLOSED, activity), ended), activity)


def close(
    unit: Unit,
    context: CommandContext,
    program: Program,
    customer: Customer,
    changes: list[Change],
    details: Mapping[str, Any] = NO_DETAILS,
) -> tuple[tuple[ClearedAccount, ...], Ended, str]:
    """Ends all that a customer has, who is locked, and records it with what else changes; what ended, and the activity.
    The new state is left to the caller."""
    locked = accounts.lock(unit, customer)
    numbers = [account for account, _, _ in locked]
    changes = [Change("state", customer.state, CustomerState.CLOSED), *changes]
    hand = accounts.in_hand(unit, program, (customer,), locked, accounts.all_open(unit, numbers))
    done = _clear(unit, context, program, customer, hand, closing.close, changes, details, is_end=True)
    # They follow their lots, as those do whose lot is cancelled by hand.
    unit.connection.execute(_REJECT, (numbers, program.now(unit.now)))
    return done


def _customer(unit: Unit, command: BlockCustomer | CloseCustomer, state: CustomerState) -> tuple[Program, Customer]:
    program = programs.get(command.program_id, command.context.caller)
    [customer] = queries.lock(program, command.customer_id)
    check_may_become(customer, state)
    return program, customer


def _clear(
    unit: Unit,
    context: CommandContext,
    program: Program,
    customer: Customer,
    hand: Iterable[LockedAccount],
    clear: Callable[[Draft, datetime], Cleared],
    changes: list[Change],
    details: Mapping[str, Any] = NO_DETAILS,
    is_end: bool = False,
) -> tuple[tuple[ClearedAccount, ...], Ended, str]:
    """Lets go of what the rule `clear` says, and writes it; what was let go, and the activity."""
    belongings.lock(unit, customer)
    ended = coupons.ending(unit, program, customer.id, voids=is_end)
    if is_end:
        ended = ended._replace(passes=passes.live(unit, customer.id))
    cleared = []
    for account in hand:
        draft = account.draft()
        cleared.append((account, draft, clear(draft, account.program.now)))
    figures = tuple(ClearedAccount(account.address.card, *figures) for account, _, figures in cleared if any(figures))
    changes = changes + [change for account, draft, _ in cleared for change in account.changes(draft)]
    told = {**details, "accounts": [one._asdict() for one in figures], **ended.told()}
    activity = record_change(unit, context, program, customer, changes, told, _points_of(figures))
    for account, draft, _ in cleared:
        if draft.account is not account.account:
            account.apply(draft, activity)
    unit.write()
    coupons.end(unit, program, customer.id, activity, voids=is_end)
    if is_end:
        passes.void(unit, customer.id, activity)
    return figures, ended, activity


def _points_of(figures: Iterable[ClearedAccount]) -> int | None:
    """The points that went, for a history: None where several cards lost some, whose units have no sum."""
    gone = [-one.cancelled - one.expired - one.repaid for one in figures if one.lots or one.repaid]
    return sum(gone) if len(gone) <= 1 else None


_REJECT = """
UPDATE transaction SET decided = 'REJECTED'
WHERE account = ANY(%s) AND decided = 'PENDING' AND (accepts_at IS NULL OR accepts_at > %s)
      AND NOT (refunds > 0 AND refunded_minor = amount_minor)
"""
