"""Reads the books. Reads that arrive together share one round trip, as writes do; each gets the rules' own answer."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import json

from rules import ledger
from rules.accounts import Account, AccountState, Entry, EntryKind
from rules.draft import Draft
from rules.refusals import Refusal
from storage.engine.session import Session, Statement
from storage.ledger import addresses, load
from storage.ledger.addresses import NOWHERE, AccountKey, Address, Addresses, Opens
from storage.ledger.commands import Balance, balance
from storage.ledger.limits import SHORT_PAGE_MAX
from storage.programs.queries import ProgramCache, knowing


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

    entry: Entry
    recorded_at: datetime
    activity: str


Query = GetBalance | ListEntries
Found = Balance | Refusal | list[EntryRead]


class Reader:
    """Answers groups of queries. One for each reading lane: what it remembers is not shared."""

    def __init__(self) -> None:
        self._addresses = Addresses(Opens.NEVER)
        self._clocks = ProgramCache()

    async def run(self, session: Session, queries: Sequence[Query]) -> list[Found | Exception]:
        """An outcome for each query, in order. Raises what the database raises."""
        keys = await self._addresses.find(session, [query.address for query in queries])
        found: dict[Query, Found] = {}
        balances = [query for query in queries if isinstance(query, GetBalance)]
        pages = [query for query in queries if isinstance(query, ListEntries)]
        found.update(await self._balances(session, balances, keys))
        found.update(await _entries(session, pages, keys))
        return [_outcome(keys[query.address], query, found) for query in queries]

    async def _balances(
        self, session: Session, queries: Sequence[GetBalance], keys: dict[Address, AccountKey | Refusal]
    ) -> dict[Query, Balance | Refusal]:
        wanted = {query: key for query in queries if isinstance(key := keys[query.address], AccountKey)}
        if not wanted:
            return {}
        loaded = await load.read_accounts(session, self._clocks, set(wanted.values()))
        accounts, clocks = loaded.accounts, loaded.clocks
        accounts[NOWHERE] = Account()
        due = {
            key: query.address for query, key in wanted.items() if accounts[key.account].is_due(clocks[key.program].now)
        }
        if due:
            accounts.update(await settled(session, self._clocks, loaded, due))
        balances: dict[Query, Balance | Refusal] = {}
        for query, key in wanted.items():
            account, clock = accounts[key.account], clocks[key.program]
            if account.state is AccountState.MERGED:
                balances[query] = await addresses.blocked(session, query.address, key.customer)
                continue
            card = clock.settings.card(query.address.card, query.address.program)
            balances[query] = balance(account, card, clock.now)
        return balances


async def settled(
    session: Session, clocks: ProgramCache, loaded: load.Loaded, due: Mapping[AccountKey, Address]
) -> dict[int, Account]:
    """Accounts in which something is due, as they are once time has passed; nothing is written."""
    loaded = await load.read_details(session, loaded, [key.account for key in due])
    pinned = {
        account: [lot for hold in holds.values() for lot, _ in hold.pins] for account, holds in loaded.holds.items()
    }
    wanted = [(key.account, loaded.clocks[key.program].now, 0, pinned.get(key.account, [])) for key in due]
    lots = await load.lots_at_hand(session, wanted)

    def account(key: AccountKey) -> Account:
        draft = Draft(
            loaded.accounts[key.account],
            lots[key.account].lots,
            loaded.holds.get(key.account),
            loaded.shortfalls.get(key.account),
            loaded.sliding_expiries.get(key.account),
            clocks.sliding(key.program, due[key].card),
        )
        ledger.settle(draft, loaded.clocks[key.program].now)
        return draft.account

    return {key.account: await knowing(session, clocks, lambda key=key: account(key)) for key in due}  # type: ignore[misc]


async def _entries(
    session: Session, queries: Sequence[ListEntries], keys: dict[Address, AccountKey | Refusal]
) -> dict[Query, list[EntryRead] | Refusal]:
    wanted = {query: key for query in queries if isinstance(key := keys[query.address], AccountKey)}
    if not wanted:
        return {}
    asked = [
        {"number": number, "account": key.account, "before": query.before, "size": query.size}
        for number, (query, key) in enumerate(wanted.items())
    ]
    pages: defaultdict[int, list[EntryRead]] = defaultdict(list)
    merged: set[int] = set()
    for row in _ROWS.decode(await session.run(_PAGES, [json.encode(asked)])):
        if row.is_merged:
            merged.add(row.number)
        pages[row.number].append(EntryRead(Entry._make(row[4:]), row.recorded_at, row.activity))
    return {
        query: await addresses.blocked(session, query.address, key.customer) if number in merged else pages[number]
        for number, (query, key) in enumerate(wanted.items())
    }


class _Row(NamedTuple):
    """An entry of the page `number`; from `seq` on as Entry has it."""

    number: int
    is_merged: bool
    recorded_at: datetime
    activity: str
    seq: int
    kind: EntryKind
    amount: int
    active_after: int
    held_after: int
    debt_after: int
    occurred_at: datetime
    allocations: tuple[tuple[int, int], ...]
    transaction_id: str | None
    hold: int | None
    reverses: int | None


def weight(query: Query) -> int:
    """What a query weighs in a group: a page of twenty takes as long as a few balances."""
    return 1 + query.size // 10 if isinstance(query, ListEntries) else 1


def is_long(query: Query) -> bool:
    """Whether it is of those that others should not wait behind."""
    return isinstance(query, ListEntries) and query.size > SHORT_PAGE_MAX + 1


def _outcome(key: AccountKey | Refusal, query: Query, found: dict[Query, Any]) -> Any:
    return key if isinstance(key, Refusal) else found[query]


_ROWS = json.Decoder(list[_Row])

_PAGES = Statement(
    """
SELECT coalesce(json_agg(json_build_array(
    k.number, o.is_merged, e.recorded_at, e.activity, e.seq, e.kind, e.amount, e.active_after, e.held_after,
    e.debt_after, e.occurred_at,
    e.allocations, e.transaction_id, e.hold, e.reverses
) ORDER BY k.number, e.seq DESC), '[]')
FROM json_to_recordset($1) AS k(number integer, account bigint, before bigint, size integer)
CROSS JOIN LATERAL (SELECT state = 'MERGED' AS is_merged FROM account WHERE id = k.account OFFSET 0) AS o
CROSS JOIN LATERAL (
    SELECT entry.*, CASE WHEN lot IS NOT NULL THEN json_build_array(json_build_array(lot, amount)) ELSE (
        SELECT json_agg(json_build_array(split.lot, split.amount) ORDER BY ordinal) FROM split
        WHERE split.account = entry.account AND split.seq = entry.seq
    ) END AS allocations
    FROM entry
    WHERE entry.account = k.account AND entry.seq < k.before
    ORDER BY entry.seq DESC LIMIT k.size
) AS e
""",
    ["json"],
)
