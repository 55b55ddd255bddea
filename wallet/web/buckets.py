"""Rates of strangers, in memory: a bucket each, in which tokens gather up to a burst."""

import time
from collections import OrderedDict
from collections.abc import Callable

from wallet.web.limits import REMEMBERED_MAX


class Buckets:
    """One bucket for each key; of more than `remembered_max`, those that were not used for longest are full again."""

    def __init__(
        self,
        rate: float,
        burst: float,
        remembered_max: int = REMEMBERED_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._remembered_max = remembered_max
        self._clock = clock
        self._left: OrderedDict[bytes | str, tuple[float, float]] = OrderedDict()

    def take(self, key: bytes | str, tokens: float = 1.0) -> bool:
        """Whether there were so many; then they are taken."""
        left = self._fill(key)
        if left < tokens:
            return False
        self._put(key, left - tokens)
        return True

    def is_empty(self, key: bytes | str) -> bool:
        """Whether there is not even one."""
        return key in self._left and self._fill(key) < 1.0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._left)

    def _fill(self, key: bytes | str) -> float:
        found = self._left.get(key)
        if found is None:
            return self._burst
        left, at = found
        return min(self._burst, left + (self._clock() - at) * self._rate)

    def _put(self, key: bytes | str, left: float) -> None:
        self._left[key] = (left, self._clock())
        self._left.move_to_end(key)
        if len(self._left) > self._remembered_max:
            self._left.popitem(last=False)
