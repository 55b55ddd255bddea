"""One account to be read, as time has made it: what fell due is done in memory, whether or not a worker has been by.

Whatever takes more than one query is read in a snapshot: otherwise a neighbour's purchase stands in one half of the
answer and not in the other.
"""

from collections.abc import Iterator, Sequence
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
from storage.ledger import addresses
from storage.ledger.addresses import AccountKey, Address, CustomerName, Holder, Unopened
from storage.ledger.locked_account import draft_of
from storage.ledger.nouns import load_accounts, load_lots, load_program, pinned
from storage.ledger.records import ACCOUNTS
from storage.ledger.resolving import find_customers, find_keys
from storage.programs.queries import PROGRAM_STATES, BlockingProgramCache, ProgramCache, ProgramState


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
    """Where an account is, or would be. Raises ProgramNotFound, CustomerNotFound, CardNotFound."""
    key = blocking(find_keys(session(books), [address]))[address]
    if isinstance(key, Refusal):
        raise key
    return key.key() if isinstance(key, Unopened) else key


def readable(books: Connection, address: Address) -> AccountKey:
    """The same for those who need no more of the account than where it is."""
    key = find(books, address)
    if found := books.execute(_MERGED_INTO, (key.account,), prepare=True).fetchone():
        raise addresses.merged(address.program, address.customer, found[0])
    return key


def holder(books: Connection, name: CustomerName) -> Holder:
    """A customer with its accounts. Raises ProgramNotFound, CustomerNotFound, CustomerMerged."""
    found = blocking(find_customers(session(books), [(name, "")]))[name, ""]
    if isinstance(found, Refusal):
        raise found
    return found


def cards(books: Connection, name: CustomerName) -> Sequence[Card]:
    """The cards of which a customer has an account, opened or not: all of its program's, in the order of the settings.
    Raises as `holder` does."""
    return program_state(books, holder(books, name).program).settings.cards


def program_state(books: Connection, program: int) -> ProgramState:
    """A program that is there, with its settings and its time."""
    found = blocking(load_program(session(books), ProgramCache(), program))
    assert found is not None
    return found


def read(books: Connection, address: Address, at: datetime | None = None) -> Reading:
    """An account, settled in memory up to now, or up to an earlier instant `at`; call it in a snapshot.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound.
    """
    key = find(books, address)
    conversation = session(books)
    programs = BlockingProgramCache(conversation)
    found = blocking(load_accounts(conversation, programs, [key]))
    account, program = found.get(ACCOUNTS, (key.account,)) or Account(), found.get(PROGRAM_STATES, (key.program,))
    assert program is not None
    if account.state is AccountState.MERGED:
        raise blocking(addresses.find_merged(conversation, {address: key.customer}))[address]
    card = program.settings.card(address.card, address.program)
    until = program.now if at is None else min(at, program.now)
    is_due = account.is_due(until)
    if not (is_due or account.sliding_expiries):
        return Reading(address, key, program, card, Draft(account))
    if is_due:
        asked = [(key.account, until, 0, sorted(pinned(found, key.account)))]
        blocking(load_lots(conversation, found, asked))
    draft = draft_of(found, key.account, True, programs.sliding(key.program, address.card))
    if is_due:
        ledger.settle(draft, until)
    return Reading(address, key, program, card, draft)


_MERGED_INTO = """
SELECT t.customer_id FROM account a JOIN customer c ON c.id = a.customer JOIN customer t ON t.id = c.merged_into
WHERE a.id = %s AND a.state = 'MERGED'
"""
