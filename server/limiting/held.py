"""What one server process knows of those whose attempts and calls are counted."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from rules import limiting
from rules.activity import ATTEMPTS_LIMITED, CALLS_LIMITED, Origin
from rules.limiting import NONE, Attempts, Rule
from rules.rates import RATE_CLASSES
from server import limits
from storage.activity.commands import Outcome
from storage.activity.recorder import Act


class Key(NamedTuple):
    """What is counted of, under a rule: a caller by its id, an address, whatever tells one from another."""

    rule: Rule
    value: str


class Whose(NamedTuple):
    """Who it was, and the public id of the program in whose log it belongs; empty where it belongs in none."""

    origin: Origin
    program: str


# Without an equality of its own: each is itself, and a set of them is quick.
@dataclass(slots=True, eq=False)
class Held:
    """What is known of a key: all that counts, what of it the others were not told, and who it was last.

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

    def reached(self) -> Act:
        """The record that the limit is reached: of whoever it was last."""
        (origin, program), rule = self.whose, self.rule
        kind, counted = (CALLS_LIMITED, "calls") if rule.what in RATE_CLASSES else (ATTEMPTS_LIMITED, "failures")
        subject = f"programs/{program}" if program else ""
        details = {"what": rule.what, "by": rule.by, counted: rule.times_max, "window_s": rule.window_s}
        return Act(origin._replace(kind=kind), Outcome.SUCCEEDED, subject, program, details=details)


class Kept:
    """All that are held, by rule and then by digest: the one that was counted last comes last."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._held: dict[Rule, OrderedDict[bytes, Held]] = {}
        # Those with something to tell, in the order in which it happened.
        self.telling: dict[Held, None] = {}

    def __len__(self) -> int:
        return sum(map(len, self._held.values()))

    def find(self, key: Key) -> Held | None:
        """What is known of a key."""
        # Mostly nobody fails, and then nothing is digested.
        held = self._held.get(key.rule)
        return held.get(self._digest(key)) if held else None

    def hold(self, key: Key, whose: Whose) -> Held:
        """The same, from now on at least. Beyond a number of them the one that was counted longest ago is forgotten."""
        every = self._held.setdefault(key.rule, OrderedDict())
        digest = self._digest(key)
        held = every.get(digest)
        if held is None:
            held = every[digest] = Held(key.rule, digest, whose)
            if len(every) > limits.ATTEMPT_KEYS_MAX:
                self._forget(every)
        else:
            held.whose = whose
            every.move_to_end(digest)
        return held

    def tell_again(self, held: Held) -> None:
        """It is still to be told, unless it was forgotten."""
        if held.digest in self._held.get(held.rule, ()):
            self.telling[held] = None

    def look(self, held: Held, now: int) -> None:
        """Has it recorded that a limit is reached, once a window."""
        window = held.rule.window(now)
        if window > held.closed and limiting.wait_ms(held.rule, held.known, now):
            held.closed = window
            held.unrecorded = True
            self.telling[held] = None

    def chosen(self) -> list[Held]:
        """For one exchange: those with something to tell, the oldest first; then of each rule those that were counted
        last, to hear of them."""
        found = dict.fromkeys(islice(self.telling, limits.ATTEMPTS_EXCHANGED_MAX))
        for held in self._last():
            if len(found) >= limits.ATTEMPTS_EXCHANGED_MAX:
                break
            found[held] = None
        return list(found)

    def tidy(self) -> None:
        """Forgets those of whom nothing counts any more, some at a time."""
        now = now_ms()
        for rule, every in list(self._held.items()):
            for _ in range(limits.ATTEMPTS_EXCHANGED_MAX):
                if not every or not limiting.is_over(next(iter(every.values())).known, rule.window(now)):
                    break
                self._forget(every)
            if not every:
                # A service's own limits are rules of their own: they change, and are not to pile up.
                del self._held[rule]

    def _last(self) -> Iterator[Held]:
        for every in sorted(self._held.values(), key=len):
            yield from reversed(every.values())

    def _forget(self, every: OrderedDict[bytes, Held]) -> None:
        _, held = every.popitem(last=False)
        self.telling.pop(held, None)

    def _digest(self, key: Key) -> bytes:
        return blake2b(f"{key.rule} {key.value}".encode(), digest_size=16, key=self._secret).digest()


def now_ms() -> int:
    """Milliseconds since 1970, by our clock."""
    return time.time_ns() // 1_000_000
