"""Erases a person: their customer is closed, and what is known of the person is destroyed, wherever it lies.

What it shows, and the key of what lies encrypted beside the log, go in the transaction of the call. The rest is found
by the records of the customer; most often all of it goes in the same transaction too, and else as a task
(forgetting.py). Table by table, what becomes of what stands in docs/decisions/0051.
"""

from typing import Any, NamedTuple

from rules.activity import Change
from rules.refusals import CustomerHeld, CustomerMerged
from rules.states import CustomerState
from storage.approvals import outcomes as approvals
from storage.coupons.closing import Ended
from storage.customers import forgetting, queries
from storage.customers.closing import ClearedAccount, Clearing, KeptClearing, close
from storage.customers.queries import Customer, Profile
from storage.customers.records import ExternalIdRow
from storage.customers.states import record_change, save_state
from storage.engine.commands import CommandContext
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.passes import ending
from storage.programs import queries as programs
from storage.programs.queries import Program
from storage.tasks.commands import plan


class EraseCustomer(NamedTuple):
    """Forgets a person for ever, and closes their customer where that is not closed. Of one that was erased before, it
    goes through everything again."""

    program_id: str
    customer_id: str
    context: CommandContext

    def answers(self) -> type[KeptClearing]:
        """What was let go."""
        return KeptClearing

    def decide(self, unit: Unit) -> Answer[Clearing]:
        """Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CustomerHeld."""
        # Whoever writes a note here writes about the person.
        context = self.context._replace(reason=self.context.reason._replace(note=""))
        program = programs.get(self.program_id, context.caller)
        [customer] = queries.lock(program, self.customer_id)
        if customer.state is CustomerState.MERGED:
            raise CustomerMerged(customer=customer.customer_id, target=customer.merged_into)
        person = _person(unit, program, customer)
        _check_not_held(unit, program, customer)
        changes = [Change(field) for field in Profile._fields if any(getattr(one.profile, field) for one in person)]
        details = {"merged": [one.name for one in person[1:]]} if len(person) > 1 else {}
        figures: tuple[ClearedAccount, ...] = ()
        ended = Ended()
        if customer.state is CustomerState.CLOSED:
            activity = record_change(unit, context, program, customer, changes, details)
            unit.write()
        else:
            figures, ended, activity = close(unit, context, program, customer, changes, details)
            save_state(unit, customer, CustomerState.CLOSED, activity)
        _empty(unit, [one.id for one in person], activity)
        forgetting.begin(unit, customer.id, [one.id for one in person], activity)
        if not forgetting.step(unit, customer.id):
            args = {"customer": customer.id}
            key = f"{forgetting.ACTOR}:{customer.id}"
            plan(unit, forgetting.ACTOR, forgetting.QUEUE, args, key, program.id, customer.id)
        return Answer(Clearing(figures, queries.get(program, customer.customer_id), ended), activity)


def _person(unit: Unit, program: Program, customer: Customer) -> list[Customer]:
    """The customer, which is locked and merged into none, and behind it all that were merged into it, locked: nobody
    parts them meanwhile."""
    merged = [customer_id for (customer_id,) in unit.connection.execute(_MERGED, (customer.id,))]
    return [customer, *(queries.lock(program, *merged) if merged else [])]


def _check_not_held(unit: Unit, program: Program, customer: Customer) -> None:
    """Whoever places or lifts a hold has the program's row in hand: they wait for us, or we see what they did."""
    unit.connection.execute("SELECT FROM program WHERE id = %s FOR SHARE", (program.id,))
    [(is_held,)] = unit.connection.execute(_IS_HELD, (program.id, customer.id))
    if is_held:
        raise CustomerHeld(customer=customer.customer_id)


def _empty(unit: Unit, customers: list[int], activity: str) -> None:
    """Clears what customers are known by, and destroys their keys."""
    values: dict[str, Any] = {"customers": customers, "now": unit.now, "activity": activity}
    for statement in (_EMPTY, _FORGET_KEYS, _FORGET_STOPS, _FORGET_MAILS, _FORGET_CLUBS):
        unit.connection.execute(statement, values)
    ExternalIdRow.delete().where(ExternalIdRow.customer.in_(customers)).execute()
    ending.erase(unit, customers, activity)
    approvals.forget(unit.connection, customers, activity)


_MERGED = """
WITH RECURSIVE person (id, customer_id) AS (
    SELECT id, customer_id FROM customer WHERE merged_into = %s
    UNION ALL
    SELECT c.id, c.customer_id FROM person JOIN customer c ON c.merged_into = person.id
)
SELECT customer_id FROM person ORDER BY id
"""

_IS_HELD = "SELECT is_program_held(%s) OR %s IN (SELECT held_customers())"

_EMPTY = """
UPDATE customer SET display_name = '', email = '', phone_number = '', language_code = '',
    erased_at = coalesce(erased_at, %(now)s), version = version + 1, updated_at = %(now)s, activity = %(activity)s
WHERE id = ANY(%(customers)s)
"""

_FORGET_KEYS = "SELECT forget_keys(%(customers)s::bigint[])"

_FORGET_STOPS = "DELETE FROM mail_stop WHERE customer = ANY(%(customers)s)"

_FORGET_CLUBS = "DELETE FROM club_customer WHERE customer = ANY(%(customers)s)"

# One that was not sent yet finds no address, and ends so.
_FORGET_MAILS = "UPDATE mail SET arguments = '{}' WHERE customer = ANY(%(customers)s)"
