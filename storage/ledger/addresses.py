"""Finds accounts: which row an address of the contract means. The answer never changes, so it is remembered."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from msgspec import json

from rules.refusals import (
    CardNotFound,
    CustomerMerged,
    CustomerNotFound,
    CustomerSuspended,
    ProgramNotFound,
    Refusal,
    TransactionNotFound,
)
from storage.engine.session import Session, Statement

# About 60 MB of addresses; a process that serves more customers than this looks some of them up again.
REMEMBERED_MAX = 200_000


class Address(NamedTuple):
    """An account in the words of the contract: the public ids of program and customer, and the card."""

    program: str
    customer: str
    card: str

    @property
    def customer_name(self) -> str:
        """The resource name of whom it belongs to."""
        return f"programs/{self.program}/customers/{self.customer}"

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program}/customers/{self.customer}/accounts/{self.card}"


class TransactionName(NamedTuple):
    """A purchase in the words of the contract; its id begins with `source~` where its sender has one."""

    program: str
    customer: str
    transaction_id: str

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program}/customers/{self.customer}/transactions/{self.transaction_id}"


class CustomerName(NamedTuple):
    """A customer in the words of the contract."""

    program: str
    customer: str

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program}/customers/{self.customer}"


class Holder(NamedTuple):
    """A customer by internal ids, with the accounts it has, and the one that an event gives points to."""

    program: int
    customer: int
    accounts: tuple[Address, ...]
    gives_to: Address | None


class AccountKey(NamedTuple):
    """An account by its internal ids."""

    account: int
    program: int
    customer: int


# Where the account of a customer is who never had points of that card: it stands at zero. For who would open it, that
# somebody else has the customer's or the program's row in hand.
NOWHERE = 0


class Opens(Enum):
    """What becomes of an account that its customer does not have yet."""

    NEVER = "it is found NOWHERE"
    AT_ONCE = "it is opened, unless somebody else has a row in hand that it refers to"
    WAITING = "it is opened; rows that it refers to are waited for"


class Addresses:
    """Remembers where accounts are. One for each lane."""

    def __init__(self, opens: Opens) -> None:
        self._opens = opens
        self._places: dict[Address, AccountKey] = {}

    async def find(self, session: Session, wanted: Iterable[Address]) -> dict[Address, AccountKey | Refusal]:
        """The key of each address, or why there is none: its card must be one of the program's."""
        found: dict[Address, AccountKey | Refusal] = {}
        unknown = []
        for address in wanted:
            key = self._places.get(address)
            if key is None:
                unknown.append(address)
            else:
                found[address] = key
        if unknown:
            found.update(await self._look_up(session, sorted(set(unknown))))
        return found

    async def _look_up(self, session: Session, wanted: list[Address]) -> dict[Address, AccountKey | Refusal]:
        if len(self._places) + len(wanted) > REMEMBERED_MAX:
            self._places.clear()
        asked = [json.encode(wanted)]
        if self._opens is not Opens.NEVER:
            await session.run(_OPEN[self._opens], asked)
        found: dict[Address, AccountKey | Refusal] = {}
        rows = json.decode(await session.run(_PLACES, asked))
        for address, (account, program, customer, has_card, merged_into) in zip(wanted, rows, strict=True):
            if account is not None:
                found[address] = self._places[address] = AccountKey(account, program, customer)
            elif program is None:
                found[address] = ProgramNotFound(program=address.program)
            elif customer is None:
                found[address] = CustomerNotFound(program=address.program)
            elif merged_into is not None:
                found[address] = merged(address.program, address.customer, merged_into)
            elif has_card:
                found[address] = AccountKey(NOWHERE, program, customer)
            else:
                found[address] = CardNotFound(program=address.program, card=address.card)
        return found


async def transactions(session: Session, wanted: Iterable[TransactionName]) -> dict[TransactionName, Address | Refusal]:
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


async def customers(
    session: Session, wanted: Iterable[tuple[CustomerName, str]]
) -> dict[tuple[CustomerName, str], Holder | Refusal]:
    """Each customer with its accounts, for an event of a type, or why there is none."""
    asked = list(wanted)
    if not asked:
        return {}
    parameters = [json.encode([(*name, kind) for name, kind in asked])]
    found: dict[tuple[CustomerName, str], Holder | Refusal] = {}
    rows = json.decode(await session.run(_CUSTOMERS, parameters))
    for key, (program, customer, target, cards, gives_card) in zip(asked, rows, strict=True):
        name = key[0]
        refusal = _missing(name.program, name.customer, program, customer, target)
        accounts = tuple(Address(name.program, name.customer, card) for card in cards)
        gives_to = Address(name.program, name.customer, gives_card) if gives_card else None
        found[key] = Holder(program, customer, accounts, gives_to) if refusal is None else refusal
    return found


async def blocked(session: Session, address: Address, customer: int) -> Refusal:
    """Why nothing is earned or spent with an account whose customer is suspended or merged."""
    return why_blocked(address, await session.run(MERGED_INTO, [b"%d" % customer]))


def why_blocked(address: Address, target: bytes | None) -> Refusal:
    """The same, with what was read of it."""
    if target is None:
        return CustomerSuspended(customer=address.customer)
    return merged(address.program, address.customer, target.decode())


def merged(program: str, customer: str, target: str) -> Refusal:
    """Where to ask instead, as a resource name."""
    return CustomerMerged(customer=customer, target=CustomerName(program, target).name)


def _missing(
    program_id: str, customer_id: str, program: int | None, customer: int | None, target: str | None
) -> Refusal | None:
    if program is None:
        return ProgramNotFound(program=program_id)
    if customer is None:
        return CustomerNotFound(program=program_id)
    return None if target is None else merged(program_id, customer_id, target)


# The public id of the customer into whom this one was merged.
MERGED_INTO = Statement(
    "SELECT t.customer_id FROM customer c JOIN customer t ON t.id = c.merged_into WHERE c.id = $1", ["bigint"]
)

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

# In the order of the customers, so that two processes that open the same accounts do not wait for each other in a ring.
# FOR SHARE: an account is as its customer is when it opens, also where that is being suspended or merged right now.
_OPEN = {
    opens: Statement(
        f"""
INSERT INTO account (program, customer, card_id, state)
SELECT c.program, c.id, n.card_id, replace(c.state, 'ACTIVE', 'OPEN')
FROM (
    SELECT c.id AS customer, w.names ->> 2 AS card_id {_WANTED} {_ACCOUNT}
    WHERE c.id IS NOT NULL AND a.id IS NULL AND {_HAS_CARD} OFFSET 0
) AS n
JOIN customer c ON c.id = n.customer JOIN program p ON p.id = c.program
WHERE c.state <> 'MERGED'
ORDER BY c.id, n.card_id
FOR SHARE OF c {passing} FOR KEY SHARE OF p {passing}
ON CONFLICT DO NOTHING
""",  # noqa: S608
        ["json"],
    )
    for opens, passing in ((Opens.AT_ONCE, "SKIP LOCKED"), (Opens.WAITING, ""))
}

_TARGET = "(SELECT customer_id FROM customer WHERE id = c.merged_into)"

_PLACES = Statement(
    f"""
SELECT json_agg(json_build_array(a.id, p.id, c.id, {_HAS_CARD}, {_TARGET}) ORDER BY w.ordinal) {_WANTED} {_ACCOUNT}
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
    p.id, c.id, {_TARGET}, ARRAY(SELECT card_id FROM account WHERE customer = c.id ORDER BY card_id),
    (SELECT e ->> 'card_id' FROM jsonb_array_elements(p.settings -> 'event_types') AS e
     WHERE e ->> 'event_type' = w.names ->> 2)
) ORDER BY w.ordinal) {_WANTED}
""",  # noqa: S608
    ["json"],
)
