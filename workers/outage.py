"""Says once that something is away, and once that it is back; not at every attempt between."""

import threading

import structlog

log = structlog.get_logger()


class Outage:
    """Of one thing that we need, as seen by all threads of this process."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self.lasts = False

    def noticed(self, reason: str) -> None:
        """It did not answer. `reason` may name hosts, never data."""
        with self._lock:
            if not self.lasts:
                log.warning(f"{self._what} away", reason=reason)
            self.lasts = True

    def over(self) -> None:
        """It answered."""
        if self.lasts:
            with self._lock:
                if self.lasts:
                    log.info(f"{self._what} back")
                self.lasts = False
