"""An invitation of somebody who was locked or archived makes nobody: it asks for the user there is, by approval."""

from typing import Any

import pytest

from fealty.v1 import activity_pb2, approvals_pb2
from fealty.v1 import users_pb2 as pb
from rules.access import Role
from tests.server.approving import approve, read, rule
from tests.server.club import NAME, Club
from tests.server.peopled import archive, assign, at_work, client_of, found, lock, partner, role
from tests.server.serving import Client, activities, fresh, told

NOTICE = "This email is associated with a locked/archived user. The existing user will be reactivated upon approval."
AWAY = {"unlocked": lock, "unarchived": archive}
STAFF = role("STAFF", NAME)
AUDITOR = role("AUDITOR", NAME)


async def _invite(client: Client, *roles: pb.AssignedRole, **more: Any) -> pb.InviteUserResponse:
    asked = {"email": "Gwendolyn@example.com", "display_name": "Somebody else", "roles": roles, "request_id": fresh()}
    return await client.users.InviteUser(pb.InviteUserRequest(**{**asked, **more}))


async def _people(club: Club) -> tuple[Client, Client]:
    """A maker and a checker."""
    maker, _ = await client_of(club, role("ADMINISTRATOR"), name="Mara")
    checker, _ = await client_of(club, role("ADMINISTRATOR"), name="Cora")
    return maker, checker


@pytest.mark.parametrize("deed", AWAY)
async def test_who_was_locked_or_archived_comes_back_by_approval_in_the_promised_words(club: Club, deed: str) -> None:
    """The maker reads that the user will be reactivated, the log of both stages who; nobody is ever created."""
    maker, checker = await _people(club)
    user = await AWAY[deed](club.admin, (await at_work(club, STAFF)).name)
    answer = await _invite(maker, AUDITOR, STAFF)
    assert (answer.notice, answer.user.name, answer.user.state) == (NOTICE, user.name, user.state)
    [asked] = [one for one in await activities(club.admin) if one.name == answer.receipt.activity]
    assert asked.description == (
        "Request submitted to unlock/unarchive existing user Gwendolyn for email gwendolyn@example.com"
        " (Administrator Mara)."
    )
    assert (await told(approve(maker, answer.approval_request))).reason == "OWN_APPROVAL"
    approved = await approve(checker, answer.approval_request)
    assert approved.state == approvals_pb2.APPROVAL_STATE_EXECUTED, approved.failure
    back = await found(maker, user.name)
    assert (back.state, back.display_name) == (pb.USER_STATE_ACTIVE, "Gwendolyn")
    assert [one.role for one in back.roles] == ["roles/STAFF", "roles/AUDITOR"]
    log = [one for one in await activities(club.admin) if one.outcome == activity_pb2.ACTIVITY_OUTCOME_SUCCEEDED]
    [done] = [one.description for one in log if one.action == f"user.{deed}"]
    assert done.startswith(f"User Gwendolyn {deed}, as auditor in program club and staff in program club (")
    assert [one.action for one in log].count("user.invited") == 3
    assert not [one for one in log if "created" in one.description and "ser Gwendolyn" in one.description]
    assert club.served.rows("SELECT count(*) FROM mail m JOIN app_user u ON u.id = m.person"
                            " WHERE u.display_name = 'Gwendolyn'") == [(1,)]  # fmt: skip


async def test_the_same_invitation_again_names_the_same_request(club: Club) -> None:
    """A lost answer is asked for again, and must not put the same question to the checker twice."""
    maker, _ = await _people(club)
    await lock(club.admin, (await at_work(club, STAFF)).name)
    request_id = fresh()
    first, again = [await _invite(maker, request_id=request_id) for _ in range(2)]
    assert (again.approval_request, again.notice, again.receipt.replayed) == (first.approval_request, NOTICE, True)


async def test_asked_before_it_is_done_an_invitation_says_that_it_would_ask(club: Club) -> None:
    """The maker learns it before anybody is bothered."""
    maker, _ = await _people(club)
    await lock(club.admin, (await at_work(club, STAFF)).name)
    books = club.books()
    answer = await _invite(maker, validate_only=True)
    assert (answer.notice, answer.approval_request) == (NOTICE, "")
    assert club.books() == books


async def test_no_record_of_it_holds_the_name_or_the_address(club: Club) -> None:
    """Both are read from the user's row when somebody reads the log; with them there, they are gone everywhere."""
    maker, checker = await _people(club)
    await lock(club.admin, (await at_work(club, STAFF)).name)
    await approve(checker, (await _invite(maker)).approval_request)
    assert not club.served.rows("SELECT body FROM activity WHERE body ~* 'gwendolyn|example.com'")
    club.served.execute("UPDATE app_user SET display_name = '', email = id WHERE display_name = 'Gwendolyn'")
    sentences = [one.description for one in await activities(club.admin) if one.action.startswith(("user.", "appr"))]
    assert not [one for one in sentences if "Gwendolyn" in one]


async def test_an_address_is_whole_to_those_alone_who_may_look_at_users(club: Club) -> None:
    """Others tell colleagues apart by its first letter and where it is."""
    maker, _ = await _people(club)
    club.served.execute(
        "INSERT INTO role (id, display_name, permissions, version, created_at, updated_at, activity)"
        """ SELECT 'reader', 'Reader', '["ACTIVITIES_READ"]', 1, now(), now(), id FROM activity LIMIT 1"""
    )
    reader, _ = await client_of(club, role("reader"), name="Rita")
    await lock(club.admin, (await at_work(club, STAFF)).name)
    await _invite(maker)
    for client, address in ((reader, "g…@example.com"), (maker, "gwendolyn@example.com")):
        [asked] = [one for one in await activities(client) if one.action == "approval.submitted"]
        assert f"for email {address} (" in asked.description


async def test_what_no_longer_fits_is_not_done(club: Club) -> None:
    """Unlocked meanwhile by another, the user is not unlocked twice; and the request says why nothing was done."""
    maker, checker = await _people(club)
    user = await lock(club.admin, (await at_work(club, STAFF)).name)
    name = (await _invite(maker, AUDITOR)).approval_request
    club.served.execute("UPDATE app_user SET state = 'ACTIVE' WHERE display_name = 'Gwendolyn'")
    failed = await approve(checker, name)
    assert (failed.state, failed.failure.reason) == (approvals_pb2.APPROVAL_STATE_FAILED, "USER_STATE")
    assert [one.role for one in (await found(club.admin, user.name)).roles] == ["roles/STAFF"]
    assert (await read(maker, name)).state == failed.state


async def test_a_partner_brings_back_its_own_people_with_no_more_than_it_holds(club: Club) -> None:
    """What it may not give, it may not ask for; an administrator decides."""
    acme = partner(club, "club")
    petra, _ = await client_of(club, role("PARTNER", acme), name="Petra")
    checker, _ = await client_of(club, role("ADMINISTRATOR"), name="Cora")
    user = await lock(club.admin, (await at_work(club, STAFF)).name)
    assert (await told(_invite(petra, role("ADMINISTRATOR", NAME)))).reason == "GRANT_EXCEEDED"
    answer = await _invite(petra, AUDITOR)
    assert (await approve(checker, answer.approval_request)).state == approvals_pb2.APPROVAL_STATE_EXECUTED
    assert (await found(petra, user.name)).state == pb.USER_STATE_ACTIVE
    await lock(club.admin, user.name)
    await assign(club.admin, user.name, role("STAFF", "programs/coffee"))
    assert (await told(_invite(petra, AUDITOR))).reason == "USER_EXISTS"


@pytest.mark.parametrize(("deed", "call"), [("unlocked", "UnlockUser"), ("unarchived", "UnarchiveUser")])
async def test_who_is_invited_again_takes_what_rules_want_of_bringing_users_back(
    club: Club, deed: str, call: str
) -> None:
    """Else whoever knows the address goes round the rule; and an administrator says yes in any case."""
    maker, checker = await _people(club)
    await AWAY[deed](club.admin, (await at_work(club, STAFF)).name)
    await rule(club.admin, call, parent="", approvers=2, expires_after_hours=5)
    await rule(club.admin, "LockUser", parent="", approvers=9, begins_as_draft=True)
    asked = await read(maker, (await _invite(maker, role("ADMINISTRATOR"))).approval_request)
    assert [(one.role, one.approvers) for one in asked.needs] == [("roles/ADMINISTRATOR", 1), ("", 2)]
    assert asked.state == approvals_pb2.APPROVAL_STATE_PENDING
    assert asked.expire_time.seconds - asked.create_time.seconds == 5 * 3600
    assert (await approve(checker, asked.name)).state == approvals_pb2.APPROVAL_STATE_PENDING
    other, _ = await client_of(club, role("ADMINISTRATOR"), name="Dana")
    assert (await approve(other, asked.name)).state == approvals_pb2.APPROVAL_STATE_EXECUTED


async def test_unlocking_by_itself_needs_no_approval_where_no_rule_says_so(club: Club) -> None:
    """Whoever locks by mistake puts it right at once."""
    user = await lock(club.admin, (await at_work(club, STAFF)).name)
    service = club.served.client(club.served.key("back office", Role.ADMINISTRATOR))
    back = pb.UnlockUserRequest(name=user.name, reason={"code": "MISTAKE"}, request_id=fresh())
    assert (await service.users.UnlockUser(back)).user.state == pb.USER_STATE_ACTIVE
