"""Limits on what fails, and on calls: in memory, so that nobody waits; told to other server processes once a second.

What is counted is failures (server/guarding.py), and calls (server/rates.py), by keys. While a limit is reached for one
of its keys, an attempt is refused without a look at the books, right or wrong. Processes add up their counts in the
database: what is counted elsewhere is known here within two exchanges, of keys that were counted here too. Where the
database is away, each goes on by itself.

Attempts in hand count as failed until it is known whether they did (`begin`): of many that come at once no more are
looked up than may fail. Those beyond wait for them; none is refused for what may turn out to be right.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from prometheus_client import Counter, Gauge

from rules import limiting
from rules.limiting import NONE, Attempts
from rules.refusals import TooManyAttempts
from server.limiting.held import Held, Kept, Key, Whose, now_ms
from server.limiting.in_hand import InHand, Undecided
from server.limiting.telling import Telling
from storage.activity.recorder import Act
from storage.books import Books

__all__ = ["Key", "Limiter", "Undecided", "Whose"]

FAILED = Counter("fealty_attempts_failed", "Attempts that failed, and count towards a limit", ["what"])
REFUSED = Counter("fealty_attempts_refused", "Attempts refused because of a limit, by what it counts", ["what", "by"])
KEYS = Gauge("fealty_attempt_keys", "Callers, addresses, programs with failures or calls that count still")
UNTOLD = Gauge("fealty_attempt_keys_untold", "Those of them of which other server processes do not know all yet")


class Limiter:
    """One for each server process; used on its event loop."""

    def __init__(self, books: Books, secret: bytes, record: Callable[[Act], Awaitable[None]]) -> None:
        """`secret` is the same in all processes of a database: it keeps digests from telling of whom they are."""
        self._kept = Kept(secret)
        self._in_hand = InHand(self.known)
        self.telling = Telling(books, record, self._kept)
        KEYS.set_function(lambda: len(self._kept))
        UNTOLD.set_function(lambda: len(self._kept.telling))

    def check(self, keys: Sequence[Key]) -> None:
        """Raises TooManyAttempts where the limit of one of the keys is reached."""
        now, wait, closed = now_ms(), 0, None
        for key in keys:
            if (held := self._kept.find(key)) is not None:
                own = limiting.wait_ms(key.rule, held.known, now)
                if own > wait:
                    wait, closed = own, key.rule
        if closed is not None:
            REFUSED.labels(closed.what, closed.by).inc()
            raise TooManyAttempts(retry_after_s=-(-wait // 1000))

    def failed(self, keys: Sequence[Key], whose: Whose) -> None:
        """Notes that an attempt failed, under each of the keys."""
        for key in keys:
            self.note(key, whose, 1)
        if keys:
            FAILED.labels(keys[0].rule.what).inc()

    def note(self, key: Key, whose: Whose, times: int) -> Attempts:
        """Counts so many more under a key; answers what is known of it then."""
        now = now_ms()
        window = key.rule.window(now)
        held: Held = self._kept.hold(key, whose)
        held.known = limiting.noted(held.known, window, times)
        held.untold = limiting.noted(held.untold, window, times)
        self._kept.telling[held] = None
        self._kept.look(held, now)
        self.telling.begin()
        return held.known

    def known(self, key: Key) -> Attempts:
        """What counts of a key."""
        held = self._kept.find(key)
        return NONE if held is None else held.known

    async def begin(self, attempts: Mapping[Key, int]) -> Undecided:
        """Takes attempts in hand, under each of the keys so many, once all limits have room for one more failure beyond
        what others have in hand. Waits for nothing where a limit is reached by what failed: `check` says so."""
        return await self._in_hand.begin(attempts)

    async def close(self) -> None:
        """Tells the others what is left to be told."""
        await self.telling.close()
