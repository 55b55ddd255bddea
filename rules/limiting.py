"""How often something may fail, or be called, before it is refused unheard: counted in windows of time.

Two counters a key: one of the window that `now` is in, one of the window before, which counts by the part of it that
the last `window_s` seconds still reach into. So it costs the same however many there are, and processes that count
apart can add up what they have. The error: what came at the end of a window is taken to be spread over it. Of attempts
that come one by one there are in each window at most `times_max`, and in any stretch as long as one fewer than twice as
many. Of those that come at once the same holds where each counts as failed from when it begins until it is known
whether it did (server/limiting). A request with several attempts is heard whole, so that the last that is heard may
exceed this by all of its own but one.

Instants are milliseconds since 1970, by the clock of whoever asks.
"""

from typing import NamedTuple


class Rule(NamedTuple):
    """So many failures of `what`, or calls of that class, in so long, of each caller, address or whatever it is that
    they are counted `by`. What is counted under one rule counts under no other."""

    what: str
    by: str
    times_max: int
    window_s: int

    def window(self, now_ms: int) -> int:
        """The number of the window that an instant is in."""
        return now_ms // (self.window_s * 1000)


class Attempts(NamedTuple):
    """What counts of one key: in the window of that number, and in the one before it."""

    window: int = 0
    times: int = 0
    before: int = 0

    def of(self, window: int) -> int:
        """How many in a window; none where it is over for long, or still to come."""
        return self.times if window == self.window else self.before if window == self.window - 1 else 0


NONE = Attempts()


def settled(attempts: Attempts, window: int) -> Attempts:
    """The same as a window of that number sees it. One that our clock has not reached yet, by that of another process
    or because it was put back a little, has begun all the same."""
    if window in (attempts.window, attempts.window - 1):
        return attempts
    return Attempts(window, 0, attempts.of(window - 1))


def noted(attempts: Attempts, window: int, times: int = 1) -> Attempts:
    """With so many more."""
    window, so_far, before = settled(attempts, window)
    return Attempts(window, so_far + times, before)


def told(attempts: Attempts, window: int, times: int) -> Attempts:
    """With at least so many in a window: what was known of it already is not forgotten."""
    if window == attempts.window:
        return attempts._replace(times=max(attempts.times, times))
    if window == attempts.window - 1:
        return attempts._replace(before=max(attempts.before, times))
    return attempts


def without(attempts: Attempts, window: int, times: int) -> Attempts:
    """With so many fewer in a window, and never fewer than none."""
    if window == attempts.window:
        return attempts._replace(times=max(0, attempts.times - times))
    if window == attempts.window - 1:
        return attempts._replace(before=max(0, attempts.before - times))
    return attempts


def wait_ms(rule: Rule, attempts: Attempts, now_ms: int) -> int:
    """How long nothing more is heard, 0 where it may be tried now: until one more would be within the rule.

    Longer than two windows it never is.
    """
    length = rule.window_s * 1000
    _, times, before = current = settled(attempts, rule.window(now_ms))
    passed = max(0, now_ms - current.window * length)
    room = rule.times_max - 1 - times
    if room >= 0:
        return max(0, _passed(length, room, before) - passed)
    # In this window there is none. In the next these are the ones before it.
    return length - passed + _passed(length, rule.times_max - 1, times)


def room(rule: Rule, attempts: Attempts, now_ms: int) -> int:
    """How many more may come now; none where `wait_ms` is not 0. Later it is no fewer, but for what comes meanwhile."""
    length = rule.window_s * 1000
    _, times, before = current = settled(attempts, rule.window(now_ms))
    left = min(length, max(0, length - now_ms + current.window * length))
    return max(0, rule.times_max - times + -left * before // length)


def is_over(attempts: Attempts, window: int) -> bool:
    """Whether none of them counts any more."""
    now = settled(attempts, window)
    return not (now.times or now.before)


def _passed(length: int, room: int, before: int) -> int:
    """How much of a window must have passed before at most `room` of those before it count."""
    return length - min(length, room * length // before) if before else 0
