"""What every command to the ledger is: how it was asked for, what it needs, what it decides, what it answers."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rules.accounts import Account
from rules.activity import Origin
from rules.programs import Card, CardKind
from storage.engine.requests import Answer, Request

if TYPE_CHECKING:
    from storage.ledger.group import Group
    from storage.ledger.loading import Loaded
    from storage.ledger.names import LotsNeeded, Reads


class Reason(NamedTuple):
    """Why somebody did it: a code, words that may be about a person, and the id of whom the caller acts for."""

    code: str = ""
    note: str = ""
    acting_user: str = ""


class CommandContext(NamedTuple):
    """How a command was asked for. `deadline` is on time.monotonic()."""

    request: Request
    origin: Origin
    validate_only: bool
    deadline: float
    reason: Reason = Reason()


class Command(Protocol):
    """One act on the books. The writer gathers commands, and runs those it has gathered in one transaction."""

    @property
    def context(self) -> CommandContext:
        """How it was asked for."""

    def reads(self, reads: "Reads") -> None:
        """Names the accounts that it locks, and what else it must know."""

    def needs(self, loaded: "Loaded", lots: "LotsNeeded") -> None:
        """Names the lots that it needs, once the rest is known."""

    def decide(self, group: "Group") -> Answer[Any]:
        """Does it, or raises a Refusal; what it has put until then, or was only asked about, is taken back."""

    def answers(self) -> type[Any]:
        """The type of what it answers."""


class AllOrNothing(NamedTuple):
    """Commands of which all are done, or none."""

    commands: tuple[Command, ...]


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
    revoked: int
    moved: int
    rewards: int
    as_of: datetime


def balance(account: Account, card: Card, now: datetime) -> Balance:
    """The figures of a settled account."""
    spendable = account.spendable
    return Balance(
        card.decimals,
        account.pending,
        account.active,
        account.held,
        account.debt,
        spendable,
        account.earned,
        account.spent,
        account.expired,
        account.revoked,
        account.moved,
        spendable // card.stamps_per_reward if card.kind is CardKind.STAMPS else 0,
        now,
    )
