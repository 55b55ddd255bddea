"""Users move between their states by four ways, and no other."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.refusals import UserStateWrong
from rules.users import UserState, UserStatus, Way, moved

INVITED, ACTIVE, LOCKED, ARCHIVED = UserState
LEADS = {
    (INVITED, Way.LOCK): LOCKED,
    (ACTIVE, Way.LOCK): LOCKED,
    (LOCKED, Way.UNLOCK): ACTIVE,
    (INVITED, Way.ARCHIVE): ARCHIVED,
    (ACTIVE, Way.ARCHIVE): ARCHIVED,
    (LOCKED, Way.ARCHIVE): ARCHIVED,
    (ARCHIVED, Way.UNARCHIVE): ACTIVE,
}


@pytest.mark.parametrize(("state", "way"), [*product(UserState, Way)])
def test_every_way_leads_from_its_states_to_one_and_from_no_other(state: UserState, way: Way) -> None:
    """Who is archived is not unlocked, and nobody is locked twice: each is told what the user is instead."""
    status = UserStatus(state, ACTIVE if state in (LOCKED, ARCHIVED) else None)
    if (state, way) in LEADS:
        assert moved(status, way).state == LEADS[state, way]
    else:
        with pytest.raises(UserStateWrong, match=f"^The user is {state.lower()}.$"):
            moved(status, way)


@given(st.sampled_from([INVITED, ACTIVE]), st.lists(st.sampled_from(Way), max_size=12))
def test_whoever_comes_back_is_what_they_were_before(state: UserState, ways: list[Way]) -> None:
    """Somebody who never accepted has no password: brought back as active, nobody could invite them again."""
    status = UserStatus(state)
    for way in ways:
        try:
            status = moved(status, way)
        except UserStateWrong:
            continue
        away = status.state in (LOCKED, ARCHIVED)
        assert status == (UserStatus(status.state, state) if away else UserStatus(state))


def test_who_was_archived_while_locked_is_unarchived_and_not_locked() -> None:
    """Whoever brings somebody back means that they may work again: once is enough."""
    locked = moved(UserStatus(ACTIVE), Way.LOCK)
    assert moved(moved(locked, Way.ARCHIVE), Way.UNARCHIVE) == UserStatus(ACTIVE)
