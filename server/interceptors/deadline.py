"""Cuts the caller's deadline to the longest that anybody may wait here."""

import time

from server import limits
from server.call import Call


def cut(call: Call) -> None:
    """Fills `deadline`, on time.monotonic(); what is not decided by then is refused before it is written."""
    remaining_s = call.context.time_remaining()
    if remaining_s is None or remaining_s > limits.DEADLINE_MAX_S:
        remaining_s = limits.DEADLINE_MAX_S
    call.deadline = time.monotonic() + remaining_s
