"""What can be done to points, and what is answered. The writer gathers these (batch.py)."""

from datetime import datetime
from typing import NamedTuple

from rules import ledger
from rules.activity import Origin
from rules.ledger import Posting
from storage.engine.requests import Answer, Request
from storage.ledger.addresses import Address


class Line(NamedTuple):
    """One line of a purchase."""

    product_id: str
    category: str
    quantity: int
    amount_minor: int


class RecordTransaction(NamedTuple):
    """A purchase. `occurred_at` None: now. `deadline` is on time.monotonic()."""

    address: Address
    transaction_id: str
    amount_minor: int
    currency_code: str
    occurred_at: datetime | None
    lines: tuple[Line, ...]
    request: Request
    origin: Origin
    validate_only: bool
    deadline: float


class SpendPoints(NamedTuple):
    """Takes points. `deadline` is on time.monotonic()."""

    address: Address
    points: int
    reference: str
    request: Request
    origin: Origin
    validate_only: bool
    deadline: float


Command = RecordTransaction | SpendPoints


class Balance(NamedTuple):
    """The figures of an account at an instant of its program's clock, in units of 10^-decimals points."""

    decimals: int
    pending: int
    active: int
    held: int
    debt: int
    spendable: int
    earned: int
    spent: int
    expired: int
    as_of: datetime


class Recorded(NamedTuple):
    """A purchase in the books. The instants are None where it earned nothing, or never expires."""

    points: int
    pending: bool
    occurred_at: datetime
    activates_at: datetime | None
    expires_at: datetime | None
    balance: Balance


class Spent(NamedTuple):
    """What was taken."""

    entry: Posting
    recorded_at: datetime
    balance: Balance


Outcome = Answer[Recorded] | Answer[Spent]


def balance(account: ledger.Account, decimals: int, now: datetime) -> Balance:
    """The figures of a settled account."""
    return Balance(
        decimals,
        account.pending,
        account.active,
        account.held,
        account.debt,
        account.spendable,
        account.earned,
        account.spent,
        account.expired,
        now,
    )
