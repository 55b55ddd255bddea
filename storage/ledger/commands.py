"""What every command to the ledger is: what it needs, what it decides; and the figures that most of them answer."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rules.accounts import Account
from rules.programs import Card, CardKind
from storage.engine.commands import AnyCommand
from storage.engine.requests import Answer

if TYPE_CHECKING:
    from storage.ledger.group import Group
    from storage.ledger.loading import Loaded
    from storage.ledger.names import LotsNeeded, Reads


class Command(AnyCommand, Protocol):
    """A hot command. The writer gathers them, and runs those it has gathered in one transaction."""

    def reads(self, reads: "Reads") -> None:
        """Names the accounts that it locks, and what else it must know."""

    def needs(self, loaded: "Loaded", lots: "LotsNeeded") -> None:
        """Names the lots that it needs, once the rest is known."""

    def decide(self, group: "Group") -> Answer[Any]:
        """Does it, or raises a Refusal; what it has put until then, or was only asked about, is taken back."""


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
