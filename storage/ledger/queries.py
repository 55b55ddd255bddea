"""Reads the books. Reads that arrive together share one round trip, as writes do; each gets the rules' own answer."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from peewee import PostgresqlDatabase

from rules.ledger import Account, EntryKind, Posting, settle
from rules.refusals import Refusal
from storage.engine.database import Connection, connection
from storage.engine.session import session
from storage.ledger import load
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
Found = Balance | list[EntryRead]


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
    ) -> dict[Query, Balance]:
        wanted = {query: place for query in queries if isinstance(place := places[query.address], Place)}
        if not wanted:
            return {}
        loaded = load.read_accounts(session(books), self._clocks, set(wanted.values()))
        accounts, clocks = loaded.accounts, loaded.clocks
        accounts[NOWHERE] = Account()
        due = [place.account for place in wanted.values() if accounts[place.account].is_due(clocks[place.program].now)]
        lots = load.open_lots(books, due) if due else {}
        balances: dict[Query, Balance] = {}
        for query, place in wanted.items():
            clock = clocks[place.program]
            account = accounts[place.account]
            if place.account in lots:
                account = settle(account, lots[place.account].values(), clock.now).account
            card = clock.settings.card(query.address.card, query.address.program)
            balances[query] = balance(account, card.decimals, clock.now)
        return balances


def _entries(
    books: Connection, queries: Sequence[ListEntries], places: dict[Address, Place | Refusal]
) -> dict[Query, list[EntryRead]]:
    wanted = {query: place for query in queries if isinstance(place := places[query.address], Place)}
    if not wanted:
        return {}
    numbers = list(range(len(wanted)))
    accounts = [place.account for place in wanted.values()]
    pages: defaultdict[int, list[EntryRead]] = defaultdict(list)
    parameters = (numbers, accounts, [query.before for query in wanted], [query.size for query in wanted])
    for row in books.execute(_PAGES, parameters, prepare=True):
        pages[row[0]].append(_entry(*row[1:]))
    return {query: pages[number] for number, query in enumerate(wanted)}


def _entry(
    seq: int,
    kind: str,
    amount: int,
    active: int,
    occurred_at: datetime,
    recorded_at: datetime,
    transaction_id: str | None,
    activity: str,
    lots: list[int],
    amounts: list[int],
) -> EntryRead:
    allocations = tuple(zip(lots, amounts, strict=True))
    posting = Posting(seq, EntryKind(kind), amount, active, occurred_at, allocations, transaction_id)
    return EntryRead(posting, recorded_at, activity)


def _outcome(place: Place | Refusal, query: Query, found: dict[Query, Any]) -> Any:
    return place if isinstance(place, Refusal) else found[query]


_PAGES = """
SELECT k.number, e.seq, e.kind, e.amount, e.active, e.occurred_at, e.recorded_at, e.transaction_id, e.activity::text,
       e.lots, e.amounts
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::int[]) AS k(number, account, before, size)
CROSS JOIN LATERAL (
    SELECT entry.*, a.lots, a.amounts FROM entry
    CROSS JOIN LATERAL (
        SELECT array_agg(lot ORDER BY lot) AS lots, array_agg(amount ORDER BY lot) AS amounts
        FROM allocation WHERE allocation.account = entry.account AND allocation.seq = entry.seq
    ) AS a
    WHERE entry.account = k.account AND entry.seq < k.before
    ORDER BY entry.seq DESC LIMIT k.size
) AS e
ORDER BY k.number, e.seq DESC
"""
