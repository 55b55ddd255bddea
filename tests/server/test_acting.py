"""Services that act for users and for customers: with no more than these may, and both are in the log."""

from typing import Any

import pytest

from fealty import claims, connect_async
from fealty.v1 import (
    audit_pb2,
    customers_pb2,
    ingest_pb2,
    points_pb2,
    programs_pb2,
    reports_pb2,
    rewards_pb2,
    roles_pb2,
    transactions_pb2,
    users_pb2,
)
from fealty.v1 import credentials_pb2 as pb
from rules.access import Role
from server import limits
from tests.server.batching import sent, target
from tests.server.club import ADA, BEN, NAME, Club, account
from tests.server.crediting import IN_CLUB, key, of_key
from tests.server.peopled import invited, role
from tests.server.serving import Client, activities, fresh, purchase, told

USER = f"user_{'7' * 26}"
GET = programs_pb2.GetProgramRequest(name=NAME)


async def _service(club: Club, *acts_for: Any, role: str = "SERVICE") -> Client:
    roles = [roles_pb2.RoleInScope(role=f"roles/{role}", scope=NAME)]
    return club.served.client((await key(club, name=f"desk {role}", roles=roles, may_act_for=acts_for)).secret)


def _user(club: Club, role: Role, state: str = "ACTIVE", program: str = "club") -> str:
    """A user who holds a role in a program."""
    activity = "(SELECT id FROM activity LIMIT 1)"
    club.served.execute(
        f"INSERT INTO app_user VALUES (%s, 'anna@example.com', 'Anna', 'en', %s, 1, now(), now(), {activity})",
        *(USER, state),
    )
    club.served.execute(
        "INSERT INTO role_assignment (id, holder, role, scope_kind, scope, from_at, activity)"
        f" SELECT gen_random_uuid(), %s, %s, 'PROGRAM', id, now(), {activity} FROM program WHERE program_id = %s",
        *(USER, role.value, program),
    )
    return f"users/{USER}"


async def test_for_a_user_what_both_may_is_permitted_and_both_are_recorded(club: Club) -> None:
    """A back office of one's own calls with one key for all its people, and none of them gains by it."""
    desk, user = await _service(club, pb.ACTS_FOR_USERS), _user(club, Role.STAFF)
    with claims(on_behalf_of=user):
        await desk.transactions.RecordTransaction(purchase(100, account()))
        # Staff may adjust, and its service not; the service may follow the log, and staff not.
        why = {"code": "GOODWILL"}
        adjusting = points_pb2.AdjustPointsRequest(account=account(), points=1, reason=why, request_id=fresh())
        assert (await told(desk.points.AdjustPoints(adjusting))).reason == "PERMISSION_MISSING"
        mine = await desk.roles.ListMyPermissions(roles_pb2.ListMyPermissionsRequest())
    assert mine.on_behalf_of == user
    [denied, recorded] = [one for one in await activities(club.admin, parent=NAME) if one.actor.on_behalf_of]
    assert (denied.action, recorded.action) == ("points.adjusted", "transaction.recorded")
    assert (recorded.actor.display_name, recorded.actor.on_behalf_of) == ("desk SERVICE", user)
    assert recorded.description.endswith("(Service desk SERVICE on behalf of user Anna).")


async def test_on_behalf_of_nobody_is_refused_and_not_taken_for_oneself(club: Club) -> None:
    """A portal whose variable is empty would read any customer."""
    desk = await _service(club, pb.ACTS_FOR_CUSTOMERS)
    for empty in ("", " "):
        answer = await told(desk.programs.GetProgram(GET, metadata=(("x-on-behalf-of", empty),)))
        assert answer.reason == "ACTING_DENIED"
        with pytest.raises(ValueError, match="name for whom"), claims(on_behalf_of=empty):
            pass
    with claims(on_behalf_of=None):
        await desk.programs.GetProgram(GET)


@pytest.mark.parametrize(
    ("state", "program"), [("LOCKED", "club"), ("ARCHIVED", "club"), ("INVITED", "club"), ("ACTIVE", "coffee")]
)
async def test_for_a_user_who_may_not_a_service_may_not(club: Club, state: str, program: str) -> None:
    """Who was locked is not let in through the back door; nor one of another tenant, though he may there."""
    desk, user = await _service(club, pb.ACTS_FOR_USERS), _user(club, Role.STAFF, state, program)
    with claims(on_behalf_of=user):
        reason = (await told(desk.programs.GetProgram(GET))).reason
    assert reason == ("ACTING_DENIED" if state != "ACTIVE" else "PERMISSION_MISSING")


async def test_a_service_acts_for_nobody_whom_its_key_does_not_permit(club: Club) -> None:
    """Whoever there is, and whoever there is not: they are told the same, and the try is the service's own."""
    user = _user(club, Role.STAFF)
    for number, acts_for in enumerate(([], [pb.ACTS_FOR_USERS], [pb.ACTS_FOR_CUSTOMERS])):
        made = await key(club, name=f"till {number}", roles=IN_CLUB, may_act_for=acts_for)
        client = club.served.client(made.secret)
        denied = [f"users/user_{'0' * 26}", "nobody", f"{NAME}\r\nx: y"]
        denied += [user] if pb.ACTS_FOR_USERS not in acts_for else []
        denied += [ADA] if pb.ACTS_FOR_CUSTOMERS not in acts_for else ["programs/coffee/customers/ada"]
        for name in denied:
            if "\n" in name:
                continue
            with claims(on_behalf_of=name):
                assert (await told(client.programs.GetProgram(GET))).reason == "ACTING_DENIED", name
    tried = await activities(club.admin, outcome="ACTIVITY_OUTCOME_DENIED")
    assert {one.actor.on_behalf_of for one in tried} == {""}
    assert all(one.actor.name for one in tried)


async def test_for_a_customer_only_what_is_theirs_is_asked_and_answered(club: Club) -> None:
    """A customer's own app calls for one customer at a time: a wrong id in it shows nobody else's points."""
    await club.earn(100)
    await club.earn(100, customer=BEN)
    app = await _service(club, pb.ACTS_FOR_CUSTOMERS)
    listing = customers_pb2.ListCustomersRequest(parent=NAME)
    sold = purchase(10, account("plain", BEN))
    with claims(on_behalf_of=ADA):
        await app.points.GetBalance(points_pb2.GetBalanceRequest(account=account()))
        await app.rewards.ListRewards(rewards_pb2.ListRewardsRequest(parent=NAME))
        gift = points_pb2.TransferPointsRequest(
            account=account(), to_account=account("plain", BEN), points=1, request_id=fresh()
        )
        refused: list[Any] = [
            app.points.GetBalance(points_pb2.GetBalanceRequest(account=account("plain", BEN))),
            app.points.GetBalance(points_pb2.GetBalanceRequest(account=account("plain", f"{NAME}/customers/nobody"))),
            app.points.BatchGetBalances(
                points_pb2.BatchGetBalancesRequest(card=f"{NAME}/cards/plain", customers=[ADA, BEN])
            ),
            app.points.TransferPoints(gift),
            app.customers.ListCustomers(listing),
            app.transactions.RecordTransaction(sold),
        ]
        assert [(await told(one)).reason for one in refused] == ["ACTING_DENIED"] * len(refused)
        items = [ingest_pb2.Item(record=sold), ingest_pb2.Item(record=purchase(10, account()))]
        stream = app.ingest.BatchIngest(iter([ingest_pb2.BatchIngestRequest(items=items)]))
        results = [result async for answer in stream for result in answer.results]
    assert [result.WhichOneof("result") == "refused" for result in results] == [True, False]
    recorded = await activities(club.admin, action="transaction.recorded", parent=ADA)
    assert recorded[0].description.endswith("(Service desk SERVICE on behalf of customer ada).")


async def test_what_names_a_customer_in_its_answer_alone_is_not_shown_to_another(club: Club) -> None:
    """A purchase is looked up by a number that anybody may type."""
    await club.earn(100, customer=BEN, transaction_id="bens", source="shop")
    app = await _service(club, pb.ACTS_FOR_CUSTOMERS)
    looking = transactions_pb2.LookupTransactionRequest(parent=NAME, transaction_id="bens", source="shop")
    await app.transactions.LookupTransaction(looking)
    with claims(on_behalf_of=ADA):
        assert (await told(app.transactions.LookupTransaction(looking))).reason == "ACTING_DENIED"


async def test_for_a_customer_nothing_is_done_to_the_program(club: Club) -> None:
    """Whatever the app may do for itself: it would stand in the log as the customer's doing."""
    app = await _service(club, pb.ACTS_FOR_CUSTOMERS, role="PARTNER")
    named = programs_pb2.Program(name=NAME, display_name=ADA)
    exporting, csv = audit_pb2.StartExportRequest, audit_pb2.EXPORT_FORMAT_CSV
    refused: list[Any] = [
        lambda: app.audit.StartExport(exporting(parent=NAME, format=csv, request_id=fresh())),
        lambda: app.programs.UpdateProgram(programs_pb2.UpdateProgramRequest(program=named, request_id=fresh())),
        lambda: invited(club, role("STAFF", NAME), client=app, name="friend"),
        lambda: app.users.ListUsers(users_pb2.ListUsersRequest()),
        lambda: app.credentials.CreateKey(of_key("another")),
        lambda: app.reports.GetLiability(reports_pb2.GetLiabilityRequest(card=f"{NAME}/cards/plain")),
        lambda: sent(app, [target()]),
    ]
    with claims(on_behalf_of=ADA):
        assert [(await told(ask())).reason for ask in refused] == ["ACTING_DENIED"] * len(refused)
        await app.programs.GetProgram(GET)
        await app.audit.StartExport(exporting(parent=ADA, format=csv, request_id=fresh()))


async def test_a_user_is_asked_for_once_and_believed_for_a_while(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """As keys are: a back office makes a thousand calls for one clerk."""
    desk, user = await _service(club, pb.ACTS_FOR_USERS), _user(club, Role.STAFF)
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 60.0)
    monkeypatch.setattr(limits, "KEY_ASKED_AGAIN_S", 60.0)
    with claims(on_behalf_of=user):
        await desk.programs.GetProgram(GET)
        club.served.execute("UPDATE app_user SET state = 'LOCKED'")
        await desk.programs.GetProgram(GET)
    # What changes here what callers may, has them asked for again.
    await key(club, name="another")
    with claims(on_behalf_of=user):
        assert (await told(desk.programs.GetProgram(GET))).reason == "ACTING_DENIED"


async def test_the_client_says_for_whom(club: Club) -> None:
    """By the same words as it says what a call is for."""
    made = await key(club, may_act_for=[pb.ACTS_FOR_CUSTOMERS])
    async with connect_async(club.served.address, made.secret) as fealty:
        with claims(on_behalf_of=ADA, purpose="app"):
            mine = await fealty.roles.ListMyPermissions(roles_pb2.ListMyPermissionsRequest())
    assert mine.on_behalf_of == ADA
