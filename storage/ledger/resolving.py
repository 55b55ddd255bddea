"""First step of a group: from the names that its commands use to the keys of the books. Nothing is locked yet.

What is found is true for ever but for merges, so the keys of accounts are remembered.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from msgspec import json

from rules.accounts import AccountState
from rules.refusals import CardNotFound, CustomerNotFound, ProgramNotFound, Refusal, TransactionNotFound
from storage.engine.session import Session, Statement
from storage.ledger.addresses import (
    AccountKey,
    Address,
    CustomerName,
    Holder,
    TransactionName,
    Unopened,
    merged,
)
from storage.ledger.names import Reads

# About 60 MB of addresses for a lane that is asked for so many; one that serves more looks some of them up again.
REMEMBERED_MAX = 200_000


class Resolved(NamedTuple):
    """What the names of a group mean, or why they mean nothing.

    A purchase that is to be recorded by the group, and is nowhere else, is at the first account that it may be of.
    """

    keys: Mapping[Address, AccountKey | Unopened | Refusal]
    names: Mapping[TransactionName, Address | Refusal]
    customers: Mapping[tuple[CustomerName, str], Holder | Refusal]
    programs: Collection[int] = ()

    def addresses(self, reads: Reads) -> set[Address]:
        """All accounts that were named, by whatever name."""
        named = set(reads.addresses)
        named.update(at for name in reads.names if isinstance(at := self.names[name], Address))
        for customer in reads.customers:
            if isinstance(holder := self.customers[customer], Holder):
                named.update(holder.accounts)
                if holder.gives_to is not None:
                    named.add(holder.gives_to)
        return named


class Resolver:
    """Finds what names mean. One for each lane: what it remembers is not shared."""

    def __init__(self) -> None:
        self._keys: dict[Address, AccountKey] = {}
        self._programs: dict[str, int] = {}

    async def resolve(self, session: Session, reads: Reads) -> Resolved:
        """Two queries more where purchases or customers are named, none where all accounts are remembered."""
        names = await find_transactions(session, reads.names)
        for name, found in names.items():
            if isinstance(found, TransactionNotFound) and name in reads.recorded:
                names[name] = reads.recorded[name][0]
        customers = await find_customers(session, reads.customers)
        keys = await self.keys(session, Resolved({}, names, customers).addresses(reads))
        for named, holder in customers.items():
            if isinstance(holder, Holder):
                customers[named] = holder._replace(accounts=(*holder.accounts, *_others(named[0], holder, keys)))
        programs = await self.find_programs(session, reads.programs) if reads.programs else ()
        return Resolved(keys, names, customers, programs)

    async def keys(
        self, session: Session, addresses: Iterable[Address]
    ) -> dict[Address, AccountKey | Unopened | Refusal]:
        """The key of each account, or why there is none: its card must be one of the program's."""
        found: dict[Address, AccountKey | Unopened | Refusal] = {}
        unknown = []
        for address in addresses:
            key = self._keys.get(address)
            if key is None:
                unknown.append(address)
            else:
                found[address] = key
        if unknown:
            found.update(await self._look_up(session, unknown))
        return found

    async def find_programs(self, session: Session, wanted: Iterable[str]) -> list[int]:
        """The internal ids of those that there are; they stay what they are for ever."""
        if unknown := [program for program in wanted if program not in self._programs]:
            if len(self._programs) > REMEMBERED_MAX:
                self._programs.clear()
            self._programs.update(json.decode(await session.run(_PROGRAMS, [json.encode(unknown)])))
        return [self._programs[program] for program in wanted if program in self._programs]

    def remember(self, keys: Mapping[Address, AccountKey]) -> None:
        """Accounts that are there for good: those that a group opened, once it is committed."""
        self._keys.update(keys)

    async def _look_up(
        self, session: Session, unknown: list[Address]
    ) -> dict[Address, AccountKey | Unopened | Refusal]:
        if len(self._keys) + len(unknown) > REMEMBERED_MAX:
            self._keys.clear()
        found = await find_keys(session, unknown)
        self._keys.update((address, key) for address, key in found.items() if isinstance(key, AccountKey))
        return found


async def find_keys(session: Session, addresses: list[Address]) -> dict[Address, AccountKey | Unopened | Refusal]:
    """The same from the database."""
    found: dict[Address, AccountKey | Unopened | Refusal] = {}
    rows = json.decode(await session.run(_KEYS, [json.encode(addresses)]))
    for address, (account, program, customer, state, has_card, merged_into) in zip(addresses, rows, strict=True):
        if account is not None:
            found[address] = AccountKey(account, program, customer)
        elif program is None:
            found[address] = ProgramNotFound(program=address.program)
        elif customer is None:
            found[address] = CustomerNotFound(program=address.program)
        elif merged_into is not None:
            found[address] = merged(address.program, address.customer, merged_into)
        elif has_card:
            found[address] = Unopened(program, customer, AccountState(state))
        else:
            found[address] = CardNotFound(program=address.program, card=address.card)
    return found


async def find_customers(
    session: Session, wanted: Iterable[tuple[CustomerName, str]]
) -> dict[tuple[CustomerName, str], Holder | Refusal]:
    """Each customer with its accounts, for an event of a type, or why there is none."""
    asked = list(wanted)
    if not asked:
        return {}
    parameters = [json.encode([(*name, kind) for name, kind in asked])]
    found: dict[tuple[CustomerName, str], Holder | Refusal] = {}
    rows = json.decode(await session.run(_CUSTOMERS, parameters))
    for named, (program, customer, state, target, cards, gives_card) in zip(asked, rows, strict=True):
        name = named[0]
        refusal = _missing(name.program, name.customer, program, customer, target)
        accounts = tuple(Address(name.program, name.customer, card) for card in cards)
        gives_to = Address(name.program, name.customer, gives_card) if gives_card else None
        if refusal is None:
            found[named] = Holder(program, customer, AccountState(state), accounts, gives_to)
        else:
            found[named] = refusal
    return found


async def open_accounts(session: Session, addresses: Iterable[Address], waits: bool) -> list[int]:
    """Begins a transaction and opens the accounts that are not there yet; answers the ids of those that it opened.

    Where somebody else has a customer or a program in hand, its accounts are waited for or, unless it `waits`, not
    opened. What is opened and not used goes with `RowSet.removes` or with the transaction.
    """
    opened = await session.run(_OPEN[waits], [json.encode(sorted(addresses))], begin=True)
    return list(json.decode(opened))


async def find_transactions(
    session: Session, wanted: Iterable[TransactionName]
) -> dict[TransactionName, Address | Refusal]:
    """The account of each purchase, or why there is none."""
    names = list(wanted)
    if not names:
        return {}
    found: dict[TransactionName, Address | Refusal] = {}
    rows = json.decode(await session.run(_TRANSACTIONS, [json.encode(names)]))
    for name, (program, customer, target, card) in zip(names, rows, strict=True):
        if (refusal := _missing(name.program, name.customer, program, customer, target)) is not None:
            found[name] = refusal
        elif card is None:
            found[name] = TransactionNotFound(transaction=name.transaction_id)
        else:
            found[name] = Address(name.program, name.customer, card)
    return found


def _others(
    name: CustomerName, holder: Holder, keys: Mapping[Address, AccountKey | Unopened | Refusal]
) -> Iterable[Address]:
    """Accounts of a customer that it did not have, and that this group may open."""
    for address, key in keys.items():
        is_other = (address.program, address.customer) == name and address not in holder.accounts
        if is_other and not isinstance(key, Refusal):
            yield address


def _missing(
    program_id: str, customer_id: str, program: int | None, customer: int | None, target: str | None
) -> Refusal | None:
    if program is None:
        return ProgramNotFound(program=program_id)
    if customer is None:
        return CustomerNotFound(program=program_id)
    return None if target is None else merged(program_id, customer_id, target)


# OFFSET 0: the addresses lead, whatever the planner thought of the tables when they were empty.
_WANTED = """
    FROM json_array_elements($1) WITH ORDINALITY AS w(names, ordinal)
    LEFT JOIN LATERAL (
        SELECT id, settings FROM program WHERE program_id = w.names ->> 0 OFFSET 0
    ) AS p ON true
    LEFT JOIN LATERAL (
        SELECT id, state, merged_into FROM customer WHERE program = p.id AND customer_id = w.names ->> 1 OFFSET 0
    ) AS c ON true
"""

_ACCOUNT = """
    LEFT JOIN LATERAL (
        SELECT id FROM account WHERE customer = c.id AND card_id = w.names ->> 2 OFFSET 0
    ) AS a ON true
"""

_HAS_CARD = "p.settings -> 'cards' @> jsonb_build_array(jsonb_build_object('card_id', w.names ->> 2))"
# An account is as its customer is.
_STATE = "replace(c.state, 'ACTIVE', 'OPEN')"

# In the order of the customers, so that two processes that open the same accounts do not wait for each other in a ring.
# FOR SHARE: an account is as its customer is when it opens, also where that is being suspended or merged right now.
_OPEN = {
    waits: Statement(
        f"""
WITH opened AS (
    INSERT INTO account (program, customer, card_id, state)
    SELECT c.program, c.id, n.card_id, {_STATE}
    FROM (
        SELECT c.id AS customer, w.names ->> 2 AS card_id {_WANTED} {_ACCOUNT}
        WHERE c.id IS NOT NULL AND a.id IS NULL AND {_HAS_CARD} OFFSET 0
    ) AS n
    JOIN customer c ON c.id = n.customer JOIN program p ON p.id = c.program
    WHERE c.state <> 'MERGED'
    ORDER BY c.id, n.card_id
    FOR SHARE OF c {passing} FOR KEY SHARE OF p {passing}
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT coalesce(json_agg(id), '[]') FROM opened
""",  # noqa: S608
        ["json"],
    )
    for waits, passing in ((False, "SKIP LOCKED"), (True, ""))
}

_TARGET = "(SELECT customer_id FROM customer WHERE id = c.merged_into)"

_KEYS = Statement(
    f"""
SELECT json_agg(json_build_array(a.id, p.id, c.id, {_STATE}, {_HAS_CARD}, {_TARGET}) ORDER BY w.ordinal)
{_WANTED} {_ACCOUNT}
""",
    ["json"],
)

_PROGRAMS = Statement(
    """
SELECT coalesce(json_object_agg(p.program_id, p.id), '{}')
FROM json_array_elements_text($1) AS w JOIN program p ON p.program_id = w
""",
    ["json"],
)

_TRANSACTIONS = Statement(
    f"""
SELECT json_agg(json_build_array(p.id, c.id, {_TARGET}, t.card_id) ORDER BY w.ordinal) {_WANTED}
LEFT JOIN LATERAL (
    SELECT account.card_id FROM transaction JOIN account ON account.id = transaction.account
    WHERE transaction.program = p.id AND transaction.transaction_id = w.names ->> 2 AND account.customer = c.id
    OFFSET 0
) AS t ON true
""",  # noqa: S608
    ["json"],
)

_CUSTOMERS = Statement(
    f"""
SELECT json_agg(json_build_array(
    p.id, c.id, {_STATE}, {_TARGET}, ARRAY(SELECT card_id FROM account WHERE customer = c.id ORDER BY card_id),
    (SELECT e ->> 'card_id' FROM jsonb_array_elements(p.settings -> 'event_types') AS e
     WHERE e ->> 'event_type' = w.names ->> 2)
) ORDER BY w.ordinal) {_WANTED}
""",  # noqa: S608
    ["json"],
)
