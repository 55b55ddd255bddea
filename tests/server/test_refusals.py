"""Every reason for a "no" that a caller can provoke: its code, its facts, and that nothing was changed by it."""

import pytest
from grpc import StatusCode

from fealty.v1 import activity_pb2
from fealty.v1.errors_pb2 import ErrorReason
from rules.refusals import readable
from server import limits
from server.reasons import REFUSALS
from tests.server.club import Club
from tests.server.provoked import OF_CUSTOMERS, OF_PROGRAMS, OF_REQUESTS
from tests.server.provoked_approvals import OF_APPROVALS
from tests.server.provoked_batches import OF_BATCHES
from tests.server.provoked_campaigns import OF_CAMPAIGNS
from tests.server.provoked_coupons import OF_COUPONS
from tests.server.provoked_credentials import OF_CREDENTIALS
from tests.server.provoked_organizations import OF_ORGANIZATIONS
from tests.server.provoked_pass_templates import OF_PASS_TEMPLATES
from tests.server.provoked_passes import OF_PASSES
from tests.server.provoked_points import OF_HOLDS, OF_POINTS, OF_PURCHASES
from tests.server.provoked_rewards import OF_REWARDS
from tests.server.provoked_users import OF_USERS
from tests.server.serving import activities, told

PROVOKED = {**OF_REQUESTS, **OF_PROGRAMS, **OF_CUSTOMERS, **OF_PURCHASES, **OF_POINTS, **OF_HOLDS}
PROVOKED |= OF_ORGANIZATIONS
PROVOKED |= {**OF_CAMPAIGNS, **OF_BATCHES, **OF_COUPONS, **OF_REWARDS, **OF_PASS_TEMPLATES, **OF_PASSES, **OF_USERS}
PROVOKED |= {**OF_CREDENTIALS, **OF_APPROVALS}
# Provoked in test_keys.py, test_overload.py, test_wire.py, test_outage.py, test_batches.py, test_shares.py,
# test_arrival.py, test_limiting.py, test_rates.py, test_guessing.py, test_importing.py, test_injection.py,
# test_passes.py and test_client_certificates.py, with more around them.
ELSEWHERE = {"KEY_INVALID", "PERMISSION_MISSING", "OVERLOADED", "MALFORMED_REQUEST", "METHOD_UNKNOWN", "INTERNAL"}
ELSEWHERE |= {"CERTIFICATE_INVALID", "UNAVAILABLE", "GROUP_REFUSED", "DEADLINE_PASSED", "ACCOUNT_BUSY", "TOO_SLOW"}
ELSEWHERE |= {"CURSOR_MISMATCH", "MESSAGE_LATE", "STREAM_IDLE", "SHARE_USED_UP", "TOO_MANY_STREAMS"}
ELSEWHERE |= {
    "TOO_MANY_ATTEMPTS",
    "RATE_LIMITED",
    "METADATA_TOO_LARGE",
    "COUPON_NOT_USABLE",
    "IMPORT_TOO_LARGE",
    "PASSES_URL_UNSET",
}
# test_logging_in.py and test_second_factors.py.
ELSEWHERE |= {"LOGIN_FAILED", "CHALLENGE_OVER", "CODE_WRONG", "WAY_NOT_OFFERED", "PASSWORD_UNFIT", "PASSWORD_WRONG"}
ELSEWHERE |= {"TOKEN_NOT_USABLE", "NOT_A_USER", "TOTP_STATE", "LOGIN_NOT_FOUND", "PASSWORD_UNCHANGED"}
# test_approvals.py: the one writes down what was asked for, the other is met in streams alone.
ELSEWHERE |= {"APPROVAL_REQUIRED", "APPROVAL_NEEDS_CALL"}


@pytest.mark.parametrize("reason", PROVOKED)
async def test_each_refusal_has_its_code_its_reason_and_its_facts_and_is_recorded(club: Club, reason: str) -> None:
    """Callers branch on these; operators look for them in the log. And it has changed nothing."""
    code, facts, ask = PROVOKED[reason]
    refused = await ask(club)
    books = club.books()
    answer = await told(refused())
    assert (answer.code, answer.reason) == (code, reason)
    assert facts.items() <= answer.facts.items()
    assert answer.message.endswith(".") or answer.fields
    assert not answer.message.endswith("..")
    assert "\n" not in answer.message
    said = [refusal.said for refusal, told_of in REFUSALS.items() if told_of.reason == reason]
    for fact, value in answer.facts.items():
        shown = readable(value)
        assert shown in answer.message or any(words[fact](value) in answer.message for words in said if fact in words)
    assert club.books() == books
    recorded = (await activities(club.admin))[0]
    assert activity_pb2.ActivityOutcome.Name(recorded.outcome).rpartition("_")[2] == _OUTCOMES.get(code, "REFUSED")
    assert recorded.details["reason"].text == reason
    assert recorded.details["code"].text == code.name
    assert recorded.actor.name


_OUTCOMES = {StatusCode.INVALID_ARGUMENT: "INVALID", StatusCode.PERMISSION_DENIED: "DENIED"}


async def test_what_comes_too_late_is_refused_before_it_is_written(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller is gone, or will ask again: a change that nobody hears of would be made twice."""
    monkeypatch.setattr(limits, "DEADLINE_MAX_S", 0.0)
    books = club.books()
    answer = await told(club.earn())
    assert (answer.code, answer.reason) == (StatusCode.DEADLINE_EXCEEDED, "DEADLINE_PASSED")
    assert club.books() == books
    monkeypatch.setattr(limits, "DEADLINE_MAX_S", 30.0)
    [recorded] = await activities(club.admin, outcome="ACTIVITY_OUTCOME_FAILED")
    assert recorded.details["reason"].text == "DEADLINE_PASSED"


async def test_a_cap_is_no_overload(club: Club) -> None:
    """Both are RESOURCE_EXHAUSTED; whoever waits and tries again is served after the one, never after the other."""
    refused = await PROVOKED["DAILY_CAP_REACHED"].ask(club)
    answer = await told(refused())
    assert answer.retry_ms == []
    assert answer.trailers["grpc-retry-pushback-ms"] == "-1"


def test_every_reason_of_the_contract_is_provoked_somewhere() -> None:
    """A reason that nothing gives is a promise that nobody keeps."""
    reasons = {name.removeprefix("ERROR_REASON_") for name in ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118
    assert reasons == PROVOKED.keys() | ELSEWHERE
