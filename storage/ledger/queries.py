"""Reads the books. Reads that arrive together share one round trip, as writes do; each gets the rules' own answer."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from msgspec import json

from rules import ledger
from rules.accounts import Account, AccountState
from rules.refusals import Refusal
from storage.coupons.validating import ValidateCoupons, Validated, Validator
from storage.engine.session import Session, Statement, rolled_back_on_error
from storage.engine.workspace import Workspace
from storage.ledger import addresses
from storage.ledger.addresses import AccountKey, Address, Unopened
from storage.ledger.commands import Balance, balance
from storage.ledger.entries import COLUMNS, EntryRead, with_facts
from storage.ledger.limits import FEW_BALANCES_MAX, SHORT_PAGE_MAX
from storage.ledger.locked_account import draft_of
from storage.ledger.nouns import load_accounts, load_lots, pinned
from storage.ledger.records import ACCOUNTS
from storage.ledger.resolving import Resolver
from storage.programs.queries import PROGRAM_STATES, ProgramCache, ProgramState, knowing


class GetBalance(NamedTuple):
    """The balance of an account, at this instant of its program's clock."""

    address: Address


class GetBalances(NamedTuple):
    """The balances of some accounts; of one that cannot be read, why."""

    addresses: tuple[Address, ...]


class ListEntries(NamedTuple):
    """Up to `size` entries of an account, newest first, before number `before`."""

    address: Address
    before: int
    size: int


Query = GetBalance | GetBalances | ListEntries | ValidateCoupons
Result = Balance | Refusal | list[Balance | Refusal] | list[EntryRead] | Validated


class Reader:
    """Answers groups of queries. One for each reading lane: what it remembers is not shared."""

    def __init__(self) -> None:
        self._resolver = Resolver()
        self._programs = ProgramCache()
        self._validator = Validator(self._resolver, self._programs)

    async def run(self, session: Session, queries: Sequence[Query]) -> list[Result | Exception]:
        """An outcome for each query, in order. Raises what the database raises."""
        found = await self._resolver.keys(session, [address for query in queries for address in _addresses(query)])
        keys = {address: key.key() if isinstance(key, Unopened) else key for address, key in found.items()}
        results: dict[Query, Any] = {}
        if validations := [query for query in queries if isinstance(query, ValidateCoupons)]:
            results.update(await self._validator.run(session, validations))
        balances = [query for query in queries if isinstance(query, GetBalance)]
        many = [query for query in queries if isinstance(query, GetBalances)]
        balances += [GetBalance(address) for query in many for address in query.addresses]
        pages = [query for query in queries if isinstance(query, ListEntries)]
        results.update(await self._balances(session, balances, keys))
        results.update(await _entries(session, pages, keys))
        for query in many:
            results[query] = [_outcome(keys, GetBalance(address), results) for address in query.addresses]
        return [_outcome(keys, query, results) for query in queries]

    async def _balances(
        self, session: Session, queries: Sequence[GetBalance], keys: dict[Address, AccountKey | Refusal]
    ) -> dict[Query, Balance | Refusal]:
        wanted = {query: key for query in queries if isinstance(key := keys[query.address], AccountKey)}
        if not wanted:
            return {}
        workspace = await load_accounts(session, self._programs, set(wanted.values()))
        due: dict[AccountKey, Address] = {}
        figures: dict[AccountKey, tuple[Account, ProgramState]] = {}
        for query, key in wanted.items():
            account, program = workspace.get(ACCOUNTS, (key.account,)), workspace.get(PROGRAM_STATES, (key.program,))
            assert program is not None
            figures[key] = (account or Account(), program)
            if account is not None and account.is_due(program.now):
                due[key] = query.address
        settled = await self._settled(session, due) if due else {}
        gone = {
            query.address: key.customer for query, key in wanted.items() if figures[key][0].state is AccountState.MERGED
        }
        merged = await addresses.find_merged(session, gone)
        balances: dict[Query, Balance | Refusal] = {}
        for query, key in wanted.items():
            account, program = figures[key]
            if query.address in merged:
                balances[query] = merged[query.address]
                continue
            card = program.settings.card(query.address.card, query.address.program)
            balances[query] = balance(settled.get(key, account), card, program.now)
        return balances

    async def _settled(self, session: Session, due: Mapping[AccountKey, Address]) -> dict[AccountKey, Account]:
        """Accounts in which something is due, as they are once time has passed; nothing is written.

        Read once more, with their lots, in one snapshot: whoever settles them in between changes both.
        """
        async with rolled_back_on_error(session):
            await session.say(b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            workspace = await load_accounts(session, self._programs, due)
            found = await self._settled_in(session, workspace, due)
            await session.say(b"COMMIT")
        return found

    async def _settled_in(
        self, session: Session, workspace: Workspace, due: Mapping[AccountKey, Address]
    ) -> dict[AccountKey, Account]:
        now = {key: state.now for key in due if (state := workspace.get(PROGRAM_STATES, (key.program,)))}
        asked = [(key.account, at, 0, sorted(pinned(workspace, key.account))) for key, at in now.items()]
        await load_lots(session, workspace, asked)

        def account(key: AccountKey) -> Account:
            draft = draft_of(workspace, key.account, True, self._programs.sliding(key.program, due[key].card))
            ledger.settle(draft, now[key])
            return draft.account

        return {key: await knowing(session, self._programs, partial(account, key)) for key in due}


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
    gone: dict[Address, int] = {}
    asking = list(wanted.items())
    rows = _ROWS.decode(await session.run(_PAGES, [json.encode(asked)]))
    owners = [key.account for key in wanted.values()]
    reads = await with_facts(session, [row.read for row in rows], lambda place: owners[rows[place].number])
    for (number, is_merged, _), read in zip(rows, reads, strict=True):
        if is_merged:
            query, key = asking[number]
            gone[query.address] = key.customer
        pages[number].append(read)
    merged = await addresses.find_merged(session, gone)
    return {query: merged.get(query.address, pages[number]) for number, query in enumerate(wanted)}


class _Row(NamedTuple):
    """An entry of the page `number`."""

    number: int
    is_merged: bool
    read: EntryRead


def weight(query: Query) -> int:
    """What a query weighs in a group: a page of twenty takes as long as a few balances."""
    if isinstance(query, ListEntries):
        return 1 + query.size // 10
    if isinstance(query, ValidateCoupons):
        return len(query.wanted) + len(query.order.lines) // 20
    return len(query.addresses) if isinstance(query, GetBalances) else 1


def is_long(query: Query) -> bool:
    """Whether it is of those that others should not wait behind."""
    if isinstance(query, GetBalances):
        return len(query.addresses) > FEW_BALANCES_MAX
    return isinstance(query, ListEntries) and query.size > SHORT_PAGE_MAX + 1


def _addresses(query: Query) -> Sequence[Address]:
    if isinstance(query, ValidateCoupons):
        return ()
    return query.addresses if isinstance(query, GetBalances) else (query.address,)


def _outcome(keys: Mapping[Address, AccountKey | Refusal], query: Query, found: Mapping[Query, Any]) -> Any:
    if isinstance(query, GetBalances | ValidateCoupons):
        return found[query]
    key = keys[query.address]
    return key if isinstance(key, Refusal) else found[query]


_ROWS = json.Decoder(list[_Row])

_PAGES = Statement(
    f"""
SELECT coalesce(json_agg(json_build_array(
    k.number, o.is_merged, json_build_array({COLUMNS})
) ORDER BY k.number, e.seq DESC), '[]')
FROM json_to_recordset($1) AS k(number integer, account bigint, before bigint, size integer)
CROSS JOIN LATERAL (SELECT state = 'MERGED' AS is_merged FROM account WHERE id = k.account OFFSET 0) AS o
CROSS JOIN LATERAL (
    SELECT * FROM entry WHERE entry.account = k.account AND entry.seq < k.before ORDER BY entry.seq DESC LIMIT k.size
) AS e
""",  # noqa: S608
    ["json"],
)
