"""The accounts of two customers, card by card, in hand: what a merge moves between, and its way back."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from storage.customers import accounts
from storage.customers.accounts import Named
from storage.customers.queries import Customer
from storage.engine.unit import Unit
from storage.ledger.locked_account import LockedAccount
from storage.programs.queries import Program


class Pair(NamedTuple):
    """Two accounts of the same card."""

    source: LockedAccount
    target: LockedAccount


def open_missing(unit: Unit, source: Customer, target: Customer) -> None:
    """Opens the accounts that the target lacks. Both customers are locked, so nobody else opens any."""
    unit.connection.execute(_OPEN_MISSING, (target.id, source.id))


def in_hand(
    unit: Unit,
    program: Program,
    source: Customer,
    target: Customer,
    locked: Sequence[tuple[int, int, str]],
    named: Named,
) -> list[Pair]:
    """The pairs, by card. `locked` are the accounts of both, as storage.customers.accounts.lock gives them."""
    by_card: defaultdict[str, dict[int, LockedAccount]] = defaultdict(dict)
    for one in accounts.in_hand(unit, program, (source, target), locked, named):
        by_card[one.address.card][one.key.customer] = one
    return [
        Pair(both[source.id], both[target.id]) for both in by_card.values() if source.id in both and target.id in both
    ]


_OPEN_MISSING = """
INSERT INTO account (program, customer, card_id)
SELECT program, %s, card_id FROM account WHERE customer = %s ORDER BY card_id ON CONFLICT DO NOTHING
"""
