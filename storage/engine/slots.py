"""What waits in a lane: an item, who waits for its outcome, and what that may be."""

import asyncio
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from storage.engine.database import Busy

Item = TypeVar("Item")

# As an outcome: this item could not be decided now, for somebody else has its rows in hand.
LATER = Busy("passed over")


class Slot(Generic[Item]):
    """An item on its way, and how often it was passed over."""

    __slots__ = ("item", "number", "passed_over", "ticket")

    def __init__(self, item: Item, number: int, ticket: "Ticket") -> None:
        self.item = item
        self.number = number
        self.ticket = ticket
        self.passed_over = 0

    @property
    def is_given_up(self) -> bool:
        """Whether its caller has gone."""
        return self.ticket.future.cancelled()

    def answer(self, outcome: Any) -> None:
        """Hands the outcome to who waits for it."""
        ticket = self.ticket
        ticket.outcomes[self.number] = outcome
        ticket.missing -= 1
        if not ticket.missing and not ticket.future.done():
            ticket.future.set_result(ticket.outcomes)


class Ticket:
    """What somebody who handed in items waits for: the outcome of each."""

    __slots__ = ("future", "missing", "outcomes")

    def __init__(self, future: "asyncio.Future[Any]", size: int) -> None:
        self.future = future
        self.missing = size
        self.outcomes: list[Any] = [None] * size


def slots_of(items: Sequence[Item]) -> "tuple[asyncio.Future[Any], list[Slot[Item]]]":
    """Items on their way, and the outcomes that they will have."""
    ticket = Ticket(asyncio.get_running_loop().create_future(), len(items))
    if not items:
        ticket.future.set_result([])
    return ticket.future, [Slot(item, number, ticket) for number, item in enumerate(items)]
