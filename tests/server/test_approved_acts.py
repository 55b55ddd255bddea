"""Whatever a rule puts under approval waits, is approved and done, as it would have been without: each of the
commands."""

from typing import Any

import pytest
from google.protobuf import any_pb2
from google.protobuf.symbol_database import Default

from fealty import plain
from fealty.v1 import approvals_pb2 as pb
from server.asked import approvable
from server.call import scope
from server.commands import CODECS
from server.interceptors.validation import subject_field, value
from server.policy import method_of
from tests.server.acts import ACTS, call_of, without_operation
from tests.server.approving import approve, person, rule, user
from tests.server.club import Club
from tests.server.serving import activities, fresh, told
from tests.server.test_acts import _knowable

# Every act, by a server of its own.
pytestmark = pytest.mark.long

APPROVABLE = [name for name in ACTS if name.partition(".")[2] in approvable()]


def test_every_change_that_takes_a_permission_can_be_put_under_approval() -> None:
    """But deciding itself, which would wait for itself, and what is told once (test_asked.py)."""
    commands = {method_of(message).name for message in CODECS}
    assert set(approvable()) <= commands
    left = {"SubmitApprovalRequest", "ApproveRequest", "RejectRequest", "WithdrawRequest"}
    assert {name for name in commands if name not in approvable()} & left == left
    assert {name.partition(".")[2] for name in APPROVABLE} == set(approvable())


@pytest.mark.parametrize("name", APPROVABLE)
async def test_an_act_under_approval_is_done_as_it_would_have_been(club: Club, name: str) -> None:
    """A command that is added can be put under approval without code of its own; one that could not would be a hole."""
    act = ACTS[name]
    request = await act.ask(club)
    request.request_id, request.validate_only = fresh(), True
    rehearsed = await call_of(club.admin, name)(request)
    request.validate_only = False
    subject = subject_field(method_of(type(request)))
    program, _ = scope(value(request, subject) if subject else "")
    parent = f"programs/{program}" if program else ""
    await rule(club.admin, name.partition(".")[2], parent=parent)
    books = club.books()
    refused = await told(call_of(club.admin, name)(request))
    assert refused.reason == "APPROVAL_REQUIRED", refused.message
    asked = refused.facts["approval_request"]
    assert _without_approvals(club.books()) == _without_approvals(books)
    cora = person(club.served, "cora")
    preview = await cora.approvals.PreviewApprovalRequest(pb.PreviewApprovalRequestRequest(name=asked))
    assert not preview.HasField("refused"), preview.refused.message
    assert _knowable(_unpacked(preview.response)) == _knowable(rehearsed)
    found = await approve(cora, asked)
    assert (found.state, found.failure.message) == (pb.APPROVAL_STATE_EXECUTED, "")
    [done] = [one for one in await activities(club.admin) if one.name == found.effect_activity]
    assert (done.action, without_operation(done.subject)) == (act.action, act.about)
    assert done.actor.display_name == "admin"
    details = plain(done.details)
    assert act.details.items() <= details.items()
    assert (details["approval"], details["approved_by"]) == (asked, [user(club.served, "cora")])


def _without_approvals(books: dict[str, Any]) -> dict[str, Any]:
    """What stands in the books, but for what tells of requests for approval, and what each call leaves in the log."""
    own = ("approval", "activity", "request", "subject_key", "personal_")
    return {table: rows for table, rows in books.items() if not table.startswith(own)}


def _unpacked(packed: any_pb2.Any) -> object:
    message = Default().GetSymbol(packed.TypeName())()
    assert packed.Unpack(message)
    return message
