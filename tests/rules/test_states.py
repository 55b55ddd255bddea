"""Which acts the states of customers allow, by table: the promise that every command is held to."""

from itertools import pairwise

import pytest

from rules.accounts import AccountState
from rules.states import ALLOWED, COMES_FROM, Act, CustomerState

ORDER = [AccountState.OPEN, AccountState.SUSPENDED, AccountState.BLOCKED, AccountState.CLOSED]


@pytest.mark.parametrize(
    ("act", "states"),
    [
        (Act.EARN, {AccountState.OPEN}),
        (Act.SPEND, {AccountState.OPEN}),
        (Act.CAPTURE, {AccountState.OPEN}),
        (Act.ADD, {AccountState.OPEN, AccountState.SUSPENDED}),
        (Act.GIVE_BACK, {AccountState.OPEN, AccountState.SUSPENDED}),
        (Act.TAKE, {AccountState.OPEN, AccountState.SUSPENDED, AccountState.BLOCKED}),
        (Act.PUT_RIGHT, {AccountState.OPEN, AccountState.SUSPENDED, AccountState.BLOCKED}),
    ],
)
def test_each_kind_of_act_is_allowed_in_some_states(act: Act, states: set[AccountState]) -> None:
    """A pause stops the till, a ban the kind clerk too, an end everybody."""
    assert {state for state, allowed in ALLOWED.items() if act in allowed} == states


def test_every_state_says_what_it_allows_and_a_stricter_one_never_more() -> None:
    """Whoever is blocked after a suspension must not win by it."""
    assert ALLOWED.keys() == set(AccountState)
    for milder, stricter in pairwise(ORDER):
        assert set(ALLOWED[stricter]) < set(ALLOWED[milder])


def test_nothing_leads_out_of_the_end() -> None:
    """Closing cannot be undone; out of a merge there is its own way."""
    assert not {CustomerState.CLOSED, CustomerState.MERGED} & {one for came in COMES_FROM.values() for one in came}
    assert all(state not in came for state, came in COMES_FROM.items())
