"""Every method of the contract keeps out who may not call it, and shows nobody what is another program's."""

import pytest
from grpc import StatusCode

from fealty.v1 import points_pb2
from rules import access
from rules.access import Permission, Role
from server.policy import Method, methods
from tests.server.calling import REQUESTS, refused, request_of, send
from tests.server.club import NAME, Club, account
from tests.server.serving import PLAIN, fresh, told

pytestmark = pytest.mark.long

# Name no program: what a caller of one sees by them is tested in test_keys.py and test_one_activity.py.
NAMELESS = {"ListPrograms", "GetActivity"}


def _name(method: Method) -> str:
    return method.name


def test_every_method_of_the_contract_is_among_them() -> None:
    """One that is added and forgotten here is one of which nobody knows whom it lets in."""
    assert {method.name for method in methods()} == REQUESTS.keys()


@pytest.mark.parametrize("method", methods(), ids=_name)
async def test_without_its_permission_a_method_cannot_be_called(
    club: Club, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else the role holds, it is this one that the contract names; and with it alone the call is let in."""
    request = await request_of(club, method)
    somebody = club.served.client(club.served.key("somebody", Role.AUDITOR))
    books = club.books()
    monkeypatch.setitem(access.PERMISSIONS, Role.AUDITOR, frozenset(Permission) - {method.permission})
    answer = await told(send(somebody, method, request))
    assert (answer.code, answer.reason) == (StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    assert answer.facts == {"permission": method.permission, "role": "AUDITOR"}
    assert club.books() == books
    monkeypatch.setitem(access.PERMISSIONS, Role.AUDITOR, frozenset({method.permission}))
    if method.name == "CreateProgram":
        request.program_id = "cocoa"
    await send(somebody, method, request)


@pytest.mark.parametrize("method", [method for method in methods() if method.name not in NAMELESS], ids=_name)
async def test_what_is_another_programs_is_not_found(club: Club, method: Method) -> None:
    """Tenants do not learn of each other, by no method: the answer is that of a wrong name, and nothing is changed."""
    request = await request_of(club, method)
    stranger = club.served.client(club.served.key("stranger", Role.ADMINISTRATOR, "coffee"))
    books = club.books()
    assert await refused(stranger, method, request) == ("PROGRAM_NOT_FOUND", {"program": NAME})
    assert club.books() == books


async def test_points_cannot_be_given_into_another_program_nor_leave_a_trace_there(club: Club) -> None:
    """Whoever names an account there must not open it, lock it, or hear whether its customer exists."""
    stranger = club.served.client(club.served.key("stranger", Role.ADMINISTRATOR, "coffee"))
    of_club = "SELECT account::text FROM account JOIN program p ON p.id = program WHERE program_id = 'club'"
    before = club.served.rows(of_club)
    for target in (account(), account("plain", "programs/club/customers/nobody")):
        request = points_pb2.TransferPointsRequest(account=PLAIN, to_account=target, points=1, request_id=fresh())
        assert (await told(stranger.points.TransferPoints(request))).reason == "TRANSFER_BETWEEN_CARDS"
    assert club.served.rows(of_club) == before
