"""Rules of approval, makers and checkers, for whoever tests what is under approval."""

from typing import Any
from uuid import uuid4

from fealty.v1 import approvals_pb2 as pb
from fealty.v1 import points_pb2
from rules.access import Role
from storage.engine.ids import typeid
from tests.server.club import NAME, NOTE, WHY, Club, account
from tests.server.serving import Client, Served, fresh, told


def person(served: Served, name: str, role: Role = Role.ADMINISTRATOR, program: str | None = None) -> Client:
    """Somebody with a key of their own, who holds the role."""
    return served.client(key_of_person(served, name, role, program))


def another_key(served: Served, name: str) -> Client:
    """The same person with a key of another service."""
    return served.client(key_of_person(served, name, called=f"{name} again"))


def acting_for(served: Served, name: str) -> tuple[Client, tuple[tuple[str, str], ...]]:
    """A back office that may act for users, and with what it says that it acts for an administrator of that name."""
    key, whom = served.key("office", Role.ADMINISTRATOR), user(served, name)
    served.execute("""UPDATE api_key SET may_act_for = '["USERS"]' WHERE id = %s""", key.split("_")[1])
    served.execute(
        "INSERT INTO role_assignment (id, holder, role, scope_kind, from_at, activity)"
        " SELECT gen_random_uuid(), %s, 'ADMINISTRATOR', 'ALL', now(), id FROM activity LIMIT 1",
        whom,
    )
    return served.client(key), (("x-on-behalf-of", f"users/{whom}"),)


def key_of_person(
    served: Served, name: str, role: Role = Role.ADMINISTRATOR, program: str | None = None, called: str = ""
) -> str:
    """A key that was made for a user of that name, who is made where there is none."""
    key = served.key(called or name, role, program)
    served.execute("UPDATE api_key SET made_for = %s WHERE id = %s", user(served, name), key.split("_")[1])
    return key


def user(served: Served, name: str) -> str:
    """The id of the user of that name, who is made where there is none."""
    found = served.rows("SELECT id FROM app_user WHERE display_name = %s", name)
    if found:
        return str(found[0][0])
    identity = typeid("user", uuid4().int)
    served.execute(
        "INSERT INTO app_user (id, email, display_name, state, version, created_at, updated_at, activity)"
        " SELECT %s, %s, %s, 'ACTIVE', 1, now(), now(), id FROM activity LIMIT 1",
        identity,
        f"{name}@example.com",
        name,
    )
    return identity


async def rule(client: Client, *methods: str, parent: str = NAME, **more: Any) -> pb.ApprovalRule:
    """A rule that puts methods under approval."""
    wanted = pb.ApprovalRule(methods=methods, **more)
    request = pb.CreateApprovalRuleRequest(
        parent=parent, approval_rule_id=f"r-{fresh()}", approval_rule=wanted, reason=WHY, request_id=fresh()
    )
    return (await client.approvals.CreateApprovalRule(request)).approval_rule


def adjustment(points: int = 10, **more: Any) -> points_pb2.AdjustPointsRequest:
    """An adjustment of ada's points."""
    fields: dict[str, Any] = {"account": account(), "points": points, "reason": WHY, "request_id": fresh(), **more}
    return points_pb2.AdjustPointsRequest(**fields)


async def asked(client: Client, message: Any = None) -> str:
    """The name of the request for approval that an adjustment becomes."""
    refused = await told(client.points.AdjustPoints(message or adjustment()))
    assert refused.reason == "APPROVAL_REQUIRED", refused.message
    return str(refused.facts["approval_request"])


async def read(client: Client, name: str) -> pb.ApprovalRequest:
    """A request as it stands."""
    return (await client.approvals.GetApprovalRequest(pb.GetApprovalRequestRequest(name=name))).approval_request


async def approve(client: Client, name: str, **more: Any) -> pb.ApprovalRequest:
    """Says yes."""
    request = pb.ApproveRequestRequest(name=name, request_id=fresh(), **more)
    return (await client.approvals.ApproveRequest(request)).approval_request


async def reject(client: Client, name: str) -> pb.ApprovalRequest:
    """Says no."""
    request = pb.RejectRequestRequest(name=name, reason=WHY, request_id=fresh())
    return (await client.approvals.RejectRequest(request)).approval_request


async def withdraw(client: Client, name: str) -> pb.ApprovalRequest:
    """Takes it back."""
    request = pb.WithdrawRequestRequest(name=name, request_id=fresh())
    return (await client.approvals.WithdrawRequest(request)).approval_request


async def points_of(club: Club) -> int:
    """Ada's active points."""
    request = points_pb2.GetBalanceRequest(account=account())
    return (await club.admin.points.GetBalance(request)).balance.active


LARGE = f"{NAME}/approvalRules/large"


async def ask_create(club: Club) -> Any:
    """A rule about large adjustments."""
    wanted = pb.ApprovalRule(methods=["AdjustPoints"], amount_field="points", above=1000, role="roles/PARTNER")
    return pb.CreateApprovalRuleRequest(parent=NAME, approval_rule_id="large", approval_rule=wanted, reason=WHY)


async def ask_update(club: Club) -> Any:
    """The same about less, and for two people."""
    await _make(club, await ask_create(club))
    wanted = pb.ApprovalRule(name=LARGE, methods=["AdjustPoints"], amount_field="points", above=500, approvers=2)
    return pb.UpdateApprovalRuleRequest(approval_rule=wanted, reason=WHY)


async def ask_delete(club: Club) -> Any:
    """The end of it."""
    await _make(club, await ask_create(club))
    return pb.DeleteApprovalRuleRequest(name=LARGE, reason=WHY)


async def ask_submit(club: Club) -> Any:
    """A draft of the administrator's."""
    await _two(club, begins_as_draft=True)
    return pb.SubmitApprovalRequestRequest(name=await asked(club.admin), justification=NOTE)


async def ask_withdraw(club: Club) -> Any:
    """What the administrator wants no more."""
    await _two(club)
    return pb.WithdrawRequestRequest(name=await asked(club.admin), reason=WHY)


async def ask_approve(club: Club) -> Any:
    """What somebody else asked for, and which takes two."""
    return pb.ApproveRequestRequest(name=await _of_another(club), reason=WHY)


async def ask_reject(club: Club) -> Any:
    """The same, turned down."""
    return pb.RejectRequestRequest(name=await _of_another(club), reason=WHY)


async def _of_another(club: Club) -> str:
    be_somebody(club)
    await _two(club)
    return await asked(person(club.served, "mia"))


async def _two(club: Club, **more: Any) -> None:
    """A rule that adjustments take two more people, where it is not there yet."""
    listed = await club.admin.approvals.ListApprovalRules(pb.ListApprovalRulesRequest(parent=NAME))
    if any(one.name == LARGE for one in listed.approval_rules):
        return
    wanted = pb.ApprovalRule(methods=["AdjustPoints"], approvers=2, **more)
    # Without a note: what is left of those is counted.
    reason = {"code": WHY.code}
    request = pb.CreateApprovalRuleRequest(parent=NAME, approval_rule_id="large", approval_rule=wanted, reason=reason)
    await _make(club, request)


async def _make(club: Club, request: Any) -> None:
    request.request_id = fresh()
    await club.admin.approvals.CreateApprovalRule(request)


def be_somebody(club: Club) -> None:
    """Has the administrator's key be somebody's, who may then decide."""
    made_for = user(club.served, "ann")
    club.served.execute(
        "UPDATE api_key k SET made_for = %s FROM caller c WHERE c.id = k.caller AND c.name = 'admin'", made_for
    )
    club.served.app.interceptors._keys._known.clear()
