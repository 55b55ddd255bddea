"""Runs of a phone with each design, and the share of them that end with a card that is stale for ever."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.wallet.phones.others import Drawn, Microseconds, NewestOnly, WholeSeconds
from tests.wallet.phones.ours import Ours, Unregistered, Untold
from tests.wallet.phones.world import Pace, Server, World

WRONG: dict[str, Callable[[], Server]] = {
    "the newest only": NewestOnly,
    "whole seconds": WholeSeconds,
    "microseconds, whole seconds in HTTP": Microseconds,
    "a number drawn before the commit": Drawn,
    "ours, without what was handed out ahead": Untold,
    "ours, without what registered late": Unregistered,
}
OURS = "ours"
DESIGNS: dict[str, Callable[[], Server]] = {**WRONG, OURS: Ours}


class Line(NamedTuple):
    """Of so many runs those that ended stale, by their seeds."""

    design: str
    runs: int
    stale: list[int]

    def __str__(self) -> str:
        """For people."""
        return f"{self.design:42} {len(self.stale) / self.runs:8.2%} of {self.runs}"


def line(design: str, seeds: Iterable[int], pace: Pace) -> Line:
    """Runs a design once for each seed."""
    tried = list(seeds)
    stale = [seed for seed in tried if World(DESIGNS[design](), seed, pace).run()]
    return Line(design, len(tried), stale)
