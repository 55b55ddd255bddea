"""Server processes tell each other once a second what they counted (storage/attempts)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from secrets import randbits

import structlog

from rules import limiting
from server import limits
from server.limiting.held import Held, Kept, now_ms
from storage.activity.recorder import Act
from storage.attempts.exchange import Counted, Total
from storage.books import Books

log = structlog.get_logger()


class Telling:
    """One for each server process: it exchanges for as long as anything counts, and is quiet else."""

    def __init__(self, books: Books, record: Callable[[Act], Awaitable[None]], kept: Kept) -> None:
        self._books = books
        self._record = record
        self._kept = kept
        self._number = randbits(62)
        self._exchanging: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        # Called around each exchange: notes what was counted elsewhere until then, and forgets what was known before.
        self.collect: Callable[[], None] = lambda: None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is told, nor asked for."""
        return self._exchanging is None

    def begin(self) -> None:
        """Something counts from now on."""
        if self._exchanging is None:
            self._exchanging = asyncio.create_task(self._exchange_while_it_counts())

    async def close(self) -> None:
        """Tells the others what is left to be told."""
        self._closing.set()
        if self._exchanging is not None:
            await self._exchanging

    async def _exchange_while_it_counts(self) -> None:
        is_last = False
        while self._kept and not is_last:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), limits.ATTEMPTS_EXCHANGE_S)
            # What counts while the others are told is told by one exchange more.
            is_last = self._closing.is_set()
            try:
                self.collect()
                await self._exchange()
                self.collect()
            except Exception as error:
                # A fault of ours must not end it: from then on this process would be alone.
                log.error("attempts not exchanged", exc_info=error)
            self._kept.tidy()
        self._exchanging = None

    async def _exchange(self) -> None:
        asked: list[tuple[Held, int]] = []
        told: list[Counted] = []
        for held in self._kept.chosen():
            self._kept.telling.pop(held, None)
            newest = held.rule.window(now_ms())
            held.known, held.untold = (limiting.settled(one, newest) for one in (held.known, held.untold))
            for window in (newest - 1, newest):
                claims = held.unrecorded and window == max(held.closed, newest - 1)
                asked.append((held, window))
                told.append(_told(held, window, self._number if claims else None))
        totals = await self._totals(told)
        acts = [self._learn(one, said, total) for one, said, total in zip(asked, told, totals, strict=True)]
        await asyncio.gather(*(self._record(act) for act in acts if act is not None))

    async def _totals(self, told: Sequence[Counted]) -> Sequence[Total | Exception]:
        try:
            return await self._books.exchange(told)
        except Exception as error:
            return [error] * len(told)

    def _learn(self, asked: tuple[Held, int], told: Counted, total: Total | Exception) -> Act | None:
        """Takes in what all have told of a window; the record that the limit is reached, where it is ours to make."""
        held, window = asked
        is_ours = told.closed_by is not None
        if isinstance(total, Exception):
            # Whether it was taken may not be known. What is told twice closes early, what is not told never.
            self._kept.tell_again(held)
        else:
            held.untold = limiting.without(held.untold, window, told.times)
            held.known = limiting.told(held.known, window, total.times + held.untold.of(window))
            is_ours = is_ours and total.closed_by == told.closed_by
            if total.closed_by is not None:
                held.closed = max(held.closed, window)
        if told.closed_by is not None:
            held.unrecorded = False
        self._kept.look(held, now_ms())
        return held.reached() if is_ours else None


def _told(held: Held, window: int, closed_by: int | None) -> Counted:
    """What the others are told of a window."""
    return Counted(held.digest.hex(), window * held.rule.window_s, held.untold.of(window), closed_by)
