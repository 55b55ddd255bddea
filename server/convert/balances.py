"""Balances and entries, which many answers carry.

Filled in place: a message that is given to another's constructor is copied.
"""

from typing import Any

from fealty.v1 import points_pb2 as pb
from rules.accounts import Entry
from server.convert import names
from server.convert.requests import set_instant
from storage.engine.commands import NO_REASON, Reason
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance
from storage.ledger.entries import NO_FACTS, EntryFacts, EntryRead


def fill_balance(shown: pb.Balance, address: Address, found: Balance) -> None:
    """A balance as the contract shows it."""
    shown.account = address.name
    shown.decimals = found.decimals
    shown.pending = found.pending
    shown.active = found.active
    shown.held = found.held
    shown.debt = found.debt
    shown.spendable = found.spendable
    shown.lifetime_earned = found.earned
    shown.lifetime_spent = found.spent
    shown.lifetime_expired = found.expired
    shown.lifetime_revoked = found.revoked
    shown.lifetime_moved = found.moved
    shown.rewards = found.rewards
    set_instant(shown.as_of_time, found.as_of)


def fill_entry(shown: pb.Entry, address: Address, found: EntryRead) -> None:
    """An entry as the contract shows it."""
    entry = found.entry
    shown.name = f"{address.name}/entries/{entry.seq}"
    shown.kind = _KINDS[entry.kind]
    shown.amount = entry.amount
    shown.active_after = entry.active_after
    shown.held_after = entry.held_after
    shown.debt_after = entry.debt_after
    set_instant(shown.occur_time, entry.occurred_at)
    set_instant(shown.record_time, found.recorded_at)
    for lot, amount in entry.allocations:
        shown.allocations.add(lot=lot, amount=amount)
    if entry.transaction_id:
        shown.transaction = f"{address.customer_name}/transactions/{entry.transaction_id}"
    if entry.hold:
        shown.hold = f"{address.name}/holds/{entry.hold}"
    if entry.reverses:
        shown.reverses = f"{address.name}/entries/{entry.reverses}"
    shown.activity = names.activity(found.activity)
    if found.facts is not None:
        _fill_facts(shown, address, entry, found.facts)


def _fill_facts(shown: pb.Entry, address: Address, entry: Entry, facts: EntryFacts) -> None:
    shown.reference = facts.reference
    shown.reason_code = facts.reason_code
    shown.acting_user = facts.acting_user
    shown.event_type = facts.event_type
    if facts.refund is not None:
        shown.refund = f"{names.purchase(address, entry.transaction_id or '')}/refunds/{facts.refund}"
    if facts.counterpart:
        shown.counterpart = address._replace(customer=facts.counterpart).name
    if facts.purchases:
        purchases = dict(facts.purchases)
        for allocation in shown.allocations:
            if allocation.lot in purchases:
                allocation.transaction = names.purchase(address, purchases[allocation.lot])


def fill_new_entry(
    shown: pb.Entry,
    address: Address,
    entry: Entry,
    answered: Any,
    activity: str | None,
    why: Reason = NO_REASON,
    facts: EntryFacts = NO_FACTS,
) -> None:
    """An entry that was made just now; `answered` says when it was written, its caller why and the rest of it."""
    facts = facts._replace(reason_code=why.code, acting_user=why.acting_user)
    fill_entry(shown, address, EntryRead(entry, answered.recorded_at, activity or "", facts))


_KINDS: dict[str, Any] = {name.removeprefix("ENTRY_KIND_"): kind for name, kind in pb.EntryKind.items()}
