"""The reasons for which each call can be refused, as the contract declares them. That they are all which a call can
meet is tested where calls are made: tests/server/declaring.py sees every failure that a server of a test answers."""

from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor

from tests.contract.descriptors import methods, script

CALLS: Any = script("calls")


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.name)
def test_a_call_names_its_own_reasons_once_and_none_of_those_that_it_shares(method: MethodDescriptor) -> None:
    """What every call can meet would bury in each the few that its caller must handle."""
    own = CALLS.own_reasons(method)
    assert len(own) == len(set(own))
    assert set(own) <= set(CALLS.reasons())
    assert not set(own) & CALLS.common_reasons(method)


@pytest.mark.parametrize("reason", CALLS.reasons())
def test_every_reason_is_met_by_some_call(reason: str) -> None:
    """A new reason is named in the policy of a call, or says by `met_by` which calls have it in common."""
    assert any(reason in CALLS.own_reasons(method) or reason in CALLS.common_reasons(method) for method in methods()), (
        f"add `errors: {CALLS.PREFIX}{reason}` to the policies of the calls that can be refused for it"
    )


def test_calls_with_something_in_common_are_told_apart_as_the_contract_says() -> None:
    """A list that would not count as one could be refused for a page token of which it says nothing."""
    of: dict[str, set[int]] = {method.name: set(CALLS.classes_of(method)) for method in methods()}
    calls = CALLS.Calls
    assert of["SpendPoints"] == of["CreateProgram"] == {calls.CALLS_ANY, calls.CALLS_OF_PROGRAM, calls.CALLS_CHANGE}
    assert of["GetBalance"] == {calls.CALLS_ANY, calls.CALLS_OF_PROGRAM}
    assert of["ListPrograms"] == {calls.CALLS_ANY, calls.CALLS_LIST}
    assert all(calls.CALLS_LIST in of[name] for name in of if name.startswith("List"))
    assert {name for name in of if calls.CALLS_STREAM in of[name]} == {
        "BatchIngest",
        "ExportActivities",
        "ExportCoupons",
        "ImportCoupons",
        "WatchActivities",
    }
