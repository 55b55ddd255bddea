"""What was approved is carried out as its maker, or it ends: whatever stands in the way, and whoever has it in hand."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from fealty.v1 import approvals_pb2 as pb
from fealty.v1 import credentials_pb2, options_pb2, programs_pb2, roles_pb2, users_pb2
from rules.access import Role
from server.executing import Executing
from storage.approvals import outcomes
from storage.approvals.outcomes import Failure
from storage.engine.ids import parse_typeid
from storage.engine.keyring import NO_KEYS
from tests.server.approving import acting_for, adjustment, approve, asked, person, points_of, read, rule
from tests.server.club import NAME, WHY, Club
from tests.server.peopled import at_work, client_of, greeter, lock, logged_in, role
from tests.server.serving import activities, fresh, told

# Another server's, which tried it, too.
REFUSED = Failure("INSUFFICIENT_POINTS", "There are not enough points.")


@pytest.fixture
def alone(club: Club) -> Club:
    """A club whose own server leaves what was approved to others."""
    _executing(club).close()
    return club


async def test_what_was_noted_as_failed_is_not_done_by_who_has_it_in_hand(alone: Club) -> None:
    """The log would say both that nothing was done and that points were given."""
    await rule(alone.admin, "AdjustPoints")
    name = await asked(alone.admin, adjustment(50))
    identity = _approved(alone, name)
    books = alone.served.app.books
    held: Any = await books.oversee("", lambda unit: outcomes.held(unit, identity))
    await books.oversee("", lambda unit: outcomes.finish(unit, identity, REFUSED))
    ended = await _executing(alone)._done(held)
    assert ended is not None
    assert ended.reason == "APPROVAL_REQUIRED"
    assert (await points_of(alone), (await read(alone.admin, name)).state) == (0, pb.APPROVAL_STATE_FAILED)


async def test_done_and_noted_as_failed_at_once_it_is_one_of_both(alone: Club) -> None:
    """Two servers try it in the same moment, and one of them is refused."""
    await rule(alone.admin, "AdjustPoints")
    names = [await asked(alone.admin, adjustment(1)) for _ in range(20)]
    books, executing = alone.served.app.books, _executing(alone)

    async def both(identity: UUID) -> None:
        held: Any = await books.oversee("", lambda unit: outcomes.held(unit, identity))
        note = books.oversee("", lambda unit: outcomes.finish(unit, identity, REFUSED))
        await asyncio.gather(executing._done(held), note)

    await asyncio.gather(*(both(_approved(alone, name)) for name in names))
    states = [(await read(alone.admin, name)).state for name in names]
    assert set(states) <= {pb.APPROVAL_STATE_EXECUTED, pb.APPROVAL_STATE_FAILED}
    assert await points_of(alone) == states.count(pb.APPROVAL_STATE_EXECUTED)


async def test_who_was_locked_by_an_approved_act_is_out_at_once(club: Club) -> None:
    """Whoever had to ask for it must not have locked less than who need not."""
    await rule(club.admin, "LockUser", parent="")
    user = await at_work(club, role("PARTNER", NAME), name="zed")
    zed = club.served.client(logged_in(club, user.name))
    look = programs_pb2.GetProgramRequest(name=NAME)
    await zed.programs.GetProgram(look)
    request = users_pb2.LockUserRequest(name=user.name, reason=WHY, request_id=fresh())
    refused = await told(club.admin.users.LockUser(request))
    found = await approve(person(club.served, "cora"), refused.facts["approval_request"])
    assert found.state == pb.APPROVAL_STATE_EXECUTED
    assert (await told(zed.programs.GetProgram(look))).reason == "KEY_INVALID"


async def test_what_does_not_open_ends_and_holds_up_nothing(club: Club) -> None:
    """One row that is damaged must not keep from everybody what others have agreed to."""
    await rule(club.admin, "AdjustPoints")
    names = [await asked(club.admin, adjustment(1)) for _ in range(17)]
    club.served.execute(r"UPDATE approval_request SET sealed = '\x00'")
    name = await asked(club.admin, adjustment(7))
    for one in (*names, name):
        _approved(club, one)
    await _until(club, lambda: not club.served.rows("SELECT FROM approval_request WHERE state = 'APPROVED'"))
    assert (await read(club.admin, name)).state == pb.APPROVAL_STATE_EXECUTED
    assert await points_of(club) == 7
    ended = [await read(club.admin, one) for one in names]
    assert {(one.state, one.failure.reason) for one in ended} == {(pb.APPROVAL_STATE_FAILED, "INTERNAL")}
    assert len(await activities(club.admin, action="approval.failed")) == 17


async def test_what_cannot_be_carried_out_now_is_put_off_and_done_later(club: Club) -> None:
    """An operator who has mislaid a key finds it again: what was approved is neither lost nor tried without end."""
    await rule(club.admin, "AdjustPoints")
    name = await asked(club.admin, adjustment(7))
    books: Any = club.served.app.books
    books._keyring, keyring = NO_KEYS, books._keyring
    _approved(club, name)
    later = "SELECT FROM approval_request WHERE state = 'APPROVED' AND due_at > now() + interval '4 s'"
    await _until(club, lambda: bool(club.served.rows(later)))
    books._keyring = keyring
    await _until(club, lambda: not club.served.rows("SELECT FROM approval_request WHERE state = 'APPROVED'"))
    assert ((await read(club.admin, name)).state, await points_of(club)) == (pb.APPROVAL_STATE_EXECUTED, 7)


async def test_whose_user_was_locked_gets_nothing_done_by_whatever_key(club: Club) -> None:
    """The service goes on with a key of somebody else's; who asked is not there any more."""
    await rule(club.admin, "AdjustPoints")
    _, zed = await client_of(club, role("PARTNER", NAME), name="zed")
    made = await _key(club)
    club.served.execute(
        "UPDATE api_key SET made_for = %s WHERE id = %s", zed.rpartition("/")[2], made.key.name.rpartition("/")[2]
    )
    service = "/".join(made.key.name.split("/")[:2])
    await club.admin.credentials.CreateKey(credentials_pb2.CreateKeyRequest(service=service, request_id=fresh()))
    name = await asked(club.served.client(made.secret))
    await lock(club.admin, zed)
    found = await approve(person(club.served, "cora"), name)
    assert (found.state, found.failure.reason) == (pb.APPROVAL_STATE_FAILED, "KEY_INVALID")
    assert await points_of(club) == 0


async def test_what_was_asked_for_by_a_bounded_key_is_carried_out_with_no_more(club: Club) -> None:
    """A role that grows while it waits is given by who could give it: this key could not."""
    await rule(club.admin, "AssignRole", parent="")
    made = await _key(club, Role.ADMINISTRATOR, "", permissions=[options_pb2.PERMISSION_USERS_WRITE])
    bounded, given = club.served.client(made.secret), greeter(club)
    names = []
    for name in ("zed", "yves"):
        user = (await at_work(club, name=name)).name
        request = users_pb2.AssignRoleRequest(name=user, role=given.role, reason=WHY, request_id=fresh())
        refused = await told(bounded.users.AssignRole(request))
        names.append(refused.facts["approval_request"])
    cora = person(club.served, "cora")
    assert (await approve(cora, names[0])).state == pb.APPROVAL_STATE_EXECUTED
    club.served.execute("""UPDATE role SET permissions = '["USERS_WRITE", "POINTS_ADJUST"]' WHERE id = 'greeter'""")
    assert (await approve(cora, names[1])).state == pb.APPROVAL_STATE_FAILED


async def test_what_was_asked_for_on_behalf_of_a_user_is_carried_out_with_what_both_may(club: Club) -> None:
    """A user who may less by now gets no more through the service that asked for him."""
    await rule(club.admin, "AdjustPoints")
    office, whom = acting_for(club.served, "zed")
    names = []
    for _ in range(2):
        refused = await told(office.points.AdjustPoints(adjustment(7), metadata=whom))
        names.append(refused.facts["approval_request"])
    cora = person(club.served, "cora")
    assert (await approve(cora, names[0])).state == pb.APPROVAL_STATE_EXECUTED
    club.served.execute("UPDATE role_assignment SET role = 'AUDITOR' WHERE holder = %s", whom[0][1].split("/")[1])
    found = await approve(cora, names[1])
    assert (found.state, found.failure.reason) == (pb.APPROVAL_STATE_FAILED, "PERMISSION_MISSING")
    assert await points_of(club) == 7


async def _key(club: Club, held: Role = Role.PARTNER, scope: str = NAME, **more: Any) -> Any:
    """A key of a new service."""
    roles = [roles_pb2.RoleInScope(role=f"roles/{held.value}", scope=scope)]
    request = credentials_pb2.CreateKeyRequest(service_name="sock", roles=roles, request_id=fresh(), **more)
    return await club.admin.credentials.CreateKey(request)


def _executing(club: Club) -> Executing:
    [found] = [one for one in club.served.app.servicers if one.service == "fealty.v1.ApprovalService"]
    executing = found._executing
    assert isinstance(executing, Executing)
    return executing


def _approved(club: Club, name: str) -> UUID:
    """Notes that a request is approved, as by a server that dies over it."""
    identity = parse_typeid("approval", name.rpartition("/")[2])
    assert identity is not None
    club.served.execute(
        "UPDATE approval_request SET state = 'APPROVED', approved_activity = activity, updated_at = clock_timestamp()"
        " WHERE id = %s",
        identity,
    )
    return identity


async def _until(club: Club, is_so: Callable[[], bool]) -> None:
    for _ in range(300):
        if is_so():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(club.served.rows("SELECT state, due_at, failure_reason FROM approval_request"))
