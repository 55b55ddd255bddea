"""How things are named: in the words of the contract, and by the internal ids under which the books keep them."""

from typing import NamedTuple

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


def why_not(name: CustomerName, state: AccountState) -> Refusal:
    """What the state of a customer has against an act; where it was merged, `merged` says so."""
    if state is AccountState.SUSPENDED:
        return CustomerSuspended(customer=name.customer)
    return (CustomerClosed if state is AccountState.CLOSED else CustomerBlocked)(customer=name.name)


async def find_merged(session: Session, address: Address, customer: int) -> Refusal:
    """`merged`, for those who have not asked yet."""
    target = await session.run(MERGED_INTO, [b"%d" % customer])
    assert target is not None
    return merged(address.program, address.customer, target.decode())


def merged(program: str, customer: str, target: str) -> Refusal:
    """Where to ask instead, as a resource name."""
    return CustomerMerged(customer=customer, target=CustomerName(program, target).name)


# The public id of the customer into whom this one was merged.
MERGED_INTO = Statement(
    "SELECT t.customer_id FROM customer c JOIN customer t ON t.id = c.merged_into WHERE c.id = $1", ["bigint"]
)
