"""Who may decide, and how a request goes from one state to another."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.access import Caller, Permission, Role, in_role
from rules.approvals.deciding import (
    OPEN,
    WAYS,
    ApprovalState,
    Need,
    Party,
    approved_by,
    check_decider,
    check_maker,
    check_may,
    check_way,
    is_approved,
    party,
    state_at,
)
from rules.approvals.refusals import (
    AlreadyDecided,
    ApprovalStateWrong,
    ApproverRoleMissing,
    ApproverUnknown,
    OwnApproval,
)
from rules.refusals import PermissionMissing

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MAKER = Party("caller_m", "user_m")
STATES = st.sampled_from(ApprovalState)


def _caller(id_: str = "caller_a", user: str = "user_a", **more: Any) -> Caller:
    return in_role(id_, id_, more.pop("role", Role.ADMINISTRATOR), more.pop("program", ""))._replace(user=user, **more)


@given(st.lists(STATES, max_size=12))
def test_whatever_is_tried_an_end_stays_an_end_and_nothing_is_done_that_was_not_approved(tried: list[Any]) -> None:
    """An act that is done after it was rejected is what all of this is there to prevent."""
    state = ApprovalState.DRAFT
    seen = [state]
    for to in tried:
        try:
            check_way(state, to)
        except ApprovalStateWrong:
            continue
        state = to
        seen.append(state)
    assert len(seen) == len(set(seen))
    if ApprovalState.EXECUTED in seen:
        assert seen[-2:] == [ApprovalState.APPROVED, ApprovalState.EXECUTED]
        assert ApprovalState.PENDING in seen
    assert all(WAYS[one] for one in seen[:-1])


@given(STATES, st.integers(-5, 5))
def test_time_ends_what_nobody_decided_on_and_nothing_else(state: ApprovalState, hours: int) -> None:
    """Whether a worker runs or not: what is over cannot be approved any more."""
    found = state_at(state, NOW + timedelta(hours=hours), NOW)
    assert found is (ApprovalState.EXPIRED if state in OPEN and hours <= 0 else state)


@pytest.mark.parametrize(
    "decider",
    [
        _caller("caller_m", "user_a"),
        _caller("caller_a", "user_m"),
        _caller("user_m", "user_m"),
    ],
    ids=["the same service", "another key of the same person", "the person's login"],
)
def test_nobody_decides_on_his_own(decider: Caller) -> None:
    """Four eyes are those of two people, by whatever way they come."""
    assert check_maker(decider, MAKER)
    with pytest.raises(OwnApproval):
        check_decider(decider, MAKER, ())


def test_nobody_decides_on_what_a_service_asked_for_in_his_name() -> None:
    """The maker is whom the service acted for, and whose its key is, not only the service."""
    maker = party(_caller("caller_s", "user_b", on_behalf_of="users/user_a"))
    for one in ("user_a", "user_b"):
        with pytest.raises(OwnApproval):
            check_decider(_caller(one, one), maker, ())


def test_a_key_of_nobody_decides_on_nothing() -> None:
    """A machine that says yes to everything is no second person."""
    with pytest.raises(ApproverUnknown):
        check_decider(_caller(user=""), MAKER, ())


@pytest.mark.parametrize("whom", ["users/user_b", "users/user_a", "users/user_m", "programs/p/customers/c"])
@pytest.mark.parametrize("user", ["", "user_a"])
def test_nobody_decides_on_behalf_of_another(user: str, whom: str) -> None:
    """Whom a service names was not asked: whoever has its key would be as many people as he likes."""
    with pytest.raises(ApproverUnknown):
        check_decider(_caller(user=user, on_behalf_of=whom), MAKER, ())


def test_each_approval_is_another_person_s() -> None:
    """Two keys of one person are one person."""
    before = [party(_caller("caller_b", "user_b"))]
    with pytest.raises(AlreadyDecided):
        check_decider(_caller("caller_c", "user_b"), MAKER, before)
    check_decider(_caller("caller_b", "user_c"), MAKER, before)


def test_each_rule_wants_its_own_approvals_and_gets_those_of_its_role() -> None:
    """A partner's yes is not an administrator's."""
    needs = (Need("a", 1, "PARTNER"), Need("b", 2), Need("c", 1, "ADMINISTRATOR"))
    after = approved_by(_caller(role=Role.PARTNER, program="p"), "p", needs)
    assert [need.given for need in after] == [1, 1, 0]
    assert not is_approved(after)
    after = approved_by(_caller(), "p", after)
    assert [need.given for need in after] == [1, 2, 1]
    assert is_approved(after)


def test_a_role_elsewhere_is_no_role_here() -> None:
    """A partner of one program does not approve in another, nor what is in no program at all."""
    needs = (Need("a", 1, "PARTNER"),)
    for program in ("other", ""):
        with pytest.raises(ApproverRoleMissing):
            approved_by(_caller(role=Role.PARTNER, program="p"), program, needs)


def test_what_is_in_no_program_takes_a_permission_in_all() -> None:
    """A partner must not decide on the users of all."""
    check_may(_caller(role=Role.PARTNER, program="p"), Permission.APPROVALS_DECIDE, "p")
    check_may(_caller(), Permission.APPROVALS_DECIDE, "")
    with pytest.raises(PermissionMissing):
        check_may(_caller(role=Role.PARTNER, program="p"), Permission.APPROVALS_DECIDE, "")
