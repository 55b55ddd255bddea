"""All accounts of some customers, locked and in hand: what acts on whole customers work on."""

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


class Named(NamedTuple):
    """What must be at hand, as (account, number). Open holds, debts, and what they rest on are, in any case."""

    lots: Sequence[tuple[int, int]] = ()
    holds: Sequence[tuple[int, int]] = ()
    shortfalls: Sequence[tuple[int, int]] = ()


def lock(unit: Unit, *customers: Customer) -> list[tuple[int, int, str]]:
    """The accounts of some customers, as (internal id, internal id of the customer, card); locked in the order of
    their ids, as writers lock them."""
    return unit.connection.execute(_LOCK, ([customer.id for customer in customers],)).fetchall()


def all_open(unit: Unit, accounts: Sequence[int]) -> Named:
    """All that is open in some accounts, which are locked."""
    rows = [unit.connection.execute(query, (accounts,)).fetchall() for query in (_OPEN_LOTS, _OWED)]
    return Named(rows[0], (), rows[1])


def in_hand(
    unit: Unit, program: Program, customers: Sequence[Customer], accounts: Sequence[tuple[int, int, str]], named: Named
) -> list[LockedAccount]:
    """The accounts, by card. `accounts` are those of all these customers, as `lock` gives them."""
    if not accounts:
        return []
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
    names = {customer.id: customer.customer_id for customer in customers}
    return [
        LockedAccount(
            unit,
            AccountKey(account, program.id, customer),
            Address(program.program_id, names[customer], card),
            state,
            programs.sliding(program.id, card),
            is_at_hand=True,
        )
        for account, customer, card in sorted(accounts, key=lambda account: account[2])
    ]


_LOCK = "SELECT id, customer, card_id FROM account WHERE customer = ANY(%s) ORDER BY id FOR NO KEY UPDATE"

_OPEN_LOTS = "SELECT account, number FROM lot WHERE account = ANY(%s) AND state IN ('PENDING', 'ACTIVE')"

_OWED = "SELECT account, number FROM shortfall WHERE account = ANY(%s) AND remaining > 0"
