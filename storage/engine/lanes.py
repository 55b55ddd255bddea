"""What a lane to the database is doing, for those who watch over it."""

from typing import NamedTuple


class LaneState(NamedTuple):
    """`waiting` counts items not answered yet; `stalled_s` is the time since the lane last answered anything while
    work waits, 0.0 where nothing does."""

    name: str
    waiting: int
    stalled_s: float
