"""Maker and checker: what is under approval is done once others have said yes, and never before."""

import asyncio
from typing import Any

import pytest

from fealty import claims, plain
from fealty.v1 import approvals_pb2 as pb
from fealty.v1 import credentials_pb2, customers_pb2, ingest_pb2, points_pb2, programs_pb2, roles_pb2, users_pb2
from rules.access import Role
from tests.server.approving import (
    acting_for,
    adjustment,
    another_key,
    approve,
    asked,
    person,
    points_of,
    read,
    reject,
    rule,
    user,
    withdraw,
)
from tests.server.club import ADA, NAME, NOTE, WHY, Club, account
from tests.server.crediting import key
from tests.server.peopled import client_of, role
from tests.server.serving import Client, activities, fresh, program, spending, told

EMAIL, PHONE = "planted@example.com", "+420601123456"
MISSING = "PERMISSION_MISSING"
GET = pb.GetApprovalRequestRequest


async def test_what_is_under_approval_is_done_once_another_person_has_approved_it(club: Club) -> None:
    """The promise of the whole: nobody moves points alone where a rule says so, and what was asked for is done."""
    await club.earn(100)
    await rule(club.admin, "AdjustPoints")
    name = await asked(club.admin, adjustment(-30))
    assert await points_of(club) == 100
    found = await approve(person(club.served, "cora"), name)
    assert (found.state, found.failure.reason) == (pb.APPROVAL_STATE_EXECUTED, "")
    assert await points_of(club) == 70


async def test_act_and_request_name_each_other_in_the_log(club: Club) -> None:
    """Whoever finds the one finds the other, who asked, and who said yes: years later, too."""
    await rule(club.admin, "AdjustPoints")
    name = await asked(club.admin, adjustment(50))
    cora = person(club.served, "cora")
    found = await approve(cora, name)
    log = {activity.name: activity for activity in await activities(club.admin)}
    act = log[found.effect_activity]
    assert (act.action, act.actor.display_name) == ("points.adjusted", "admin")
    assert plain(act.details)["approval"] == name
    assert plain(act.details)["approved_by"] == [user(club.served, "cora")]
    assert act.cause == found.decisions[0].activity
    short = f"request …{name[-6:]}"
    assert f"approved by cora: {short})." in act.description
    executed = log[found.end_activity]
    assert (executed.action, plain(executed.details)["activity"]) == ("approval.executed", found.effect_activity)
    assert log[found.activity].action == "approval.submitted"
    said = [one.description for one in await activities(club.admin) if one.action.startswith("approval.")]
    assert said[::-1] == [
        f"Request submitted to adjust points of customer ada by 50 points (plain): {short} "
        "(Administrator admin for u-17, GOODWILL).",
        f"Request …{name[-6:]} to adjust points of customer ada by 50 points (plain) approved (Administrator cora).",
        f"Approved request …{name[-6:]} to adjust points of customer ada by 50 points (plain) carried out; "
        "approved by cora.",
    ]


async def test_all_that_happened_to_a_request_is_found_by_its_name(club: Club) -> None:
    """Also where it is about a customer: an auditor who asks for it must not conclude that nobody approved it."""
    await rule(club.admin, "AdjustPoints")
    name = await asked(club.admin, adjustment(50))
    await approve(person(club.served, "cora"), name)
    for parent in (NAME, "-"):
        found = await activities(club.admin, parent=parent, subjects=[name])
        told_of = [one.action for one in found if one.action.startswith("approval.")]
        assert told_of == ["approval.executed", "approval.approved", "approval.submitted"]


async def test_the_checker_sees_what_was_asked_for_and_its_exact_effect(club: Club) -> None:
    """Nobody can answer for what he was not shown."""
    await club.earn(100)
    await rule(club.admin, "AdjustPoints")
    request = adjustment(-30)
    name = await asked(club.admin, request)
    cora = person(club.served, "cora")
    shown = await cora.approvals.GetApprovalRequest(GET(name=name))
    frozen = points_pb2.AdjustPointsRequest()
    assert shown.request.Unpack(frozen)
    assert frozen == request
    assert dict(shown.approval_request.figures) == {"points": -30}
    effect = await cora.approvals.PreviewApprovalRequest(pb.PreviewApprovalRequestRequest(name=name))
    response = points_pb2.AdjustPointsResponse()
    assert effect.response.Unpack(response)
    assert (response.balance.active, response.receipt.activity) == (70, "")
    assert await points_of(club) == 100
    await club.spend(90)
    effect = await cora.approvals.PreviewApprovalRequest(pb.PreviewApprovalRequestRequest(name=name))
    assert effect.refused.message.startswith("The account has 10 to spend")


async def test_who_only_reads_requests_is_shown_nothing_of_persons(club: Club) -> None:
    """Else an auditor, to whom no customer is shown, reads of one what somebody wants to write about them."""
    await rule(club.admin, "UpdateCustomer")
    changed = customers_pb2.Customer(name=ADA, email=EMAIL, phone_number=PHONE)
    asks = customers_pb2.UpdateCustomerRequest(customer=changed, request_id=fresh())
    name = (await told(club.admin.customers.UpdateCustomer(asks))).facts["approval_request"]
    auditor, cora = club.served.client(club.served.key("audit", Role.AUDITOR)), person(club.served, "cora")
    assert (await told(auditor.customers.GetCustomer(customers_pb2.GetCustomerRequest(name=ADA)))).reason == MISSING
    preview = pb.PreviewApprovalRequestRequest(name=name)
    for client in (club.admin, cora):
        shown = await client.approvals.GetApprovalRequest(GET(name=name))
        assert EMAIL.encode() in shown.request.value
        assert EMAIL.encode() in (await client.approvals.PreviewApprovalRequest(preview)).response.value
    shown = await auditor.approvals.GetApprovalRequest(GET(name=name))
    assert (shown.approval_request.method, shown.HasField("request")) == ("UpdateCustomer", False)
    assert EMAIL not in str(shown)
    assert PHONE not in str(shown)
    assert (await told(auditor.approvals.PreviewApprovalRequest(preview))).reason == MISSING
    await rule(club.admin, "AdjustPoints", begins_as_draft=True)
    name = await asked(club.admin)
    submit = pb.SubmitApprovalRequestRequest(name=name, justification="Ada called.", request_id=fresh())
    await club.admin.approvals.SubmitApprovalRequest(submit)
    assert not (await auditor.approvals.GetApprovalRequest(GET(name=name))).justification


async def test_a_retry_names_the_same_request_and_another_content_is_refused(club: Club) -> None:
    """A caller whose answer was lost must not ask twice, nor ask for something else under a name that is taken."""
    await rule(club.admin, "AdjustPoints")
    request = adjustment(10)
    name = await asked(club.admin, request)
    assert await asked(club.admin, request) == name
    other = adjustment(11, request_id=request.request_id)
    assert (await told(club.admin.points.AdjustPoints(other))).reason == "REQUEST_ID_REUSED"
    await approve(person(club.served, "cora"), name)
    assert await asked(club.admin, request) == name
    assert await points_of(club) == 10
    assert len(club.served.rows("SELECT FROM approval_request")) == 1


async def test_a_retry_is_told_what_became_of_the_request(club: Club) -> None:
    """Whoever hears that it is done once it is approved tries for ever, or believes that it was not done."""
    await rule(club.admin, "AdjustPoints")
    cora = person(club.served, "cora")
    said = {}
    for end in (approve, reject, None):
        request = adjustment(10)
        name = await asked(club.admin, request)
        if end:
            await end(cora, name)
        refused = await told(club.admin.points.AdjustPoints(request))
        assert (refused.reason, refused.facts["approval_request"]) == ("APPROVAL_REQUIRED", name)
        said[refused.facts["state"]] = refused.message.partition(f"{name}. ")[2]
        in_stream = ingest_pb2.BatchIngestRequest(items=[ingest_pb2.Item(adjust=request)])
        stream = club.admin.ingest.BatchIngest()
        await stream.write(in_stream)
        response: Any = await stream.read()
        await stream.done_writing()
        assert response.results[0].refused.message == refused.message
    assert said == {
        "EXECUTED": "It was approved, and is done: do not ask again.",
        "REJECTED": "It was rejected, and is not done; ask anew under another request_id.",
        "PENDING": "It is done once that is approved.",
    }


async def test_a_request_to_give_a_role_keeps_which_and_where(club: Club) -> None:
    """Once it has ended, nobody could tell any more what was refused to whom."""
    await rule(club.admin, "AssignRole", parent="")
    bob = f"users/{user(club.served, 'bob')}"
    given = users_pb2.AssignRoleRequest(name=bob, role="roles/AUDITOR", scope=NAME, reason=WHY, request_id=fresh())
    name = (await told(club.admin.users.AssignRole(given))).facts["approval_request"]
    await reject(person(club.served, "cora"), name)
    log = [one for one in await activities(club.admin) if one.action.startswith("approval.")]
    assert [plain(one.details)["roles"] for one in log] == [[{"role": "AUDITOR", "scope": NAME}]] * 2
    short = f"…{name[-6:]}"
    words = "give user bob role auditor in program club"
    assert log[1].description.startswith(f"Request submitted to {words}: request {short} (")
    assert log[0].description.startswith(f"Request {short} to {words} rejected (")


async def test_what_cannot_be_done_is_not_asked_for(club: Club) -> None:
    """Nobody is to decide on what would be refused anyway; whoever asks hears why at once."""
    await rule(club.admin, "AdjustPoints")
    assert (await told(club.admin.points.AdjustPoints(adjustment(-30)))).reason == "INSUFFICIENT_POINTS"
    assert not club.served.rows("SELECT FROM approval_request")


async def test_a_rehearsal_is_answered_and_asks_for_nothing(club: Club) -> None:
    """Whoever only wants to know what would happen keeps nobody from work."""
    await rule(club.admin, "AdjustPoints")
    answer = await club.admin.points.AdjustPoints(adjustment(10, validate_only=True))
    assert answer.balance.active == 10
    assert not club.served.rows("SELECT FROM approval_request")


async def test_an_act_that_fits_no_more_fails_with_its_reason(club: Club) -> None:
    """What was right when it was asked for may be wrong when it is approved: then nothing is done, and it is said."""
    await club.earn(100)
    await rule(club.admin, "AdjustPoints")
    name = await asked(club.admin, adjustment(-80))
    await club.spend(50)
    found = await approve(person(club.served, "cora"), name)
    assert (found.state, found.failure.reason) == (pb.APPROVAL_STATE_FAILED, "INSUFFICIENT_POINTS")
    assert found.effect_activity == ""
    assert await points_of(club) == 50
    [failed] = await activities(club.admin, action="approval.failed")
    assert failed.description == (
        f"Approved request …{name[-6:]} to adjust points of customer ada by -80 points (plain) not carried out, "
        "because there were not enough points; approved by cora."
    )


async def test_a_maker_who_may_no_more_gets_nothing_done(club: Club) -> None:
    """Whoever was dismissed must not have waited for an approval only."""
    await rule(club.admin, "AdjustPoints")
    names = []
    for key_ends in (True, False):
        key = club.served.key(f"maker {key_ends}", Role.ADMINISTRATOR)
        names.append(await asked(club.served.client(key)))
        if key_ends:
            club.served.execute("UPDATE api_key SET revoked_at = now() WHERE id = %s", key.split("_")[1])
        else:
            club.served.execute(
                "UPDATE role_assignment SET role = 'AUDITOR' WHERE holder = (SELECT caller FROM api_key WHERE id = %s)",
                key.split("_")[1],
            )
    cora = person(club.served, "cora")
    reasons = [(await approve(cora, name)).failure.reason for name in names]
    assert reasons == ["KEY_INVALID", "PERMISSION_MISSING"]
    assert await points_of(club) == 0


async def test_nobody_approves_his_own_by_whatever_key(club: Club) -> None:
    """Four eyes are two people's, not two keys'; and a machine that says yes is nobody's."""
    await rule(club.admin, "AdjustPoints")
    mia, cora = person(club.served, "mia"), person(club.served, "cora")
    name = await asked(mia)
    other = club.served.client(club.served.key("robot", Role.ADMINISTRATOR))
    request = pb.ApproveRequestRequest(name=name, request_id=fresh())
    reasons = [
        (await told(client.approvals.ApproveRequest(request))).reason
        for client in (mia, another_key(club.served, "mia"), club.admin, club.till)
    ]
    assert reasons == ["OWN_APPROVAL", "OWN_APPROVAL", "APPROVER_UNKNOWN", "PERMISSION_MISSING"]
    assert (await told(other.approvals.ApproveRequest(request))).reason == "APPROVER_UNKNOWN"
    assert (await told(reject(mia, name))).reason == "OWN_APPROVAL"
    assert (await approve(cora, name)).state == pb.APPROVAL_STATE_EXECUTED


async def test_nobody_approves_through_a_service_that_acts_for_him(club: Club) -> None:
    """The service alone knows who was there; and what it asks for in somebody's name is that one's own."""
    await rule(club.admin, "AdjustPoints")
    served = club.served
    mia, cora = person(served, "mia"), person(served, "cora")
    office, for_mia = acting_for(served, "mia")
    _, for_cora = acting_for(served, "cora")
    request = pb.ApproveRequestRequest(name=await asked(mia), request_id=fresh())
    for whom in (for_mia, for_cora):
        assert (await told(office.approvals.ApproveRequest(request, metadata=whom))).reason == "APPROVER_UNKNOWN"
    refused = await told(office.points.AdjustPoints(adjustment(3), metadata=for_mia))
    asked_for_her = refused.facts["approval_request"]
    assert (await told(approve(mia, asked_for_her))).reason == "OWN_APPROVAL"
    assert await _listed(mia, waits_for_me=True) == []
    assert await _listed(cora, waits_for_me=True) == [asked_for_her, request.name]
    found = await approve(cora, asked_for_her)
    assert found.state == pb.APPROVAL_STATE_EXECUTED, found.failure.message
    assert found.maker_on_behalf_of == f"users/{user(served, 'mia')}"


async def test_nobody_approves_his_own_that_his_key_asked_for_in_the_name_of_another(club: Club) -> None:
    """Whose key it is stays who asks, whomever it acts for; else a borrowed name makes four eyes of two."""
    await rule(club.admin, "AdjustPoints", role="roles/PARTNER")
    (xavier, his), (yolanda, hers) = [
        await client_of(club, role("PARTNER", NAME), name=name) for name in ("xavier", "yolanda")
    ]
    with_role = [roles_pb2.RoleInScope(role="roles/PARTNER", scope=NAME)]
    made = await key(club, xavier, roles=with_role, made_for=his, may_act_for=[credentials_pb2.ACTS_FOR_USERS])
    desk = club.served.client(made.secret)
    direct = await asked(xavier)
    with claims(on_behalf_of=hers):
        name = await asked(desk)
        assert (await told(approve(desk, direct))).reason == "APPROVER_UNKNOWN"
    for one in (xavier, yolanda, desk):
        assert (await told(approve(one, name))).reason == "OWN_APPROVAL"
    # A stronger service lends nobody the name of its role.
    strong = [roles_pb2.RoleInScope(role="roles/ADMINISTRATOR", scope=NAME)]
    made = await key(club, name="office", roles=strong, may_act_for=[credentials_pb2.ACTS_FOR_USERS])
    office = club.served.client(made.secret)
    with claims(on_behalf_of=hers):
        assert (await told(approve(office, direct))).reason == "APPROVER_UNKNOWN"
    assert (await approve(yolanda, direct)).state == pb.APPROVAL_STATE_EXECUTED


async def test_each_approval_is_another_person_s_with_the_role_that_the_rule_wants(club: Club) -> None:
    """Two approvals of one person are one; and who holds the role elsewhere does not hold it here."""
    await rule(club.admin, "AdjustPoints", approvers=2, role="roles/PARTNER")
    name = await asked(club.admin)
    served = club.served
    cora, pat, pia = (
        person(served, who, role, program)
        for who, role, program in (
            ("cora", Role.ADMINISTRATOR, None),
            ("pat", Role.PARTNER, "club"),
            ("pia", Role.PARTNER, "club"),
        )
    )
    stranger = person(served, "zoe", Role.PARTNER, "coffee")
    assert (await told(approve(cora, name))).reason == "APPROVER_ROLE_MISSING"
    assert (await told(approve(stranger, name))).reason == "PROGRAM_NOT_FOUND"
    found = await approve(pat, name)
    assert (found.state, found.needs[0].approved) == (pb.APPROVAL_STATE_PENDING, 1)
    assert (await told(approve(pat, name))).reason == "ALREADY_DECIDED"
    assert (await approve(pia, name)).state == pb.APPROVAL_STATE_EXECUTED


async def test_a_thousand_approvals_at_once_are_one_execution(club: Club) -> None:
    """Whoever clicks twice, and whoever else clicks at the same moment, gets the points moved once."""
    await rule(club.admin, "AdjustPoints")
    name = await asked(club.admin, adjustment(5))
    people = [person(club.served, f"person {number}") for number in range(20)]
    calls = [approve(people[number % 20], name) for number in range(1_000)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    done = [one for one in outcomes if isinstance(one, pb.ApprovalRequest)]
    assert len(done) == 1
    assert (await read(club.admin, name)).state == pb.APPROVAL_STATE_EXECUTED
    assert await points_of(club) == 5
    assert len(await activities(club.admin, action="points.adjusted")) == 1
    assert len(await activities(club.admin, action="approval.executed")) == 1


async def test_whoever_made_a_request_sees_it_and_takes_it_back_with_whatever_permission(club: Club) -> None:
    """A maker who may read nothing of others must still know what became of what he asked for."""
    await rule(club.admin, "SpendPoints", "AdjustPoints")
    await club.earn(100)
    refused = await told(club.till.points.SpendPoints(spending(10, account())))
    mine, other = refused.facts["approval_request"], await asked(club.admin)
    assert (await read(club.till, mine)).state == pb.APPROVAL_STATE_PENDING
    assert (await told(read(club.till, other))).reason == "APPROVAL_REQUEST_NOT_FOUND"
    assert (await told(withdraw(club.till, other))).reason == "APPROVAL_REQUEST_NOT_FOUND"
    assert await _listed(club.till) == [mine]
    assert await _listed(club.admin) == [other, mine]
    assert (await withdraw(club.till, mine)).state == pb.APPROVAL_STATE_WITHDRAWN
    assert (await told(approve(person(club.served, "cora"), mine))).reason == "APPROVAL_STATE"


async def test_a_draft_waits_for_its_maker_s_words(club: Club) -> None:
    """Nobody decides on what its maker has yet to explain."""
    await rule(club.admin, "AdjustPoints", begins_as_draft=True)
    name, cora = await asked(club.admin), person(club.served, "cora")
    assert (await told(approve(cora, name))).reason == "APPROVAL_STATE"
    request = pb.SubmitApprovalRequestRequest(name=name, justification="Promised by phone.", request_id=fresh())
    await club.admin.approvals.SubmitApprovalRequest(request)
    shown = await cora.approvals.GetApprovalRequest(GET(name=name))
    assert (shown.justification, shown.approval_request.state) == ("Promised by phone.", pb.APPROVAL_STATE_PENDING)
    assert (await approve(cora, name)).state == pb.APPROVAL_STATE_EXECUTED


async def test_one_no_is_enough(club: Club) -> None:
    """Whatever others have said before."""
    await rule(club.admin, "AdjustPoints", approvers=3)
    name = await asked(club.admin)
    cora, dan = person(club.served, "cora"), person(club.served, "dan")
    await approve(cora, name)
    found = await reject(dan, name)
    assert [one.verdict for one in found.decisions] == [pb.APPROVAL_VERDICT_APPROVED, pb.APPROVAL_VERDICT_REJECTED]
    assert found.state == pb.APPROVAL_STATE_REJECTED
    assert await points_of(club) == 0


async def test_what_nobody_decides_on_expires_by_the_clock_alone(club: Club) -> None:
    """With every worker dead, an old request cannot be approved by accident."""
    await rule(club.admin, "AdjustPoints", expires_after_hours=1)
    name = await asked(club.admin)
    club.served.execute("UPDATE approval_request SET expires_at = now() - interval '1 second'")
    assert (await read(club.admin, name)).state == pb.APPROVAL_STATE_EXPIRED
    assert (await told(approve(person(club.served, "cora"), name))).reason == "APPROVAL_STATE"
    assert await _listed(club.admin, state=pb.APPROVAL_STATE_PENDING) == []
    assert await _listed(club.admin, state=pb.APPROVAL_STATE_EXPIRED) == [name]


async def test_the_list_of_what_waits_for_me_has_what_i_may_decide_on(club: Club) -> None:
    """A checker who has to look through what others did misses what waits for him."""
    await rule(club.admin, "AdjustPoints", approvers=2)
    mia, cora = person(club.served, "mia"), person(club.served, "cora")
    hers, other, decided = await asked(mia), await asked(club.admin), await asked(club.admin)
    await approve(mia, decided)
    assert await _listed(mia, waits_for_me=True) == [other]
    assert await _listed(cora, waits_for_me=True) == [decided, other, hers]
    assert await _listed(person(club.served, "zoe", Role.PARTNER, "coffee"), parent="-", waits_for_me=True) == []


async def test_amounts_and_fields_say_which_calls_need_approval(club: Club) -> None:
    """A goodwill of ten points must not wait for anybody; a change of cards must, whatever else is changed with it."""
    await rule(club.admin, "AdjustPoints", amount_field="points", above=100)
    await rule(club.admin, "UpdateProgram", paths=["program.cards"])
    await club.admin.points.AdjustPoints(adjustment(100))
    await asked(club.admin, adjustment(101))
    changed = programs_pb2.Program(name=NAME, display_name="Tea club")
    update = programs_pb2.UpdateProgramRequest(
        program=changed, update_mask={"paths": ["display_name"]}, request_id=fresh()
    )
    await club.admin.programs.UpdateProgram(update)
    found = (await club.admin.programs.GetProgram(programs_pb2.GetProgramRequest(name=NAME))).program
    found.cards[0].display_name = "Beans"
    update = programs_pb2.UpdateProgramRequest(
        program=found, update_mask={"paths": ["display_name", "cards"]}, request_id=fresh()
    )
    assert (await told(club.admin.programs.UpdateProgram(update))).reason == "APPROVAL_REQUIRED"
    # A request without a mask changes the same.
    unmasked = programs_pb2.UpdateProgramRequest(program=found, request_id=fresh())
    assert (await told(club.admin.programs.UpdateProgram(unmasked))).reason == "APPROVAL_REQUIRED"


async def test_a_day_s_sum_holds_for_calls_at_once(club: Club) -> None:
    """A hundred adjustments of ten points are one of a thousand; so they are when they come together."""
    await rule(club.admin, "AdjustPoints", amount_field="points", day_sum_above=100)
    calls = [club.admin.points.AdjustPoints(adjustment(10)) for _ in range(40)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, points_pb2.AdjustPointsResponse) for one in outcomes) == 10
    assert await points_of(club) == 100
    # Another maker has a sum of their own, and the same one has another tomorrow.
    mia = person(club.served, "mia")
    await mia.points.AdjustPoints(adjustment(100))
    await club.move(days=1)
    await club.admin.points.AdjustPoints(adjustment(100))
    await asked(club.admin, adjustment(1))


async def test_a_day_s_sum_is_not_split_over_the_names_of_others(club: Club) -> None:
    """A service that acts for everybody would else have as many sums; and its users as many as there are services."""
    await rule(club.admin, "AdjustPoints", amount_field="points", day_sum_above=100)
    served = club.served
    mia, cora = person(served, "mia"), person(served, "cora")
    office, for_mia = acting_for(served, "mia")
    _, for_cora = acting_for(served, "cora")
    await office.points.AdjustPoints(adjustment(60), metadata=for_mia)
    for adjusting in (
        office.points.AdjustPoints(adjustment(60), metadata=for_cora),
        office.points.AdjustPoints(adjustment(60)),
        mia.points.AdjustPoints(adjustment(60)),
    ):
        assert (await told(adjusting)).reason == "APPROVAL_REQUIRED"
    await office.points.AdjustPoints(adjustment(40), metadata=for_cora)
    await cora.points.AdjustPoints(adjustment(60))
    assert await points_of(club) == 160


async def test_what_was_refused_does_not_count_for_the_day_s_sum(club: Club) -> None:
    """Who tried in vain has done nothing: once it is known that nothing came of it."""
    await rule(club.admin, "AdjustPoints", amount_field="points", day_sum_above=100)
    assert (await told(club.admin.points.AdjustPoints(adjustment(-90)))).reason == "INSUFFICIENT_POINTS"
    club.served.execute("UPDATE approval_use SET used_at = used_at - interval '2 minutes'")
    await club.admin.points.AdjustPoints(adjustment(100))


async def test_a_rule_holds_for_the_next_call(club: Club) -> None:
    """Who puts something under approval because it is being abused cannot wait for a cache."""
    done: list[bool] = []

    async def go_on() -> None:
        while not done:
            await club.till.points.SpendPoints(spending(1, account()))

    await club.earn(1_000)
    going = asyncio.create_task(go_on())
    await asyncio.sleep(0.3)
    made = await rule(club.admin, "SpendPoints")
    assert (await told(club.till.points.SpendPoints(spending(1, account())))).reason == "APPROVAL_REQUIRED"
    done.append(True)
    assert (await told(going)).reason == "APPROVAL_REQUIRED"
    changed = pb.ApprovalRule(name=made.name, methods=["SpendPoints"], amount_field="points", above=5)
    request = pb.UpdateApprovalRuleRequest(approval_rule=changed, reason={"code": "LESS"}, request_id=fresh())
    await club.admin.approvals.UpdateApprovalRule(request)
    await club.till.points.SpendPoints(spending(5, account()))
    assert (await told(club.till.points.SpendPoints(spending(6, account())))).reason == "APPROVAL_REQUIRED"
    await club.admin.approvals.DeleteApprovalRule(
        pb.DeleteApprovalRuleRequest(name=made.name, reason={"code": "ENOUGH"}, request_id=fresh())
    )
    await club.till.points.SpendPoints(spending(6, account()))


async def test_items_of_a_stream_that_need_approval_are_refused_and_the_others_done(club: Club) -> None:
    """A till's stream goes on: nobody there waits for an answer that comes in days."""
    await club.earn(1_000)
    await rule(club.admin, "SpendPoints", amount_field="points", above=50)
    items = [ingest_pb2.Item(spend=spending(points, account())) for points in (10, 60, 20)]
    stream = club.till.ingest.BatchIngest()
    for together, expected in ((False, ["spend", "refused", "spend"]), (True, ["refused"] * 3)):
        await stream.write(ingest_pb2.BatchIngestRequest(items=items, all_or_nothing=together))
        response: Any = await stream.read()
        assert [result.WhichOneof("result") or "" for result in response.results] == [
            {"spend": "spent"}.get(one, one) for one in expected
        ]
        for item in items:
            item.spend.request_id = fresh()
    small = [ingest_pb2.Item(spend=spending(points, account())) for points in (30, 40)]
    await stream.write(ingest_pb2.BatchIngestRequest(items=small, all_or_nothing=True))
    response = await stream.read()
    assert [one.spent.balance.active for one in response.results] == [940, 900]
    await stream.done_writing()
    assert not club.served.rows("SELECT FROM approval_request")


async def test_who_is_under_a_rule_does_not_delete_it(club: Club) -> None:
    """A partner runs its program; what it may not do alone there, others have said."""
    made = await rule(club.admin, "AdjustPoints")
    partner = person(club.served, "pat", Role.PARTNER, "club")
    deleting = pb.DeleteApprovalRuleRequest(name=made.name, reason=WHY, request_id=fresh())
    assert (await told(partner.approvals.DeleteApprovalRule(deleting))).reason == "PERMISSION_MISSING"
    await asked(partner)


async def test_rules_outside_programs_are_for_those_who_hold_all(club: Club) -> None:
    """Who may configure one program must not decide who makes others, nor read what was asked for there."""
    served = club.served
    await rule(club.admin, "CreateProgram", parent="")
    partner = person(served, "pat", Role.ADMINISTRATOR, "club")
    assert (await told(rule(partner, "CreateProgram", parent=""))).reason == "PERMISSION_MISSING"
    name = (await told(club.admin.programs.CreateProgram(program("tea")))).facts["approval_request"]
    assert name.startswith("approvalRequests/")
    # What is ignored is no way to another program's rules.
    named = await told(club.admin.programs.CreateProgram(program("milk", name=NAME)))
    assert named.facts["approval_request"].startswith("approvalRequests/")
    assert (await told(read(partner, name))).reason == "APPROVAL_REQUEST_NOT_FOUND"
    assert (await told(approve(partner, name))).reason == "PERMISSION_MISSING"
    assert await _listed(partner, parent="-") == []
    assert (await approve(person(served, "cora"), name)).state == pb.APPROVAL_STATE_EXECUTED
    assert (await club.admin.programs.GetProgram(programs_pb2.GetProgramRequest(name="programs/tea"))).program.name


@pytest.mark.parametrize(
    ("call", "parent"), [("AssignRole", NAME), ("UpdateService", NAME), ("CreateProgram", NAME), ("AdjustPoints", "")]
)
async def test_a_rule_that_would_hold_for_nothing_is_refused(club: Club, call: str, parent: str) -> None:
    """Who makes it believes that from now on others look at what nobody looks at."""
    refused = await told(rule(club.admin, call, parent=parent))
    assert (refused.reason, "make it" in refused.message) == ("APPROVAL_RULE_INVALID", True)
    made = await rule(club.admin, "CreateApprovalRule", parent=parent)
    changed = pb.ApprovalRule(name=made.name, methods=[call])
    update = pb.UpdateApprovalRuleRequest(approval_rule=changed, reason=WHY, request_id=fresh())
    assert (await told(club.admin.approvals.UpdateApprovalRule(update))).reason == "APPROVAL_RULE_INVALID"


async def test_what_is_said_of_people_is_gone_once_a_request_has_ended(club: Club) -> None:
    """What lies there to be decided on is not kept for longer than that; nor does the database alone tell it."""
    await rule(club.admin, "AdjustPoints")
    name = await asked(club.admin)
    [(sealed,)] = club.served.rows("SELECT sealed FROM approval_request")
    assert NOTE.encode() not in bytes(sealed)
    await withdraw(club.admin, name)
    assert club.served.rows("SELECT sealed FROM approval_request") == [(None,)]
    shown = await club.admin.approvals.GetApprovalRequest(GET(name=name))
    assert not shown.HasField("request")
    assert (len(shown.approval_request.sha256), dict(shown.approval_request.figures)) == (64, {"points": 10})
    effect = await told(club.admin.approvals.PreviewApprovalRequest(pb.PreviewApprovalRequestRequest(name=name)))
    assert effect.reason == "APPROVAL_STATE"


async def test_an_erasure_reaches_what_waits_and_what_is_left_of_what_ended(club: Club) -> None:
    """A person who is forgotten is not found in what somebody once wanted to do about them."""
    await rule(club.admin, "AdjustPoints", "TransferPoints")
    ended, waiting = await asked(club.admin), await asked(club.admin)
    await withdraw(club.admin, ended)
    await club.admin.customers.EraseCustomer(
        customers_pb2.EraseCustomerRequest(name=ADA, reason=WHY, request_id=fresh())
    )
    assert (await read(club.admin, waiting)).failure.reason == "CUSTOMER_CLOSED"
    assert {(await read(club.admin, name)).sha256 for name in (ended, waiting)} == {""}
    assert club.served.rows("SELECT DISTINCT sealed FROM approval_request") == [(None,)]
    assert (await told(approve(person(club.served, "cora"), waiting))).reason == "APPROVAL_STATE"


async def test_an_erasure_leaves_no_hash_of_what_was_asked(club: Club) -> None:
    """Whoever has one can try telephone numbers by it until one fits."""
    await rule(club.admin, "UpdateCustomer", approvers=3)
    person_of = customers_pb2.Customer(name=ADA, phone_number="+420601123456")
    update = customers_pb2.UpdateCustomerRequest(customer=person_of, request_id=fresh())
    refused = await told(club.admin.customers.UpdateCustomer(update))
    name, cora = refused.facts["approval_request"], person(club.served, "cora")
    sent = pb.ApproveRequestRequest(name=name, request_id=fresh())
    answers = [(await cora.approvals.ApproveRequest(sent)).approval_request for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(answers[0].sha256) == 64
    erase = customers_pb2.EraseCustomerRequest(name=ADA, reason=WHY, request_id=fresh())
    await club.admin.customers.EraseCustomer(erase)
    assert answers[0].sha256 not in str(club.books())
    assert answers[0].sha256 not in str(club.served.rows("SELECT content_hash::text, response FROM request"))
    assert (await cora.approvals.ApproveRequest(sent)).approval_request.sha256 == ""
    assert (await told(club.admin.customers.UpdateCustomer(update))).reason == "REQUEST_ID_REUSED"


async def test_who_looked_at_a_request_is_recorded(club: Club) -> None:
    """It tells of people: it is read like a profile."""
    await rule(club.admin, "AdjustPoints")
    name = await asked(club.admin)
    await read(person(club.served, "cora"), name)
    [looked] = await activities(club.admin, action="approval.read")
    assert (looked.actor.display_name, looked.subject) == ("cora", name)
    assert plain(looked.details)["fields"] == ["request"]


async def test_a_rule_that_is_about_nothing_is_refused(club: Club) -> None:
    """A rule with a name that is mistyped would protect nothing, and look as if it did."""
    wrong: list[dict[str, Any]] = [
        {"methods": ["AdjustPoint"]},
        {"methods": ["GetBalance"]},
        {"methods": ["ApproveRequest"]},
        {"methods": ["AdjustPoints"], "amount_field": "units", "above": 5},
        {"methods": ["AdjustPoints", "UpdateProgram"], "amount_field": "points", "above": 5},
        {"methods": ["AdjustPoints"], "above": 5},
        {"methods": ["UpdateProgram"], "paths": ["program.card"]},
        {"methods": ["AdjustPoints"], "role": "roles/nobody"},
    ]
    for fields in wrong:
        wanted = pb.ApprovalRule(**fields)
        request = pb.CreateApprovalRuleRequest(
            parent=NAME, approval_rule_id="wrong", approval_rule=wanted, reason={"code": "TEST"}, request_id=fresh()
        )
        assert (await told(club.admin.approvals.CreateApprovalRule(request))).reason == "APPROVAL_RULE_INVALID", fields


async def _listed(client: Client, parent: str = NAME, **more: Any) -> list[str]:
    request = pb.ListApprovalRequestsRequest(parent=parent, **more)
    found = await client.approvals.ListApprovalRequests(request)
    return [one.name for one in found.approval_requests]
