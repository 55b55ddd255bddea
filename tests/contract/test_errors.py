"""Every reason is documented, is given, and comes with the code that its documentation says."""

import re

import pytest
from grpc import StatusCode

from fealty.v1.errors_pb2 import ErrorReason
from rules.refusals import Refusal
from server import reasons
from server.errors import (
    MessageLate,
    MetadataTooLarge,
    MethodUnknown,
    Overloaded,
    RequestInvalid,
    RequestMalformed,
    ShareUsedUp,
    StreamIdle,
    TooManyStreams,
    failure,
)
from storage.engine.database import AnswerLate, Busy, OutOfRoom, StorageUnavailable, TooSlow
from tests.contract.descriptors import PROTOS, compiled

REASONS = [name for name in ErrorReason.keys() if ErrorReason.Value(name)]  # noqa: SIM118
OTHERS: list[Exception] = [
    RequestInvalid([("field", "is wrong")]),
    RequestMalformed(),
    MethodUnknown(),
    MessageLate(),
    MetadataTooLarge(),
    StreamIdle(),
    Overloaded(),
    ShareUsedUp(),
    TooManyStreams(),
    Busy("locked"),
    TooSlow("cut off"),
    StorageUnavailable("away"),
    AnswerLate("silent"),
    OutOfRoom("full"),
    RuntimeError("unexpected"),
]


def _given() -> dict[str, StatusCode]:
    """Every reason that the server gives, with its code."""
    found = {told.reason: told.code for told in reasons.REFUSALS.values()}
    for error in OTHERS:
        other = failure(error)
        found[other.reason] = other.code
    return found


def _documented() -> dict[str, str]:
    """The comment of each reason, its own: what one of several does about it is seldom what another does."""
    file = compiled("fealty/v1/errors.proto")
    places = {tuple(place.path): place.leading_comments.strip() for place in file.source_code_info.location}
    return {value.name: places[5, 0, 2, number] for number, value in enumerate(file.enum_type[0].value)}


def test_every_refusal_of_the_rules_has_a_row_in_the_table() -> None:
    """One that is missing would reach the caller as a fault of ours."""
    ours = {refusal for refusal in Refusal.__subclasses__() if not refusal.__module__.startswith("tests.")}
    assert set(reasons.REFUSALS) == ours


def test_every_reason_of_the_contract_is_given_and_no_other() -> None:
    """What is documented and never given misleads; what is given and not documented surprises."""
    assert {f"ERROR_REASON_{reason}" for reason in _given()} == set(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_says_its_code_and_what_to_do_about_it(reason: str) -> None:
    """The comment in the contract is the documentation that callers have open."""
    code, separator, rest = _documented()[reason].partition(": ")
    assert separator
    assert code == _given()[reason.removeprefix("ERROR_REASON_")].name
    assert rest.endswith(".")


def test_a_refusal_that_is_not_in_the_contract_is_a_fault_of_ours_not_of_the_process() -> None:
    """Even then the caller gets an incident number, and the log the rest."""
    assert failure(RuntimeError("x")).reason == "INTERNAL"
    assert "x" not in failure(RuntimeError("very secret")).message.split()


def test_the_contract_is_described_where_it_is_kept() -> None:
    """The text of the contract is the only place where reasons are numbered."""
    text = (PROTOS / "fealty/v1/errors.proto").read_text()
    for reason in REASONS:
        assert re.search(rf"^  {reason} = {ErrorReason.Value(reason)}( \[.+\])?;$", text, re.MULTILINE)


@pytest.mark.parametrize("refusal", reasons.REFUSALS, ids=lambda refusal: refusal.__name__)
def test_each_fact_of_a_refusal_is_documented_with_its_reason(refusal: type[Refusal]) -> None:
    """Callers branch on them; one that stands in no contract is found by printing it."""
    facts = set(re.findall(r"\{(\w+)\}", refusal.__doc__ or ""))
    told = _documented()[f"ERROR_REASON_{reasons.REFUSALS[refusal].reason}"]
    named = set(re.findall(r"\w+", told.partition("Metadata:")[2]))
    assert facts <= named, told
