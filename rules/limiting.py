"""How often something may fail before it is refused unheard: failures counted in windows of time.

Two counters a key: one of the window that `now` is in, one of the window before, which counts by the part of it that
the last `window_s` seconds still reach into. So it costs the same however many failures there are, and processes that
count apart can add up what they have. The error: failures that came at the end of a window are taken to be spread over
it. Of attempts that come one by one there are in each window at most `failures_max`, and in any stretch as long as
one fewer than twice as many. Of those that come at once the same holds where each counts as failed from when it begins
until it is known whether it did (server/limiting.py). A request with several attempts is heard whole, so that the last
that is heard may exceed this by all of its own but one.

Instants are milliseconds since 1970, by the clock of whoever asks.
"""

from typing import NamedTuple


class Rule(NamedTuple):
    """So many failures of `what` in so long, of each caller, address or whatever it is that they are counted `by`. What
    is counted under one rule counts under no other."""

    what: str
    by: str
    failures_max: int
    window_s: int

    def window(self, now_ms: int) -> int:
        """The number of the window that an instant is in."""
        return now_ms // (self.window_s * 1000)


class Attempts(NamedTuple):
    """Failures of one key: in the window of that number, and in the one before it."""

    window: int = 0
    failures: int = 0
    before: int = 0

    def of(self, window: int) -> int:
        """The failures in a window; none where it is over for long, or still to come."""
        return self.failures if window == self.window else self.before if window == self.window - 1 else 0


NONE = Attempts()


def settled(attempts: Attempts, window: int) -> Attempts:
    """The same as a window of that number sees it. One that our clock has not reached yet, by that of another process
    or because it was put back a little, has begun all the same."""
    if window in (attempts.window, attempts.window - 1):
        return attempts
    return Attempts(window, 0, attempts.of(window - 1))


def noted(attempts: Attempts, window: int, failures: int = 1) -> Attempts:
    """With failures more."""
    window, so_far, before = settled(attempts, window)
    return Attempts(window, so_far + failures, before)


def told(attempts: Attempts, window: int, failures: int) -> Attempts:
    """With at least so many failures in a window: what was known of it already is not forgotten."""
    if window == attempts.window:
        return attempts._replace(failures=max(attempts.failures, failures))
    if window == attempts.window - 1:
        return attempts._replace(before=max(attempts.before, failures))
    return attempts


def without(attempts: Attempts, window: int, failures: int) -> Attempts:
    """With so many fewer in a window, and never fewer than none."""
    if window == attempts.window:
        return attempts._replace(failures=max(0, attempts.failures - failures))
    if window == attempts.window - 1:
        return attempts._replace(before=max(0, attempts.before - failures))
    return attempts


def wait_ms(rule: Rule, attempts: Attempts, now_ms: int) -> int:
    """How long nothing more is heard, 0 where it may be tried now: until one more failure would be within the rule.

    Longer than two windows it never is.
    """
    length = rule.window_s * 1000
    _, failures, before = current = settled(attempts, rule.window(now_ms))
    passed = max(0, now_ms - current.window * length)
    room = rule.failures_max - 1 - failures
    if room >= 0:
        return max(0, _passed(length, room, before) - passed)
    # In this window there is none. In the next these are the failures before it.
    return length - passed + _passed(length, rule.failures_max - 1, failures)


def is_over(attempts: Attempts, window: int) -> bool:
    """Whether none of them counts any more."""
    now = settled(attempts, window)
    return not (now.failures or now.before)


def _passed(length: int, room: int, before: int) -> int:
    """How much of a window must have passed before at most `room` of the failures before it count."""
    return length - min(length, room * length // before) if before else 0
