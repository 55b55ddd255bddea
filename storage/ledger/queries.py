"""Reads the books. Reads that arrive together share one round trip, as writes do; each gets the rules' own answer."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from peewee import PostgresqlDatabase

from rules import ledger
from rules.accounts import Account, AccountState, EntryKind, Posting
from rules.draft import Draft
from rules.refusals import Refusal
from storage.engine.database import Connection, connection
from storage.engine.session import session
from storage.ledger import addresses, load
from storage.ledger.addresses import NOWHERE, Address, Addresses, Place
from storage.ledger.batch import prepare_session
from storage.ledger.commands import Balance, balance
from storage.programs.queries import Clocks


class GetBalance(NamedTuple):
    """The balance of an account, at this instant of its program's clock."""

    address: Address


class ListEntries(NamedTuple):
    """Up to `size` entries of an account, newest first, before number `before`."""

    address: Address
    before: int
    size: int


class EntryRead(NamedTuple):
    """An entry as it is kept."""

    posting: Posting
    recorded_at: datetime
    activity: str


Query = GetBalance | ListEntries
Found = Balance | Refusal | list[EntryRead]


class Reader:
    """Answers groups of queries on the calling thread's connection. One for each reading thread."""

    def __init__(self, database: PostgresqlDatabase) -> None:
        self._database = database
        self._addresses = Addresses(opens=False)
        self._clocks = Clocks()
        self._prepared: Connection | None = None

    def run(self, queries: Sequence[Query]) -> list[Found | Exception]:
        """An outcome for each query, in order. Raises StorageUnavailable."""
        with connection(self._database) as books:
            if books is not self._prepared:
                prepare_session(books)
                self._prepared = books
            places = self._addresses.find(books, [query.address for query in queries])
            found: dict[Query, Found] = {}
            found.update(self._balances(books, [query for query in queries if isinstance(query, GetBalance)], places))
            found.update(_entries(books, [query for query in queries if isinstance(query, ListEntries)], places))
            return [_outcome(places[query.address], query, found) for query in queries]

    def _balances(
        self, books: Connection, queries: Sequence[GetBalance], places: dict[Address, Place | Refusal]
    ) -> dict[Query, Balance | Refusal]:
        wanted = {query: place for query in queries if isinstance(place := places[query.address], Place)}
        if not wanted:
            return {}
        loaded = load.read_accounts(session(books), self._clocks, set(wanted.values()))
        accounts, clocks = loaded.accounts, loaded.clocks
        accounts[NOWHERE] = Account()
        due = {
            place: query.address
            for query, place in wanted.items()
            if accounts[place.account].is_due(clocks[place.program].now)
        }
        if due:
            accounts.update(settled(books, self._clocks, loaded, due))
        balances: dict[Query, Balance | Refusal] = {}
        for query, place in wanted.items():
            account, clock = accounts[place.account], clocks[place.program]
            if account.state is AccountState.MERGED:
                balances[query] = addresses.blocked(books, query.address, place.customer)
                continue
            card = clock.settings.card(query.address.card, query.address.program)
            balances[query] = balance(account, card, clock.now)
        return balances


def settled(books: Connection, clocks: Clocks, loaded: load.Loaded, due: Mapping[Place, Address]) -> dict[int, Account]:
    """Accounts in which something is due, as they are once time has passed; nothing is written."""
    loaded = load.read_details(books, loaded, [place.account for place in due])
    pinned = {
        account: [lot for hold in holds.values() for lot, _ in hold.pins] for account, holds in loaded.holds.items()
    }
    wanted = [(place.account, loaded.clocks[place.program].now, 0, pinned.get(place.account, [])) for place in due]
    found = {}
    for place, at_hand in zip(due, load.lots_at_hand(books, wanted).values(), strict=True):
        draft = Draft(
            loaded.accounts[place.account],
            at_hand.lots,
            loaded.holds.get(place.account),
            loaded.shortfalls.get(place.account),
            loaded.slides.get(place.account),
            clocks.sliding(books, place.program, due[place].card),
        )
        ledger.settle(draft, loaded.clocks[place.program].now)
        found[place.account] = draft.account
    return found


def _entries(
    books: Connection, queries: Sequence[ListEntries], places: dict[Address, Place | Refusal]
) -> dict[Query, list[EntryRead] | Refusal]:
    wanted = {query: place for query in queries if isinstance(place := places[query.address], Place)}
    if not wanted:
        return {}
    numbers = list(range(len(wanted)))
    accounts = [place.account for place in wanted.values()]
    pages: defaultdict[int, list[EntryRead]] = defaultdict(list)
    merged: set[int] = set()
    parameters = (numbers, accounts, [query.before for query in wanted], [query.size for query in wanted])
    for row in books.execute(_PAGES, parameters, prepare=True):
        if row[1]:
            merged.add(row[0])
        pages[row[0]].append(_entry(*row[2:]))
    return {
        query: addresses.blocked(books, query.address, place.customer) if number in merged else pages[number]
        for number, (query, place) in enumerate(wanted.items())
    }


def _entry(
    seq: int,
    kind: str,
    amount: int,
    active: int,
    held: int,
    debt: int,
    occurred_at: datetime,
    recorded_at: datetime,
    transaction_id: str | None,
    hold: int | None,
    reverses: int | None,
    activity: str,
    lots: list[int],
    amounts: list[int],
) -> EntryRead:
    allocations = tuple(zip(lots, amounts, strict=True))
    posting = Posting(
        seq, EntryKind(kind), amount, active, held, debt, occurred_at, allocations, transaction_id, hold, reverses
    )
    return EntryRead(posting, recorded_at, activity)


def _outcome(place: Place | Refusal, query: Query, found: dict[Query, Any]) -> Any:
    return place if isinstance(place, Refusal) else found[query]


_PAGES = """
SELECT k.number, o.is_merged, e.seq, e.kind, e.amount, e.active, e.held, e.debt, e.occurred_at, e.recorded_at,
       e.transaction_id,
       e.hold, e.reverses, e.activity::text, e.lots, e.amounts
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::int[]) AS k(number, account, before, size)
CROSS JOIN LATERAL (SELECT state = 'MERGED' AS is_merged FROM account WHERE id = k.account OFFSET 0) AS o
CROSS JOIN LATERAL (
    SELECT entry.*, a.lots, a.amounts FROM entry
    CROSS JOIN LATERAL (
        SELECT array_agg(lot ORDER BY place) AS lots, array_agg(amount ORDER BY place) AS amounts
        FROM allocation WHERE allocation.account = entry.account AND allocation.seq = entry.seq
    ) AS a
    WHERE entry.account = k.account AND entry.seq < k.before
    ORDER BY entry.seq DESC LIMIT k.size
) AS e
ORDER BY k.number, e.seq DESC
"""
