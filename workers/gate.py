"""A server outside that is away: one task at a time tries it, and all others wait without holding up a thread."""

import threading
import time
from datetime import timedelta

from workers.failures import NotNow
from workers.limits import GATE_RETRY_MAX_S, GATE_RETRY_MIN_S
from workers.outage import Outage

# What a task that waits for it keeps of that.
AWAY = "Away"


class Gate:
    """Of one server, as seen by all threads of this process. A try takes up to `try_limit_s`."""

    def __init__(self, what: str, try_limit_s: float) -> None:
        self._outage = Outage(what)
        self._try_limit_s = try_limit_s
        self._lock = threading.Lock()
        self._try_at = 0.0
        self._pause_s = GATE_RETRY_MIN_S
        self._is_tried = False

    def check(self) -> None:
        """Returns where the server may be asked now. Raises NotNow."""
        with self._lock:
            if not self._outage.lasts:
                return
            left_s = self._try_at - time.monotonic()
            if left_s > 0:
                raise NotNow(timedelta(seconds=left_s), AWAY)
            self._is_tried = True
            self._try_at = time.monotonic() + self._try_limit_s

    def shut(self, reason: str) -> NotNow:
        """The server was away; answers what to raise. `reason` may name hosts, never people."""
        with self._lock:
            # Those who were under way when the first of them found out have nothing new to tell.
            if self._is_tried or not self._outage.lasts:
                self._try_at = time.monotonic() + self._pause_s
                self._pause_s = min(2 * self._pause_s, GATE_RETRY_MAX_S)
                self._is_tried = False
            self._outage.noticed(reason)
            return NotNow(timedelta(seconds=max(0.0, self._try_at - time.monotonic())), AWAY)

    def open(self) -> None:
        """The server answered."""
        with self._lock:
            self._outage.over()
            self._pause_s = GATE_RETRY_MIN_S
            self._is_tried = False
