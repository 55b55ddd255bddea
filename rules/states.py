"""The states of customers, and which kinds of acts each of them allows: one table, that every command is asked by."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from rules.accounts import AccountState


class CustomerState(StrEnum):
    """Whether a customer earns and spends. One that is MERGED holds nothing: another customer does; one that is CLOSED
    holds nothing for ever."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    BLOCKED = "BLOCKED"
    CLOSED = "CLOSED"
    MERGED = "MERGED"


class Act(StrEnum):
    """What an act on an account is to its owner: earned or added by hand; spent, captured or taken away by hand; given
    back by hand; or it puts right what was, as refunds, releases, rejections and write-offs do."""

    EARN = "EARN"
    ADD = "ADD"
    SPEND = "SPEND"
    CAPTURE = "CAPTURE"
    TAKE = "TAKE"
    GIVE_BACK = "GIVE_BACK"
    PUT_RIGHT = "PUT_RIGHT"


# A suspension is a pause: whatever a person decides goes on. One that is blocked gets nothing from anybody's hand.
ALLOWED: Mapping[AccountState, Collection[Act]] = {
    AccountState.OPEN: frozenset(Act),
    AccountState.SUSPENDED: {Act.ADD, Act.TAKE, Act.GIVE_BACK, Act.PUT_RIGHT},
    AccountState.BLOCKED: {Act.TAKE, Act.PUT_RIGHT},
    AccountState.CLOSED: frozenset(),
    AccountState.MERGED: frozenset(),
}

# From which states a customer comes into another, but by merges and their way back.
COMES_FROM: Mapping[CustomerState, tuple[CustomerState, ...]] = {
    CustomerState.ACTIVE: (CustomerState.SUSPENDED, CustomerState.BLOCKED),
    CustomerState.SUSPENDED: (CustomerState.ACTIVE,),
    CustomerState.BLOCKED: (CustomerState.ACTIVE, CustomerState.SUSPENDED),
    CustomerState.CLOSED: (CustomerState.ACTIVE, CustomerState.SUSPENDED, CustomerState.BLOCKED),
}
