"""Which requests a rule puts under approval."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.approvals.matching import Match, RequestFacts, Rule, check_rule, exceeds, match, may_match
from rules.approvals.refusals import ApprovalRuleInvalid

LARGE = Rule("large", ("AdjustPoints",), "points", above=100)
DAILY = LARGE._replace(above=None, day_sum_above=100)
CARDS = Rule("cards", ("UpdateProgram",), paths=("program.cards",))


def _adjust(points: int) -> RequestFacts:
    return RequestFacts("AdjustPoints", {"points": points}, {"account", "points"})


def _update(*paths: str) -> RequestFacts:
    return RequestFacts("UpdateProgram", {}, set(paths))


@given(st.integers(-(2**53), 2**53), st.integers(0, 2**53))
def test_an_amount_counts_whatever_its_sign(points: int, above: int) -> None:
    """Who takes ten thousand points away does as much harm as who gives them; and the bound itself may be done."""
    rule = LARGE._replace(above=above)
    assert match(rule, _adjust(points)) == (Match.YES if abs(points) > above else Match.NO)


@given(st.integers(-(2**53), 2**53).filter(bool), st.integers(0, 2**53), st.integers(0, 2**53))
def test_a_day_s_sum_is_asked_for_where_there_is_something_to_add(points: int, bound: int, done: int) -> None:
    """Many small amounts are one large one."""
    rule = DAILY._replace(day_sum_above=bound)
    assert match(rule, _adjust(points)) is Match.BY_SUM
    assert exceeds(rule, abs(points), done) == (done + abs(points) > bound)


def test_either_of_two_amounts_is_enough() -> None:
    """A rule of 100 at once and 150 a day is broken by 101, and by 80 and 80."""
    both = LARGE._replace(day_sum_above=150)
    assert match(both, _adjust(101)) is Match.YES
    assert match(both, _adjust(80)) is Match.BY_SUM
    assert not exceeds(both, 80, 70)
    assert exceeds(both, 80, 80)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["program.cards"], Match.YES),
        (["program.cards.display_name"], Match.YES),
        (["program"], Match.YES),
        (["program.display_name", "program.cards"], Match.YES),
        (["program.display_name"], Match.NO),
        (["program.cards_shown"], Match.NO),
        ([], Match.NO),
    ],
)
def test_a_field_is_set_with_its_parts_and_with_what_it_is_a_part_of(paths: list[str], expected: Match) -> None:
    """A mask that names all of a program names its cards, too; and a name is no path because it begins like one."""
    assert match(CARDS, _update(*paths)) is expected


def test_a_rule_is_about_its_calls_alone() -> None:
    """A rule of adjustments must not stop a till."""
    assert match(LARGE, RequestFacts("SpendPoints", {"points": 500}, {"points"})) is Match.NO
    assert match(Rule("all", ("AdjustPoints",)), _adjust(0)) is Match.YES


def test_what_no_rule_can_be_about_is_known_without_the_books() -> None:
    """Nearly all calls are, and cost nothing for it."""
    assert not may_match([LARGE, CARDS], _adjust(100))
    assert may_match([CARDS, DAILY], _adjust(1))


@pytest.mark.parametrize("rule", [LARGE._replace(amount_field=""), LARGE._replace(above=None)])
def test_a_rule_that_contradicts_itself_is_refused(rule: Rule) -> None:
    """An amount of no field would put nothing under approval, and nobody would notice."""
    with pytest.raises(ApprovalRuleInvalid):
        check_rule(rule)
