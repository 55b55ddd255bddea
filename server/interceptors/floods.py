"""Folds floods of equal failures into records with a count, so that nobody can fill the disk with the log."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from rules.access import ActorType
from server import limits
from storage.activity.recorder import Act

# What makes failures equal: who or from where, and what of what came to nothing and why.
Source: TypeAlias = tuple[str, ...]

_OTHERS: Source = ("others",)
# What says nothing new of each call: that a limit was reached has a record of its own (server/limiting.py).
_FOLDED_AT_ONCE = frozenset({"TOO_MANY_ATTEMPTS"})


@dataclass(slots=True)
class _Seen:
    """Failures of one source in this period: how many, and the last of those that were not recorded one by one."""

    count: int = 0
    folded: int = 0
    last: Act | None = None


class Floods:
    """The failures of the current period, by source. Used on one event loop."""

    def __init__(self, record: Callable[[Act], Awaitable[None]]) -> None:
        self._record = record
        self._seen: dict[Source, _Seen] = {}
        self._strangers = 0
        self._period = 0
        self._folding: asyncio.Task[None] | None = None

    def admits(self, act: Act, address: str, reason: str) -> bool:
        """Whether a failure is recorded by itself. Else it is counted, and recorded with its like when the period
        is over: none goes unseen."""
        period = int(time.monotonic() // limits.FLOOD_PERIOD_S)
        if period != self._period and self._folding is None:
            self._period, self._seen, self._strangers = period, {}, 0
        seen = self._of(act, address, reason)
        seen.count += 1
        if seen.count <= limits.EQUAL_FAILURES_MAX:
            return True
        seen.folded += 1
        seen.last = act
        if self._folding is None:
            self._folding = asyncio.create_task(self._fold_later())
        return False

    async def close(self) -> None:
        """Records what is folded now."""
        if self._folding is not None:
            self._folding.cancel()
        await self._fold()

    def _of(self, act: Act, address: str, reason: str) -> _Seen:
        is_stranger = act.origin.actor_type is ActorType.ANONYMOUS
        source = ("", address, reason) if is_stranger else (act.origin.actor, act.origin.method, reason, act.subject)
        found = self._seen.get(source)
        if found is not None:
            return found
        if is_stranger:
            self._strangers += 1
            if self._strangers > limits.ANONYMOUS_SOURCES_MAX:
                return self._seen.setdefault(_OTHERS, _Seen(count=limits.EQUAL_FAILURES_MAX))
        if len(self._seen) >= limits.FAILURE_SOURCES_MAX:
            # It is a caller whom we know: recorded like any other, only not told apart.
            return _Seen()
        return self._seen.setdefault(source, _Seen(limits.EQUAL_FAILURES_MAX if reason in _FOLDED_AT_ONCE else 0))

    async def _fold_later(self) -> None:
        await asyncio.sleep(limits.FLOOD_PERIOD_S - time.monotonic() % limits.FLOOD_PERIOD_S)
        self._folding = None
        await self._fold()

    async def _fold(self) -> None:
        seen, self._seen, self._strangers = self._seen, {}, 0
        for one in seen.values():
            if one.last is not None:
                await self._record(replace(one.last, details={**one.last.details, "folded": one.folded}))
