"""One account to be read, as time has made it: what fell due is done in memory, whether or not a worker has been by.

Whatever takes more than one query is read in a snapshot: otherwise a neighbour's purchase stands in one half of the
answer and not in the other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from rules import ledger
from rules.accounts import Account, AccountState, Lot, LotState
from rules.draft import Draft
from rules.programs import Card
from rules.refusals import Refusal
from storage.engine.database import Connection
from storage.engine.session import forget, session
from storage.engine.sockets import blocking
from storage.ledger import addresses, load
from storage.ledger.addresses import AccountKey, Address, Addresses, CustomerName, Holder, Opens
from storage.programs.queries import BlockingProgramCache, ProgramCache, ProgramState


class Reading(NamedTuple):
    """An account at an instant. `draft` has it settled, with the lots and holds that time changed and no others."""

    address: Address
    key: AccountKey
    program: ProgramState
    card: Card
    draft: Draft

    def expires_at(self, lot: Lot) -> datetime | None:
        """The first instant at which a lot is no longer usable; None too while it waits for its activation to say."""
        return None if lot.slides and lot.state is LotState.PENDING else self.draft.expires_at(lot)


@contextmanager
def snapshot(books: Connection) -> Iterator[None]:
    """All that is read inside is of one instant."""
    try:
        with books.transaction():
            books.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    except BaseException:
        # With the rollback psycopg may have dropped what the connection had prepared.
        forget(books)
        raise


def find(books: Connection, address: Address) -> AccountKey:
    """Where an account is. Raises ProgramNotFound, CustomerNotFound, CardNotFound."""
    key = blocking(Addresses(Opens.NEVER).find(session(books), [address]))[address]
    if isinstance(key, Refusal):
        raise key
    return key


def readable(books: Connection, address: Address) -> AccountKey:
    """The same for those who need no more of the account than where it is."""
    key = find(books, address)
    if books.execute(_IS_MERGED, (key.account,), prepare=True).fetchone() is not None:
        raise blocking(addresses.blocked(session(books), address, key.customer))
    return key


def holder(books: Connection, name: CustomerName) -> Holder:
    """A customer with its accounts. Raises ProgramNotFound, CustomerNotFound, CustomerMerged."""
    found = blocking(addresses.customers(session(books), [(name, "")]))[name, ""]
    if isinstance(found, Refusal):
        raise found
    return found


def clock(books: Connection, program: int) -> ProgramState:
    """The clock of a program that is there, with its settings."""
    found = blocking(load.clock(session(books), ProgramCache(), program))
    assert found is not None
    return found


def read(books: Connection, address: Address, at: datetime | None = None) -> Reading:
    """An account, settled in memory up to now, or up to an earlier instant `at`; call it in a snapshot.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound.
    """
    key = find(books, address)
    conversation = session(books)
    clocks = BlockingProgramCache(conversation)
    loaded = blocking(load.read_accounts(conversation, clocks, [key]))
    account, now = loaded.accounts.get(key.account, Account()), loaded.clocks[key.program]
    if account.state is AccountState.MERGED:
        raise blocking(addresses.blocked(session(books), address, key.customer))
    card = now.settings.card(address.card, address.program)
    until = now.now if at is None else min(at, now.now)
    is_due = account.is_due(until)
    if not (is_due or account.sliding_expiries):
        return Reading(address, key, now, card, Draft(account))
    loaded = blocking(load.read_details(conversation, loaded, [key.account]))
    holds = loaded.holds.get(key.account, {})
    lots: dict[int, Lot] = {}
    if is_due:
        pinned = [lot for hold in holds.values() for lot, _ in hold.pins]
        [at_hand] = blocking(load.lots_at_hand(conversation, [(key.account, until, 0, pinned)])).values()
        lots = at_hand.lots
    draft = Draft(
        account,
        lots,
        holds,
        loaded.shortfalls.get(key.account),
        loaded.sliding_expiries.get(key.account),
        clocks.sliding(key.program, address.card),
    )
    if is_due:
        ledger.settle(draft, until)
    return Reading(address, key, now, card, draft)


_IS_MERGED = "SELECT FROM account WHERE id = %s AND state = 'MERGED'"
