"""How to come to each refusal of approvals."""

from collections.abc import Awaitable, Callable
from typing import Any

from grpc import StatusCode

from fealty.v1 import approvals_pb2 as pb
from tests.server.approving import LARGE, approve, ask_create, asked, be_somebody, person, rule, withdraw
from tests.server.club import NAME, WHY, Club
from tests.server.provoked import EXISTS, MISSING, REFUSED, Provoked, at_once
from tests.server.serving import fresh

Refused = Callable[[], Awaitable[Any]]
DENIED = StatusCode.PERMISSION_DENIED
_NOWHERE = f"{NAME}/approvalRequests/approval_{'0' * 26}"


async def _rule_twice(club: Club) -> Refused:
    request = await ask_create(club)
    request.request_id = fresh()
    await club.admin.approvals.CreateApprovalRule(request)
    request.request_id = fresh()
    return lambda: club.admin.approvals.CreateApprovalRule(request)


async def _withdrawn_twice(club: Club) -> Refused:
    await rule(club.admin, "AdjustPoints")
    name = await asked(club.admin)
    await withdraw(club.admin, name)
    return lambda: withdraw(club.admin, name)


async def _own(club: Club) -> Refused:
    await rule(club.admin, "AdjustPoints")
    be_somebody(club)
    name = await asked(club.admin)
    return lambda: approve(club.admin, name)


async def _by_nobody(club: Club) -> Refused:
    name = await _of_another(club)
    return lambda: approve(club.admin, name)


async def _without_the_role(club: Club) -> Refused:
    name = await _of_another(club, role="roles/PARTNER")
    be_somebody(club)
    return lambda: approve(club.admin, name)


async def _approved_twice(club: Club) -> Refused:
    name = await _of_another(club, approvers=2)
    be_somebody(club)
    await approve(club.admin, name)
    return lambda: approve(club.admin, name)


async def _of_another(club: Club, **more: Any) -> str:
    await rule(club.admin, "AdjustPoints", **more)
    return await asked(person(club.served, "mia"))


def _delete(club: Club) -> Awaitable[Any]:
    request = pb.DeleteApprovalRuleRequest(name=LARGE, reason=WHY, request_id=fresh())
    return club.admin.approvals.DeleteApprovalRule(request)


OF_APPROVALS: dict[str, Provoked] = {
    "APPROVAL_RULE_NOT_FOUND": Provoked(MISSING, {}, at_once(_delete)),
    "APPROVAL_REQUEST_NOT_FOUND": Provoked(MISSING, {}, at_once(lambda club: withdraw(club.admin, _NOWHERE))),
    "APPROVAL_RULE_EXISTS": Provoked(EXISTS, {"rule": "large"}, _rule_twice),
    "APPROVAL_RULE_INVALID": Provoked(
        StatusCode.INVALID_ARGUMENT, {}, at_once(lambda club: rule(club.admin, "ApproveRequest"))
    ),
    "APPROVAL_STATE": Provoked(REFUSED, {"state": "WITHDRAWN"}, _withdrawn_twice),
    "OWN_APPROVAL": Provoked(DENIED, {}, _own),
    "APPROVER_UNKNOWN": Provoked(DENIED, {}, _by_nobody),
    "APPROVER_ROLE_MISSING": Provoked(DENIED, {"role": "PARTNER"}, _without_the_role),
    "ALREADY_DECIDED": Provoked(REFUSED, {}, _approved_twice),
}
