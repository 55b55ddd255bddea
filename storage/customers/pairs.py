"""The accounts of two customers, card by card, locked and in hand: what a merge moves between, and its way back."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from storage.customers.queries import Customer
from storage.engine import nouns
from storage.engine.database import LOCK_TIMEOUT_MS
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.engine.unit import Unit
from storage.ledger.addresses import AccountKey, Address
from storage.ledger.locked_account import LockedAccount
from storage.ledger.nouns import ACCOUNT, load_lots, pinned
from storage.programs.queries import PROGRAM_STATES, BlockingProgramCache, Program


class Pair(NamedTuple):
    """Two accounts of the same card."""

    source: LockedAccount
    target: LockedAccount


class Named(NamedTuple):
    """What must be at hand, as (account, number). Open holds, debts, and what they rest on are, in any case."""

    lots: Sequence[tuple[int, int]]
    holds: Sequence[tuple[int, int]]
    shortfalls: Sequence[tuple[int, int]]


def open_missing(unit: Unit, source: Customer, target: Customer) -> None:
    """Opens the accounts that the target lacks. Both customers are locked, so nobody else opens any."""
    unit.connection.execute(_OPEN_MISSING, (target.id, source.id))


def all_open(unit: Unit, accounts: Sequence[int]) -> Named:
    """All that is open in some accounts, which are locked."""
    rows = [unit.connection.execute(query, (accounts,)).fetchall() for query in (_OPEN_LOTS, _OWED)]
    return Named(rows[0], (), rows[1])


def in_hand(
    unit: Unit,
    program: Program,
    source: Customer,
    target: Customer,
    accounts: Sequence[tuple[int, int, str]],
    named: Named,
) -> list[Pair]:
    """The pairs, by card. `accounts` are those of both, as storage.customers.states.lock_accounts gives them."""
    books = session(unit.connection)
    programs = BlockingProgramCache(books)
    numbers = [account for account, _, _ in accounts]
    asked = {
        programs.noun: programs.asked([program.id]),
        ACCOUNT: {"accounts": numbers, "holds": named.holds, "shortfalls": named.shortfalls},
    }
    blocking(nouns.load(books, asked, {ACCOUNT: sorted(numbers)}, LOCK_TIMEOUT_MS, workspace=unit))
    state = unit.get(PROGRAM_STATES, (program.id,))
    assert state is not None
    lots: defaultdict[int, set[int]] = defaultdict(set)
    for account, number in named.lots:
        lots[account].add(number)
    wanted = [(one, state.now, 0, sorted(lots[one] | pinned(unit, one))) for one in numbers]
    blocking(load_lots(books, unit, wanted))
    in_hand: defaultdict[str, dict[int, LockedAccount]] = defaultdict(dict)
    for account, customer, card in accounts:
        whose = source if customer == source.id else target
        address = Address(program.program_id, whose.customer_id, card)
        key = AccountKey(account, program.id, customer)
        sliding = programs.sliding(program.id, card)
        in_hand[card][customer] = LockedAccount(unit, key, address, state, sliding, is_at_hand=True)
    return [
        Pair(both[source.id], both[target.id])
        for _, both in sorted(in_hand.items())
        if source.id in both and target.id in both
    ]


_OPEN_MISSING = """
INSERT INTO account (program, customer, card_id)
SELECT program, %s, card_id FROM account WHERE customer = %s ORDER BY card_id ON CONFLICT DO NOTHING
"""

_OPEN_LOTS = "SELECT account, number FROM lot WHERE account = ANY(%s) AND state IN ('PENDING', 'ACTIVE')"

_OWED = "SELECT account, number FROM shortfall WHERE account = ANY(%s) AND remaining > 0"
