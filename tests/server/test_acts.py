"""What every change has in common, whichever call it is."""

from itertools import product
from typing import Any

import pytest
from google.protobuf import json_format

from fealty import plain
from fealty.v1 import activity_pb2
from rules.access import Role
from server.commands import CODECS
from server.policy import method_of
from tests.server.acts import ACTS, NOBODY, Act, call_of, without_operation
from tests.server.club import NOTE, Club
from tests.server.serving import activities, fresh, told

# Every act, by a server of its own.
pytestmark = pytest.mark.long

# What a rehearsal cannot know: the record, and the instants of the database's clock.
UNKNOWABLE = {"receipt", "activity", "recordTime", "updateTime", "eraseTime"}
# What a till may not do.
BY_PEOPLE = {"points.AdjustPoints", "lots.ActivateLot", "lots.CancelLot", "lots.RedateLots"}
BY_PEOPLE |= {"reports.WriteOffShortfall", "customers.SuspendCustomer", "customers.ReactivateCustomer"}
BY_PEOPLE |= {"customers.BlockCustomer", "customers.CloseCustomer", "customers.EraseCustomer"}
BY_PEOPLE |= {"programs.ArchiveProgram", "programs.UnarchiveProgram", "programs.ArchiveCard", "programs.UnarchiveCard"}
BY_PEOPLE |= {"customers.MergeCustomers", "customers.UnmergeCustomers", "operations.CancelOperation"}
# Keeps no note, neither its own.
FORGETS = "customers.EraseCustomer"
MADE_IN_NOTHING = {"programs.CreateProgram", "organizations.CreateNetwork", "organizations.CreatePartner"}
MADE_IN_NOTHING |= {"roles.CreateRole", "credentials.CreateKey", "credentials.RegisterCertificate"}
MADE_IN_NOTHING |= {"users.InviteUser"}
# Has a note that is no reason's.
WRITES = "approvals.SubmitApprovalRequest"
BY_AUDITORS = {"audit.StartExport"}
BY_PEOPLE |= BY_AUDITORS
BY_PEOPLE |= {"retention.UpdateRetention", "retention.PlaceLegalHold", "retention.LiftLegalHold"}
BY_PEOPLE |= {name for name in ACTS if name.startswith("coupon_campaigns.")}
BY_PEOPLE |= {"coupons.AssignCoupons", "coupons.VoidCoupons"}
BY_PEOPLE |= {name for name in ACTS if name.startswith(("organizations.", "clubs."))}
BY_PEOPLE |= {f"rewards.{method}Reward" for method in ("Create", "Update", "Archive", "Unarchive")}
BY_PEOPLE |= {name for name in ACTS if name.startswith("pass_templates.")}
BY_PEOPLE |= {name for name in ACTS if name.startswith("users.")}
BY_PEOPLE |= {name for name in ACTS if name.startswith(("roles.", "credentials."))}
BY_PEOPLE |= {"programs.CreateProgram", "programs.UpdateProgram", "programs.AdvanceTestClock"}
BY_PEOPLE |= {name for name in ACTS if name.startswith("approvals.")}
# What only its maker may: to others, there is no such thing.
OWN = {"approvals.SubmitApprovalRequest", "approvals.WithdrawRequest"}


def test_every_change_is_among_them() -> None:
    """A call that is added and forgotten here is a call of which nobody knows what it leaves behind."""
    assert {name.rpartition(".")[2] for name in ACTS} == {method_of(message).name for message in CODECS}


@pytest.mark.parametrize("name", ACTS)
async def test_the_same_request_again_answers_the_same_and_another_by_its_id_is_turned_down(
    club: Club, name: str
) -> None:
    """A lost answer is asked for again; it must not be done again. Of what was turned down stands in the log what it
    was about: whose points somebody tried in vain to move is what the next complaint will be about."""
    request = await _request(club, name)
    first = await call_of(club.admin, name)(request)
    books = club.books()
    again = await call_of(club.admin, name)(request)
    assert again.receipt.replayed
    assert not first.receipt.replayed
    again.receipt.replayed = False
    if "secret" in _fields(type(first)):
        # It is kept nowhere: who lost it has the key rotated.
        assert first.secret
        first.ClearField("secret")
    assert again == first
    assert club.books() == books
    request.validate_only = True
    assert (await told(call_of(club.admin, name)(request))).reason == "REQUEST_ID_REUSED"
    recorded = (await activities(club.admin, action=method_of(type(request)).kind.action))[0]
    assert recorded.outcome == activity_pb2.ACTIVITY_OUTCOME_INVALID
    # What is to be made has no name yet, where it is in nothing.
    assert name in MADE_IN_NOTHING or _program(without_operation(recorded.subject)) == _program(ACTS[name].about)


@pytest.mark.parametrize("name", ACTS)
async def test_a_rehearsal_answers_what_will_be_and_changes_nothing_and_a_role_may_what_it_is_trusted_with(
    club: Club, name: str
) -> None:
    """Whoever asks first must get exactly what was shown. A till sells and pays out; what is done by hand, and to
    customers as such, is for people; an auditor changes nothing of either."""
    request = await _request(club, name)
    auditor = club.served.client(club.served.key("auditor", Role.AUDITOR))
    books = club.books()
    request.validate_only = True
    for client, may in ((club.till, name not in BY_PEOPLE), (auditor, name in BY_AUDITORS)):
        if name in OWN:
            assert (await told(call_of(client, name)(request))).reason == "APPROVAL_REQUEST_NOT_FOUND"
        elif may:
            await call_of(client, name)(request)
        else:
            assert (await told(call_of(client, name)(request))).reason == "PERMISSION_MISSING"
    rehearsed = await call_of(club.admin, name)(request)
    assert club.books() == books
    assert (rehearsed.receipt.activity, rehearsed.receipt.replayed) == ("", False)
    request.validate_only = False
    request.request_id = fresh()
    done = await call_of(club.admin, name)(request)
    assert _knowable(rehearsed) == _knowable(done)
    assert club.books() != books


@pytest.mark.parametrize("name", ACTS)
async def test_each_act_is_recorded_with_who_did_what_and_why_and_told_in_its_customers_history(
    club: Club, name: str
) -> None:
    """The log is the answer to every complaint; what people wrote about people stands beside it, not in it. Support
    reads one list, the history, and needs no other to know what happened."""
    act = ACTS[name]
    request = await _request(club, name)
    books = club.served.rows("SELECT note FROM activity_note")
    answer = await call_of(club.admin, name)(request)
    [recorded] = [found for found in await activities(club.admin) if found.name == answer.receipt.activity]
    assert (recorded.action, without_operation(recorded.subject)) == (act.action, act.about)
    assert (recorded.outcome, recorded.actor.display_name) == (activity_pb2.ACTIVITY_OUTCOME_SUCCEEDED, "admin")
    assert activity_pb2.ActivityEvent.Name(recorded.event) == f"ACTIVITY_EVENT_{method_of(type(request)).kind.event}"
    details = plain(recorded.details)
    assert act.details.items() <= details.items()
    by_hand = _by_hand(request)
    assert (details.get("reason_code"), details.get("admin")) == (("GOODWILL", "u-17") if by_hand else (None, None))
    source = activity_pb2.ACTIVITY_SOURCE_PLATFORM if by_hand else activity_pb2.ACTIVITY_SOURCE_API
    assert recorded.source == source
    notes = club.served.rows("SELECT note FROM activity_note")
    writes = (by_hand and name != FORGETS) or name == WRITES
    assert len(notes) > len(books) if writes else len(notes) == len(books)
    assert {note for (note,) in notes} <= {NOTE}
    assert not club.served.rows("SELECT FROM activity WHERE strpos(body, 'Gwendolyn') > 0")
    if act.whose != NOBODY:
        await _assert_told(club, act, request, answer)


async def _assert_told(club: Club, act: Act, request: Any, answer: Any) -> None:
    event = (await club.history(act.whose, event_type=act.event or act.action))[0]
    assert event.points == act.points
    if event.name == answer.receipt.activity:
        by_hand = _by_hand(request)
        assert event.admin == ("u-17" if by_hand else "")
        assert (event.source == activity_pb2.ACTIVITY_SOURCE_PLATFORM) == by_hand
        assert without_operation(event.subject) == act.about
    assert event.description.endswith(".")


async def _request(club: Club, name: str) -> Any:
    request = await ACTS[name].ask(club)
    request.request_id = fresh()
    return request


def _program(name: str) -> list[str]:
    """The program, or the user, that a name begins with."""
    return name.split("/")[:2]


def _by_hand(request: Any) -> bool:
    return "reason" in _fields(type(request)) and bool(request.reason.acting_user)


def _fields(message: type[Any]) -> Any:
    return message.DESCRIPTOR.fields_by_name


def _knowable(answer: Any) -> Any:
    found = _without(json_format.MessageToDict(answer))
    found.get("event", {}).pop("name", None)
    # A redemption gets its id when it is made; the code is for who has the coupon.
    for one in (*found.get("redemptions", ()), found.get("redemption", {})):
        one.pop("name", None)
    found.pop("code", None)
    made = ("customer", "program", "campaign", "reward", "passTemplate", "network", "partner", "club", "user")
    for noun, field in product(made, ("createTime", "etag")):
        if isinstance(found.get(noun), dict):
            found[noun].pop(field, None)
    # So does a user, whose roles hold by the clock of the database.
    found.get("user", {}).pop("name", None)
    for one in found.get("user", {}).get("roles", ()):
        one.pop("fromTime", None)
    # Phones live by the clock of the database; a mail and a link get their names when they are made.
    for field in ("name", "createTime", "voidTime"):
        found.get("walletPass", {}).pop(field, None)
    for field in ("expireTime", "name", "url", "appleUrl", "googleUrl", "mail", "link"):
        found.pop(field, None)
    for field in ("name", "createTime", "endTime", "endActivity"):
        found.get("operation", {}).pop(field, None)
    for field in ("name", "createTime", "liftTime", "liftActivity"):
        found.get("legalHold", {}).pop(field, None)
    found.get("claim", {}).pop("name", None)
    for noun, field in product(("approvalRule", "approvalRequest"), ("createTime", "expireTime", "endTime")):
        found.get(noun, {}).pop(field, None)
    found.get("approvalRequest", {}).pop("endActivity", None)
    for decision in found.get("approvalRequest", {}).get("decisions", ()):
        decision.pop("decideTime")
    for noun, field in product(("key", "oldKey", "certificate", "role", "service"), _OF_CREDENTIALS):
        found.get(noun, {}).pop(field, None)
    found.pop("secret", None)
    found.pop("sample", None)
    # The name of one that is made.
    found.pop("coupon", None)
    return found


_OF_CREDENTIALS = ("name", "createTime", "expireTime", "revokeTime", "etag")


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner) for key, inner in value.items() if key not in UNKNOWABLE}
    return [_without(inner) for inner in value] if isinstance(value, list) else value
