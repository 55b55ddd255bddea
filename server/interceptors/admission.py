"""Turns calls away early where too many are in hand: an early "no" serves everybody better than a late answer."""

from server import limits
from server.errors import Overloaded


class Admission:
    """Counts the calls in hand of one process."""

    def __init__(self, calls_max: int = limits.CALLS_MAX) -> None:
        self._calls_max = calls_max
        self.in_hand = 0

    def enter(self) -> None:
        """One more. Each `enter` has its `leave`, also of a call that is turned away."""
        self.in_hand += 1

    def check(self) -> None:
        """Raises Overloaded."""
        if self.in_hand > self._calls_max:
            raise Overloaded

    def leave(self) -> None:
        """One less."""
        self.in_hand -= 1
