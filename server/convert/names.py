"""Resource names. Their shape was checked by the contract's rules before they come here."""

from typing import NamedTuple
from uuid import UUID

from storage.engine.ids import typeid
from storage.ledger.addresses import Address, CustomerName, TransactionName


def program_id(name: str) -> str:
    """Of `programs/{program}`, or of a name below it."""
    return name.split("/", 2)[1]


def customer_id(name: str) -> str:
    """Of `programs/{program}/customers/{customer}`."""
    return name.split("/", 4)[3]


class CardName(NamedTuple):
    """A card by its public ids."""

    program: str
    card: str


def card(name: str) -> CardName:
    """Of `programs/{program}/cards/{card}`."""
    _, program, _, card_id = name.split("/")
    return CardName(program, card_id)


def address(name: str) -> Address:
    """Of `programs/{program}/customers/{customer}/accounts/{card}`."""
    _, program, _, customer, _, card = name.split("/")
    return Address(program, customer, card)


def customer(name: str) -> CustomerName:
    """Of `programs/{program}/customers/{customer}`."""
    _, program, _, customer = name.split("/")
    return CustomerName(program, customer)


def transaction(name: str) -> TransactionName:
    """Of `programs/{program}/customers/{customer}/transactions/{transaction}`."""
    _, program, _, customer, _, transaction_id = name.split("/")
    return TransactionName(program, customer, transaction_id)


def numbered(name: str) -> tuple[Address, int]:
    """The account and the number in the name of a lot, a hold, an entry or a shortfall."""
    account, _, number = name.rpartition("/")
    return address(account.rpartition("/")[0]), int(number)


def activity(activity_id: UUID | str | None) -> str:
    """`activities/{activity}`, or empty."""
    if not activity_id:
        return ""
    number = activity_id.int if isinstance(activity_id, UUID) else int(activity_id.replace("-", ""), 16)
    return f"activities/{typeid('activity', number)}"
