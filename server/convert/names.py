"""Resource names. Their shape was checked by the contract's rules before they come here."""

from storage.engine.ids import typeid
from storage.ledger.addresses import Address


def program_id(name: str) -> str:
    """Of `programs/{program}`, or of a name below it."""
    return name.split("/", 2)[1]


def customer_id(name: str) -> str:
    """Of `programs/{program}/customers/{customer}`."""
    return name.split("/", 4)[3]


def address(name: str) -> Address:
    """Of `programs/{program}/customers/{customer}/accounts/{card}`."""
    _, program, _, customer, _, card = name.split("/")
    return Address(program, customer, card)


def activity(activity_id: str | None) -> str:
    """`activities/{activity}`, or empty."""
    return f"activities/{typeid('activity', int(activity_id.replace('-', ''), 16))}" if activity_id else ""
