"""The wish to stop, as a signal handler may voice it."""

import time


class StopRequest:
    """Like `threading.Event`, which a handler must not set: interrupted by the next signal, it waits for itself."""

    def __init__(self) -> None:
        self._made = False

    def make(self) -> None:
        """From now on it is set."""
        self._made = True

    def is_set(self) -> bool:
        """Whether it was made."""
        return self._made

    def wait(self, seconds: float) -> bool:
        """Sleep that long, then say whether it was made."""
        time.sleep(0 if self._made else seconds)
        return self._made
