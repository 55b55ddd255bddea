"""What holds for every rule and every row of failures: never more than was said, and it ends."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from rules import limiting
from rules.limiting import NONE, Attempts, Rule

RULES = st.builds(Rule, st.just("guesses"), st.just("caller"), st.integers(1, 30), st.integers(1, 90))
# Pauses between attempts, in milliseconds: from a flood to somebody who comes back tomorrow.
PAUSES = st.lists(st.one_of(st.just(0), st.integers(0, 2_000), st.integers(0, 200_000)), min_size=1, max_size=300)
START = 1_700_000_000_123


def heard(rule: Rule, pauses: list[int]) -> list[int]:
    """The instants at which somebody who always fails is heard: all that the rule lets through."""
    now, attempts, found = START, NONE, []
    for pause in pauses:
        now += pause
        if not limiting.wait_ms(rule, attempts, now):
            attempts = limiting.noted(attempts, rule.window(now))
            found.append(now)
    return found


@given(RULES, PAUSES)
def test_in_each_window_there_are_never_more_than_the_limit(rule: Rule, pauses: list[int]) -> None:
    """Over a day a guesser has no more than what the rule says, however it times its guesses."""
    found = heard(rule, pauses)
    for instant in found:
        window = rule.window(instant)
        assert sum(rule.window(one) == window for one in found) <= rule.times_max


@given(RULES, PAUSES)
def test_in_any_stretch_as_long_as_a_window_there_are_fewer_than_twice_the_limit(rule: Rule, pauses: list[int]) -> None:
    """The error that is stated, and not more: a burst around the border of two windows is the worst that there is."""
    found = heard(rule, pauses)
    for first in found:
        stretch = [one for one in found if first <= one < first + rule.window_s * 1000]
        assert len(stretch) < max(2, 2 * rule.times_max)


@given(RULES, PAUSES, st.integers(0, 400_000))
def test_it_recovers_exactly_when_it_says(rule: Rule, pauses: list[int], later: int) -> None:
    """Whoever waits as long as it was told is heard, a millisecond earlier it is not; two windows are always enough."""
    attempts, now = NONE, START
    for instant in heard(rule, pauses):
        attempts, now = limiting.noted(attempts, rule.window(instant)), instant
    now += later
    wait = limiting.wait_ms(rule, attempts, now)
    assert 0 <= wait <= 2 * rule.window_s * 1000
    assert limiting.wait_ms(rule, attempts, now + wait) == 0
    if wait:
        assert limiting.wait_ms(rule, attempts, now + wait - 1) == 1
    assert limiting.is_over(attempts, rule.window(now) + 2)


def test_whoever_fails_less_often_than_the_limit_is_always_heard() -> None:
    """A shop with a typo every three seconds must not be shut out by a limit of thirty a minute."""
    rule = Rule("guesses", "caller", 30, 60)
    assert len(heard(rule, [3_000] * 2_000)) == 2_000
    assert len(heard(rule, [1_000] * 2_000)) < 1_100


@given(RULES, st.lists(st.integers(0, 20), max_size=5), st.integers(-1, 2))
def test_the_order_in_which_failures_become_known_does_not_matter(rule: Rule, counts: list[int], shift: int) -> None:
    """Processes tell each other late and in any order, and must not come to different ends."""
    window = rule.window(START)
    known = Attempts(window, 3, 2)
    ends = set()
    for order in list(permutations(counts))[:24]:
        attempts = known
        for count in order:
            attempts = limiting.told(attempts, window - max(shift, 0), count)
        ends.add(attempts)
    assert len(ends) == 1
    assert limiting.noted(limiting.noted(known, window, 2), window) == limiting.noted(known, window, 3)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_what_is_known_is_never_forgotten_by_what_is_told(failures: int, before: int, said: int) -> None:
    """A database that lost its counts in a crash says less than there was: it must not open what is closed."""
    known = Attempts(7, failures, before)
    for window in range(4, 10):
        said_of = limiting.told(known, window, said)
        assert said_of.times >= failures
        assert said_of.before >= before
        left = limiting.without(known, window, said)
        assert (left.times, left.before) >= (0, 0)
        assert failures + before - left.times - left.before <= said


def test_a_clock_that_was_put_back_neither_opens_nor_closes_for_long() -> None:
    """By a moment, as clocks of two hosts differ, it is the same window; by an hour, nobody is shut out for an hour."""
    rule = Rule("guesses", "caller", 5, 60)
    attempts = limiting.noted(NONE, rule.window(START), 5)
    assert limiting.wait_ms(rule, attempts, START - 60_000) > 0
    assert limiting.wait_ms(rule, attempts, START - 3_600_000) == 0


@given(RULES, st.integers(0, 60), st.integers(0, 60), st.integers(0, 200_000))
def test_the_room_that_is_left_is_what_would_be_heard_one_by_one(
    rule: Rule, before: int, times: int, later: int
) -> None:
    """It is given out at once, and nobody asks again until it is used up: one too many would be over the limit."""
    attempts, now = Attempts(rule.window(START), times, before), START + later
    room = limiting.room(rule, attempts, now)
    assert (room > 0) == (limiting.wait_ms(rule, attempts, now) == 0)
    heard = 0
    while limiting.wait_ms(rule, attempts, now) == 0:
        attempts = limiting.noted(attempts, rule.window(now))
        heard += 1
    assert heard == room


@given(RULES, st.integers(0, 60), st.integers(0, 60), st.integers(0, 100_000), st.integers(0, 100_000))
def test_room_that_was_given_out_is_still_there_later(
    rule: Rule, before: int, times: int, now: int, later: int
) -> None:
    """It is used up at any time after it was worked out, without a look at the clock."""
    attempts = Attempts(rule.window(START), times, before)
    assert limiting.room(rule, attempts, START + now + later) >= limiting.room(rule, attempts, START + now)
