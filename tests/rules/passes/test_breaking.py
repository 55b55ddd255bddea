"""When a phone that Apple does not know is believed to be gone."""

from hypothesis import given
from hypothesis import strategies as st

from rules.passes.breaking import ANSWERS_MAX, UNKNOWN_FIRST_MAX, UNKNOWN_PHONES, Verdict, advice, judge

KNOWN, UNKNOWN = True, False


def test_one_among_phones_that_are_reached_is_gone() -> None:
    """Also a second, soon after: people do change phones in pairs."""
    assert judge([KNOWN, UNKNOWN]) is Verdict.FORGET
    assert judge([KNOWN, KNOWN, UNKNOWN, UNKNOWN]) is Verdict.FORGET


def test_the_first_ones_of_a_process_wait_and_then_stop_everything() -> None:
    """The wrong host knows nobody: the first three say so."""
    assert [judge([UNKNOWN] * count) for count in range(1, UNKNOWN_FIRST_MAX + 1)] == [
        *[Verdict.WAIT] * (UNKNOWN_FIRST_MAX - 1),
        Verdict.HALT,
    ]


def test_more_than_a_fifth_at_once_is_no_coincidence() -> None:
    """Of fifty, ten are people with new phones; eleven are a mistake."""
    assert judge([KNOWN] * 40 + [UNKNOWN] * 10) is Verdict.FORGET
    assert judge([KNOWN] * 39 + [UNKNOWN] * 11) is Verdict.HALT


def test_answers_of_long_ago_do_not_count() -> None:
    """Yesterday's thousand says nothing about a route that was changed today."""
    assert judge([KNOWN] * 1_000 + [UNKNOWN] * (ANSWERS_MAX // 5 + 1)) is Verdict.HALT


@given(st.lists(st.booleans(), max_size=200))
def test_whatever_came_before_a_wrong_host_is_found_out_before_it_costs_more_than_a_fifth_of_the_newest(
    before: list[bool],
) -> None:
    """From any state, unknown phones alone stop pushes within as many as may be forgotten."""
    forgotten = 0
    answers = list(before)
    for _ in range(ANSWERS_MAX):
        answers.append(UNKNOWN)
        verdict = judge(answers)
        if verdict is Verdict.HALT:
            break
        forgotten += verdict is Verdict.FORGET
    assert verdict is Verdict.HALT
    assert forgotten <= ANSWERS_MAX // 5


def test_every_halt_comes_with_something_to_do() -> None:
    """Also one for a reason that Apple makes up next year."""
    assert "none was forgotten" in advice(UNKNOWN_PHONES)
    assert "fealty wallet doctor" in advice("SomethingNew")
