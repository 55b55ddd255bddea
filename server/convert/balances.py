"""Balances and entries, which many answers carry.

Filled in place: a message that is given to another's constructor is copied.
"""

from typing import Any

from fealty.v1 import points_pb2 as pb
from rules.accounts import Entry
from server.convert import names
from server.convert.requests import set_instant
from storage.ledger.addresses import Address
from storage.ledger.commands import Balance
from storage.ledger.queries import EntryRead


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


def fill_new_entry(shown: pb.Entry, address: Address, entry: Entry, answered: Any, activity: str | None) -> None:
    """An entry that was made just now; `answered` says when it was written."""
    fill_entry(shown, address, EntryRead(entry, answered.recorded_at, activity or ""))


_KINDS: dict[str, Any] = {name.removeprefix("ENTRY_KIND_"): kind for name, kind in pb.EntryKind.items()}
