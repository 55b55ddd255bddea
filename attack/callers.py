"""Callers that keep some calls in hand for a while, whatever they are answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio

from fealty import connect_async

# Who is refused at once does not come back at once: this is an attack by what calls do, not by their number.
PAUSE_S = 0.1


def keep_calling(
    target: str, key: str, call: Callable[[grpc.aio.Channel, int], Awaitable[Any]], width: int, seconds: float
) -> Counter[str]:
    """Keeps `width` calls in hand; `call` makes the one of that number. Answers how they ended, by status."""
    return asyncio.run(_keep_calling(target, key, call, width, seconds))


async def _keep_calling(
    target: str, key: str, call: Callable[[grpc.aio.Channel, int], Awaitable[Any]], width: int, seconds: float
) -> Counter[str]:
    ended: Counter[str] = Counter()
    until = time.monotonic() + seconds
    async with connect_async(target, key) as fealty, asyncio.TaskGroup() as group:

        async def caller(number: int) -> None:
            while time.monotonic() < until:
                try:
                    await call(fealty.channel, number)
                    ended["OK"] += 1
                except grpc.aio.AioRpcError as error:
                    ended[error.code().name] += 1
                await asyncio.sleep(PAUSE_S)

        for number in range(width):
            group.create_task(caller(number))
    return ended
