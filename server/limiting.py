"""Limits on what fails: in memory, so that nobody waits; told to the other server processes once a second.

What is counted is failures, by keys. While a limit is reached for one of its keys, an attempt is refused without a look
at the books, right or wrong. Processes add up their counts in the database (storage/attempts): what fails elsewhere is
known here within two exchanges, of keys that failed here too. Where the database is away, each goes on by itself.

Attempts in hand count as failed until it is known whether they did (`begin`): of many that come at once no more are
looked up than may fail. Those beyond wait for them; none is refused for what may turn out to be right.
"""

import asyncio
import time
from collections import Counter as Counts
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from secrets import randbits
from typing import NamedTuple

import structlog
from prometheus_client import Counter, Gauge

from rules import limiting
from rules.activity import ATTEMPTS_LIMITED, Origin
from rules.limiting import NONE, Attempts, Rule
from rules.refusals import TooManyAttempts
from server import limits
from storage.activity.commands import Outcome
from storage.activity.recorder import Act
from storage.attempts.exchange import Failed, Total
from storage.books import Books

FAILED = Counter("fealty_attempts_failed", "Attempts that failed, and count towards a limit", ["what"])
REFUSED = Counter("fealty_attempts_refused", "Attempts refused because of a limit, by what it counts", ["what", "by"])
KEYS = Gauge("fealty_attempt_keys", "Callers, addresses, programs with failures that count still")
UNTOLD = Gauge("fealty_attempt_keys_untold", "Those of them whose failures other server processes do not know yet")

log = structlog.get_logger()


class Key(NamedTuple):
    """What failures are counted of, under a rule: a caller by its id, an address, whatever tells one from another."""

    rule: Rule
    value: str


class Whose(NamedTuple):
    """Who failed, and the public id of the program in whose log it belongs; empty where it belongs in none."""

    origin: Origin
    program: str


# Without an equality of its own: each is itself, and a set of them is quick.
@dataclass(slots=True, eq=False)
class _Held:
    """What is known of a key: all failures, those of them that the others were not told, and who failed last.

    `closed` is the last window in which the limit was found to be reached, and `unrecorded` whether that is still to be
    recorded, unless another process does.
    """

    rule: Rule
    digest: bytes
    whose: Whose
    known: Attempts = NONE
    untold: Attempts = NONE
    closed: int = -1
    unrecorded: bool = False

    def told(self, window: int, closed_by: int | None) -> Failed:
        """What the others are told of a window."""
        return Failed(self.digest.hex(), window * self.rule.window_s, self.untold.of(window), closed_by)

    def reached(self) -> Act:
        """The record that the limit is reached: of whoever failed last."""
        (origin, program), rule = self.whose, self.rule
        subject = f"programs/{program}" if program else ""
        details = {"what": rule.what, "by": rule.by, "failures": rule.failures_max, "window_s": rule.window_s}
        return Act(origin._replace(kind=ATTEMPTS_LIMITED), Outcome.SUCCEEDED, subject, program, details=details)


class Undecided:
    """Attempts in hand, by key."""

    def __init__(self, limiter: "Limiter", attempts: Mapping[Key, int]) -> None:
        self._limiter = limiter
        self._attempts = attempts

    def end(self) -> None:
        """They were decided, and those that failed are noted: none counts any more by being in hand."""
        attempts, self._attempts = self._attempts, {}
        self._limiter.ended(attempts)


class Limiter:
    """One for each server process; used on its event loop."""

    def __init__(self, books: Books, secret: bytes, record: Callable[[Act], Awaitable[None]]) -> None:
        """`secret` is the same in all processes of a database: it keeps digests from telling of whom they are."""
        self._books = books
        self._secret = secret
        self._record = record
        self._number = randbits(62)
        # By rule, then by digest; the one that failed last comes last.
        self._held: dict[Rule, OrderedDict[bytes, _Held]] = {}
        # Those with something to tell, in the order in which it happened.
        self._telling: dict[_Held, None] = {}
        # What is in hand, and who waits until less is.
        self._undecided: Counts[Key] = Counts()
        self._waiting: dict[Key, list[asyncio.Future[None]]] = {}
        self._exchanging: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        KEYS.set_function(lambda: sum(map(len, self._held.values())))
        UNTOLD.set_function(lambda: len(self._telling))

    def check(self, keys: Sequence[Key]) -> None:
        """Raises TooManyAttempts where the limit of one of the keys is reached."""
        now, wait, closed = _now_ms(), 0, None
        for key in keys:
            if (held := self._find(key)) is not None:
                own = limiting.wait_ms(key.rule, held.known, now)
                if own > wait:
                    wait, closed = own, key.rule
        if closed is not None:
            REFUSED.labels(closed.what, closed.by).inc()
            raise TooManyAttempts(retry_after_s=-(-wait // 1000))

    def failed(self, keys: Sequence[Key], whose: Whose) -> None:
        """Notes that an attempt failed, under each of the keys."""
        now = _now_ms()
        for key in keys:
            window = key.rule.window(now)
            held = self._hold(key, whose)
            held.known = limiting.noted(held.known, window)
            held.untold = limiting.noted(held.untold, window)
            self._telling[held] = None
            self._look(held, now)
        if keys:
            FAILED.labels(keys[0].rule.what).inc()
            if self._exchanging is None:
                self._exchanging = asyncio.create_task(self._exchange_while_it_counts())

    async def begin(self, attempts: Mapping[Key, int]) -> Undecided:
        """Takes attempts in hand, under each of the keys so many, once all limits have room for one more failure beyond
        what others have in hand. Waits for nothing where a limit is reached by what failed: `check` says so."""
        while (full := next((key for key in attempts if self._is_full(key)), None)) is not None:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(full, []).append(waiting)
            await waiting
        self._undecided.update(attempts)
        return Undecided(self, attempts)

    def ended(self, attempts: Mapping[Key, int]) -> None:
        """Some are in hand no longer."""
        for key, times in attempts.items():
            self._undecided[key] -= times
            if not self._undecided[key]:
                del self._undecided[key]
            for waiting in self._waiting.pop(key, ()):
                if not waiting.done():
                    waiting.set_result(None)

    async def close(self) -> None:
        """Tells the others what is left to be told."""
        self._closing.set()
        if self._exchanging is not None:
            await self._exchanging

    def _is_full(self, key: Key) -> bool:
        """Whether what is in hand would reach the limit if all of it failed, and what failed has not."""
        in_hand = self._undecided[key]
        if not in_hand:
            return False
        held, rule, now = self._find(key), key.rule, _now_ms()
        known = NONE if held is None else held.known
        if limiting.wait_ms(rule, known, now):
            return False
        return limiting.wait_ms(rule, limiting.noted(known, rule.window(now), in_hand), now) > 0

    def _find(self, key: Key) -> _Held | None:
        # Mostly nobody fails, and then nothing is digested.
        held = self._held.get(key.rule)
        return held.get(self._digest(key)) if held else None

    def _hold(self, key: Key, whose: Whose) -> _Held:
        every = self._held.setdefault(key.rule, OrderedDict())
        digest = self._digest(key)
        held = every.get(digest)
        if held is None:
            held = every[digest] = _Held(key.rule, digest, whose)
            if len(every) > limits.ATTEMPT_KEYS_MAX:
                self._forget(every)
        else:
            held.whose = whose
            every.move_to_end(digest)
        return held

    def _forget(self, every: OrderedDict[bytes, _Held]) -> None:
        """Forgets the one that failed longest ago."""
        _, held = every.popitem(last=False)
        self._telling.pop(held, None)

    def _look(self, held: _Held, now: int) -> None:
        """Has it recorded that a limit is reached, once a window."""
        window = held.rule.window(now)
        if window > held.closed and limiting.wait_ms(held.rule, held.known, now):
            held.closed = window
            held.unrecorded = True
            self._telling[held] = None

    def _digest(self, key: Key) -> bytes:
        return blake2b(f"{key.rule} {key.value}".encode(), digest_size=16, key=self._secret).digest()

    async def _exchange_while_it_counts(self) -> None:
        is_last = False
        while any(self._held.values()) and not is_last:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), limits.ATTEMPTS_EXCHANGE_S)
            # What fails while the others are told is told by one exchange more.
            is_last = self._closing.is_set()
            try:
                await self._exchange()
            except Exception as error:
                # A fault of ours must not end it: from then on this process would be alone.
                log.error("attempts not exchanged", exc_info=error)
            self._tidy()
        self._exchanging = None

    async def _exchange(self) -> None:
        asked: list[tuple[_Held, int]] = []
        told: list[Failed] = []
        for held in self._chosen():
            self._telling.pop(held, None)
            newest = held.rule.window(_now_ms())
            held.known, held.untold = (limiting.settled(one, newest) for one in (held.known, held.untold))
            for window in (newest - 1, newest):
                claims = held.unrecorded and window == max(held.closed, newest - 1)
                asked.append((held, window))
                told.append(held.told(window, self._number if claims else None))
        totals = await self._totals(told)
        acts = [self._learn(one, said, total) for one, said, total in zip(asked, told, totals, strict=True)]
        await asyncio.gather(*(self._record(act) for act in acts if act is not None))

    def _chosen(self) -> list[_Held]:
        """Those with something to tell, the oldest first; then of each rule those that failed last, to hear of them."""
        found = dict.fromkeys(islice(self._telling, limits.ATTEMPTS_EXCHANGED_MAX))
        for every in sorted(self._held.values(), key=len):
            for held in reversed(every.values()):
                if len(found) >= limits.ATTEMPTS_EXCHANGED_MAX:
                    return list(found)
                found[held] = None
        return list(found)

    async def _totals(self, told: Sequence[Failed]) -> Sequence[Total | Exception]:
        try:
            return await self._books.exchange(told)
        except Exception as error:
            return [error] * len(told)

    def _learn(self, asked: tuple[_Held, int], told: Failed, total: Total | Exception) -> Act | None:
        """Takes in what all have told of a window; the record that the limit is reached, where it is ours to make."""
        held, window = asked
        is_ours = told.closed_by is not None
        if isinstance(total, Exception):
            # Whether it was taken may not be known. What is told twice closes early, what is not told never.
            if held.digest in self._held[held.rule]:
                self._telling[held] = None
        else:
            held.untold = limiting.without(held.untold, window, told.failures)
            held.known = limiting.told(held.known, window, total.failures + held.untold.of(window))
            is_ours = is_ours and total.closed_by == told.closed_by
            if total.closed_by is not None:
                held.closed = max(held.closed, window)
        if told.closed_by is not None:
            held.unrecorded = False
        self._look(held, _now_ms())
        return held.reached() if is_ours else None

    def _tidy(self) -> None:
        """Forgets those of whom nothing counts any more, some at a time."""
        now = _now_ms()
        for rule, every in self._held.items():
            for _ in range(limits.ATTEMPTS_EXCHANGED_MAX):
                if not every or not limiting.is_over(next(iter(every.values())).known, rule.window(now)):
                    break
                self._forget(every)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
