"""Attempts that are not decided yet: of many that come at once no more are looked up than may fail."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping

from rules import limiting
from rules.limiting import Attempts
from server.limiting.held import Key, now_ms


class Undecided:
    """Attempts in hand, by key."""

    def __init__(self, in_hand: "InHand", attempts: Mapping[Key, int]) -> None:
        self._in_hand = in_hand
        self._attempts = attempts

    def end(self) -> None:
        """They were decided, and those that failed are noted: none counts any more by being in hand."""
        attempts, self._attempts = self._attempts, {}
        self._in_hand.ended(attempts)


class InHand:
    """Of one server process; `known` says what has failed of a key."""

    def __init__(self, known: Callable[[Key], Attempts]) -> None:
        self._known = known
        self._undecided: Counter[Key] = Counter()
        # Who waits until less is in hand.
        self._waiting: dict[Key, list[asyncio.Future[None]]] = {}

    async def begin(self, attempts: Mapping[Key, int]) -> Undecided:
        """Takes attempts in hand, under each of the keys so many, once all limits have room for one more failure beyond
        what others have in hand. Waits for nothing where a limit is reached by what failed."""
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

    def _is_full(self, key: Key) -> bool:
        """Whether what is in hand would reach the limit if all of it failed, and what failed has not."""
        in_hand = self._undecided[key]
        if not in_hand:
            return False
        known, rule, now = self._known(key), key.rule, now_ms()
        if limiting.wait_ms(rule, known, now):
            return False
        return limiting.wait_ms(rule, limiting.noted(known, rule.window(now), in_hand), now) > 0
