"""How much of one thing is in hand, of all senders and of each: none can take all of it."""

from collections import Counter


class Shares:
    """Counts on one event loop."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self.total = 0

    def take(self, sender: str, all_max: int, each_max: int) -> bool:
        """Whether there was one left for that sender; then it is taken, and to be given back."""
        if self.total >= all_max or self._of[sender] >= each_max:
            return False
        self.total += 1
        self._of[sender] += 1
        return True

    def give_back(self, sender: str) -> None:
        """It is done."""
        self.total -= 1
        self._of[sender] -= 1
        if not self._of[sender]:
            del self._of[sender]
