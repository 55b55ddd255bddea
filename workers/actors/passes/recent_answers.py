"""Whose phones of those that were pushed to last are known to Apple, as seen by all threads of this process."""

import threading
from collections import OrderedDict

from rules.passes import breaking
from rules.passes.breaking import ANSWERS_MAX, Verdict


class RecentAnswers:
    """Of one pass type. A customer counts once, by the newest answer: a card may be registered by phones that were made
    up, as many as somebody likes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._customers: OrderedDict[int, bool] = OrderedDict()

    def note(self, customer: int, is_known: bool) -> Verdict:
        """What follows for a phone of that customer which is not known; of one that is, nothing does."""
        with self._lock:
            self._customers[customer] = is_known
            self._customers.move_to_end(customer)
            while len(self._customers) > ANSWERS_MAX:
                self._customers.popitem(last=False)
            return breaking.judge(list(self._customers.values()))

    def forget_all(self) -> None:
        """As after the start of the process."""
        with self._lock:
            self._customers.clear()
