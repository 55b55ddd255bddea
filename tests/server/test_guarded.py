"""Every method of the contract keeps out who may not call it, and shows nobody what is another program's."""

from datetime import timedelta
from typing import Any

import grpc.aio
import pytest
from grpc import StatusCode

from fealty.v1 import points_pb2
from rules import access
from rules.access import Permission, Role
from server import limits
from server.commands import HOT
from server.policy import Method, methods
from storage.access.assignments import assign, of_program
from storage.access.commands import create_key, revoke_key
from storage.engine.unit import run
from tests.server.calling import REQUESTS, request_of, send
from tests.server.club import NAME, Club, account
from tests.server.logging_in import make_user
from tests.server.peopled import logged_in
from tests.server.serving import PLAIN, Client, fresh, told
from tests.server.strangers import nowhere, statements, tell, torn_down
from tests.server.unchecked import keeps_no_wrong_text

pytestmark = pytest.mark.long

# Names no program: it is answered, with what is the caller's own.
SHOWS_OWN = {"ListPrograms"}
# Names one by an id of its own.
NAMELESS = {"GetActivity"}
# Answered on the event loop, whose lanes take calls of many callers together: the first wall is the only one there. A
# program that is made is nobody's yet.
BEFORE_THE_WALL = {
    "BatchGetBalances",
    "BatchIngest",
    "CreateProgram",
    "GetBalance",
    "GetEntry",
    "ListEntries",
    "ValidateCoupons",
}
# What is decided before its permission is looked at in the program that it is about.
TOLD_BEFORE = {"GetActivity": "ACTIVITY_NOT_FOUND", "CreateProgram": "PROGRAM_NOT_FOUND"}
# Are about no program: who may know of what there is tested beside each (test_organizations.py,
# test_roles.py, test_services.py, test_users_scope.py).
OUTSIDE = {
    "fealty.v1.OrganizationService",
    "fealty.v1.RoleService",
    "fealty.v1.CredentialService",
    "fealty.v1.UserService",
}
# What somebody has to be permitted in a program.
IN_PROGRAMS = frozenset(
    method for method in methods() if method.permission not in access.UNGRANTED and method.service not in OUTSIDE
)
# Nobody gives more than he holds: who may no more than this has nothing to give.
GIVING = {"CreateRole", "UpdateRole", "CreateKey", "RotateKey", "RegisterCertificate", "UpdateService"}


@pytest.fixture(autouse=True)
def _nothing_is_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers look now and then for what was approved: statements that no call asked for."""
    monkeypatch.setattr(limits, "APPROVED_LOOK_S", 3600.0)


def _name(method: Method) -> str:
    return method.name


def test_every_method_of_the_contract_is_among_them() -> None:
    """One that is added and forgotten here is one of which nobody knows whom it lets in."""
    assert {method.name for method in methods()} == REQUESTS.keys()


@pytest.mark.parametrize(
    "method", [method for method in methods() if method.permission not in access.UNGRANTED], ids=_name
)
async def test_without_its_permission_or_in_another_program_a_method_cannot_be_called(
    club: Club, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tenants do not learn of each other, by no method and in no role. And whatever else the role holds, it is one
    permission that the contract names; with it alone the call is let in."""
    request = await request_of(club, method)
    if method in IN_PROGRAMS:
        await _is_as_what_does_not_exist(club, method, request, monkeypatch)
        await _is_no_more_here_than_it_is_here(club, method, request)
        with torn_down(monkeypatch):
            await _is_not_found_behind_the_wall(club, method, request)
    somebody = club.served.client(club.served.key("somebody", Role.AUDITOR))
    # A user: some calls are for people alone.
    user = make_user(club.served.database, role=Role.AUDITOR, program="")
    other = club.served.client(logged_in(club, f"users/{user.id}"))
    books = club.books()
    monkeypatch.setitem(access.PERMISSIONS, Role.AUDITOR, frozenset(Permission) - {method.permission})
    answer = await told(send(somebody, method, request))
    assert (answer.code, answer.reason) == (StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    assert answer.facts == {"permission": method.permission, "role": "AUDITOR"}
    assert club.books() == books, "without its permission"
    monkeypatch.setitem(access.PERMISSIONS, Role.AUDITOR, frozenset({method.permission}))
    if method.name == "CreateProgram":
        request.program_id = "cocoa"
    if method.name in GIVING:
        assert (await told(send(other, method, request))).reason == "GRANT_EXCEEDED"
    else:
        await send(other, method, request)
    await keeps_no_wrong_text(club, method, request)


async def _is_as_what_does_not_exist(club: Club, method: Method, request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code, reason, words, details and trailers are those of a wrong name, and so is what is asked of the database to
    tell them. Nothing is changed."""
    wrong = nowhere(method, request)
    strangers = {role: club.served.client(club.served.key(f"stranger {role}", role, "coffee")) for role in Role}
    books = club.books()
    with statements(monkeypatch) as asked:
        for role, stranger in strangers.items():
            there = await tell(stranger, method, request, asked)
            missing = await tell(stranger, method, wrong, asked)
            assert there.code is _expected(role, method), (role, there)
            assert there.words == missing.words, role
            assert there.asked == missing.asked, role
            assert NAME.encode() not in there.shown, role
            if there.code is StatusCode.NOT_FOUND and method.name not in NAMELESS:
                assert there.reason == "PROGRAM_NOT_FOUND"
    assert club.books() == books, "of another program"


async def _is_not_found_behind_the_wall(club: Club, method: Method, request: Any) -> None:
    """Whoever gets past all that the edge asks is shown nothing, and changes nothing, by threads that see another
    program."""
    if method.request in HOT or method.name in BEFORE_THE_WALL:
        return
    books = club.books()
    there = await tell(club.admin, method, request, [])
    # Of a code that is mistyped it is said before it is looked for.
    assert there.code in (StatusCode.NOT_FOUND, StatusCode.OK, StatusCode.INVALID_ARGUMENT)
    assert NAME.encode() not in there.shown
    if there.code is StatusCode.OK:
        # Of what comes in lists, there is none.
        assert method.name in SHOWS_OWN or not there.shown
    assert club.books() == books


async def _is_no_more_here_than_it_is_here(club: Club, method: Method, request: Any) -> None:
    """An administrator of one program who is a shop window in another: what it may there is no permission here."""
    if method.permission in access.PERMISSIONS[Role.STOREFRONT]:
        return
    name = "of two programs"
    somebody = club.served.client(club.served.key(name, Role.ADMINISTRATOR, "coffee"))
    [(holder,)] = club.served.rows("SELECT id FROM caller WHERE name = %s", name)
    [(activity,)] = club.served.rows("SELECT activity FROM role_assignment WHERE holder = %s", holder)
    run(club.served.database, lambda unit: assign(unit, holder, Role.STOREFRONT, of_program("club"), activity))
    books = club.books()
    answer = await tell(somebody, method, request, [])
    assert answer.reason == TOLD_BEFORE.get(method.name, "PERMISSION_MISSING")
    assert club.books() == books


def _expected(role: Role, method: Method) -> StatusCode:
    if method.permission not in access.PERMISSIONS[role]:
        return StatusCode.PERMISSION_DENIED
    return StatusCode.OK if method.name in SHOWS_OWN else StatusCode.NOT_FOUND


async def test_nobody_is_told_what_is_wrong_with_a_credential(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, nonsense, an unknown one, one that is revoked or expired, and half of a good one: all are told the same by
    every method, before their request is read. That would help only a thief."""
    # Else it would depend on how many came before.
    monkeypatch.setattr(limits, "EQUAL_FAILURES_MAX", 1_000_000)
    wrong: list[str] = []
    credentials = _credentials(club)
    async with grpc.aio.insecure_channel(club.served.address) as channel:
        with statements(monkeypatch) as asked:
            for method in methods():
                if method.permission is Permission.ANYONE:
                    continue
                request = method.request()
                told_of = {
                    kind: await tell(Client(channel), method, request, asked, metadata)
                    for kind, metadata in credentials.items()
                }
                if {there.reason for there in told_of.values()} != {"KEY_INVALID"}:
                    wrong.append(f"{method.name} lets somebody in: {told_of}")
                if len({(there.code, str(there.words), there.asked) for there in told_of.values()}) > 1:
                    wrong.append(f"{method.name} tells them apart: {told_of}")
    assert not wrong, "\n".join(wrong)


def _credentials(club: Club) -> dict[str, list[tuple[str, str]]]:
    database, good = club.served.database, club.served.till_key
    revoked = run(database, lambda unit: create_key(unit, "revoked", Role.ADMINISTRATOR))
    assert run(database, lambda unit: revoke_key(unit, revoked.key.id))
    expired = run(database, lambda unit: create_key(unit, "expired", Role.ADMINISTRATOR, None, timedelta(0)))
    shown = {
        "nonsense": "nonsense",
        "unknown": f"fealty_0123456789abcdef_{'0' * 64}",
        "revoked": revoked.key.text,
        "expired": expired.key.text,
        "of another's secret": good[:-4] + ("0000" if good[-4:] != "0000" else "1111"),
    }
    return {"none": [], **{kind: [("authorization", f"Bearer {key}")] for kind, key in shown.items()}}


async def test_points_cannot_be_given_into_another_program_nor_leave_a_trace_there(club: Club) -> None:
    """Whoever names an account there must not open it, lock it, or hear whether its customer exists."""
    stranger = club.served.client(club.served.key("stranger", Role.ADMINISTRATOR, "coffee"))
    of_club = "SELECT account::text FROM account JOIN program p ON p.id = program WHERE program_id = 'club'"
    before = club.served.rows(of_club)
    for target in (account(), account("plain", "programs/club/customers/nobody")):
        request = points_pb2.TransferPointsRequest(account=PLAIN, to_account=target, points=1, request_id=fresh())
        assert (await told(stranger.points.TransferPoints(request))).reason == "TRANSFER_BETWEEN_CARDS"
    assert club.served.rows(of_club) == before
