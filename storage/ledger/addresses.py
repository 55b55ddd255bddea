"""How things are named: in the words of the contract, and by the internal ids under which the books keep them."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import json
from psycopg.errors import SerializationFailure

from rules.accounts import AccountState
from rules.refusals import CustomerBlocked, CustomerClosed, CustomerMerged, CustomerSuspended, Refusal
from storage.engine.session import Session, Statement


class Address(NamedTuple):
    """An account in the words of the contract: the public ids of program and customer, and the card."""

    program: str
    customer: str
    card: str

    @property
    def owner(self) -> "CustomerName":
        """Whom it belongs to."""
        return CustomerName(self.program, self.customer)

    @property
    def customer_name(self) -> str:
        """The resource name of whom it belongs to."""
        return self.owner.name

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


class AccountKey(NamedTuple):
    """An account by its internal ids."""

    account: int
    program: int
    customer: int


class Unopened(NamedTuple):
    """An account that its customer does not have yet: it stands at zero, in the state of its customer."""

    program: int
    customer: int
    state: AccountState

    def key(self, number: int = 0) -> AccountKey:
        """A key under which the books have nothing: no account has a number below 1."""
        return AccountKey(number, self.program, self.customer)


class Holder(NamedTuple):
    """A customer by internal ids, with the state it was found in, its accounts, and the one that an event gives points
    to."""

    program: int
    customer: int
    state: AccountState
    accounts: tuple[Address, ...]
    gives_to: Address | None


_REFUSALS: Mapping[AccountState, type[Refusal]] = {
    AccountState.SUSPENDED: CustomerSuspended,
    AccountState.BLOCKED: CustomerBlocked,
    AccountState.CLOSED: CustomerClosed,
}


def why_not(name: CustomerName, state: AccountState) -> Refusal:
    """What the state of a customer has against an act; where it was merged, `merged` says so."""
    return _REFUSALS[state](customer=name.customer)


async def find_merged(session: Session, customers: Mapping[Address, int]) -> dict[Address, Refusal]:
    """`merged` of each account whose customer was read as merged. Raises SerializationFailure where one is itself again
    by now: whoever reads once more sees it."""
    if not customers:
        return {}
    targets = dict(json.decode(await session.run(_TARGETS, [json.encode(list(customers.values()))])))
    if any(customer not in targets for customer in customers.values()):
        raise SerializationFailure("a merge was undone while it was read about")
    return {at: merged(at.program, at.customer, targets[customer]) for at, customer in customers.items()}


def merged(program: str, customer: str, target: str) -> Refusal:
    """Where to ask instead, as a resource name."""
    return CustomerMerged(customer=customer, target=CustomerName(program, target).name)


_TARGETS = Statement(
    """
SELECT coalesce(json_agg(json_build_array(c.id, t.customer_id)), '[]')
FROM json_array_elements_text($1) AS w JOIN customer c ON c.id = w::bigint JOIN customer t ON t.id = c.merged_into
""",
    ["json"],
)

# The public id of the customer into whom this one was merged.
MERGED_INTO = Statement(
    "SELECT t.customer_id FROM customer c JOIN customer t ON t.id = c.merged_into WHERE c.id = $1", ["bigint"]
)
