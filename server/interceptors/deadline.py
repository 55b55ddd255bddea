"""Cuts the caller's deadline to the longest that anybody may wait here."""

import asyncio
import time

from rules.refusals import DeadlinePassed
from server import limits
from server.call import Call, Proceed


def cut(call: Call) -> None:
    """Fills `deadline`, on time.monotonic(); what is not decided by then is refused before it is written."""
    remaining_s = call.context.time_remaining()
    call.is_cut = remaining_s is None or remaining_s > limits.DEADLINE_MAX_S
    call.deadline = time.monotonic() + (limits.DEADLINE_MAX_S if call.is_cut else remaining_s)


async def within(call: Call, handler: Proceed) -> bytes | None:
    """The handler's answer to a call whose deadline is ours; gRPC itself ends those whose deadline is their caller's.

    Raises DeadlinePassed.
    """
    try:
        async with asyncio.timeout(call.deadline - time.monotonic()) as time_left:
            return await handler(call)
    except TimeoutError as error:
        if not time_left.expired():
            raise
        raise DeadlinePassed from error
