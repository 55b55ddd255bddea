"""Stocks, and the slots by which they are counted (docs/decisions/0040)."""

from typing import NamedTuple

from storage.engine.records import Record


class Slot(NamedTuple):
    """A part of a stock. `taken` may fall below 0: what is given back goes to any slot, and only the sum counts. So may
    `capacity`, of a stock that was made smaller than what is taken of it."""

    capacity: int | None
    taken: int = 0

    @property
    def is_in_debt(self) -> bool:
        """Whether more is taken than there is."""
        return self.capacity is not None and self.taken > self.capacity


# What may be had `capacity` times in all, null: any number of times.
STOCKS: Record[None] = Record(
    "stock",
    None,
    key={"id": "bigint"},
    changes=["capacity"],
    beside={"program": "integer", "capacity": "bigint?"},
)

SLOTS = Record(
    "stock_slot",
    Slot,
    key={"stock": "bigint", "slot": "integer"},
    changes=["capacity", "taken"],
)
