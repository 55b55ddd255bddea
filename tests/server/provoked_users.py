"""How to come to each refusal of users and their roles."""

from collections.abc import Awaitable, Callable
from typing import Any

from grpc import StatusCode

from fealty.v1 import users_pb2 as pb
from tests.server.club import NAME, WHY, Club
from tests.server.peopled import (
    GRETA,
    assign,
    at_work,
    client_of,
    end,
    found,
    greta,
    invited,
    lock,
    partner,
    role,
)
from tests.server.provoked import EXISTS, MISSING, REFUSED, Provoked, at_once
from tests.server.serving import fresh

Refused = Callable[[], Awaitable[Any]]
DENIED = StatusCode.PERMISSION_DENIED
STAFF = role("STAFF", NAME)


async def _taken(club: Club) -> Refused:
    await invited(club)
    return lambda: invited(club)


async def _locked_twice(club: Club) -> Refused:
    name = (await at_work(club)).name
    await lock(club.admin, name)
    return lambda: lock(club.admin, name)


async def _elsewhere(club: Club) -> Refused:
    calls, _ = await client_of(club, role("PARTNER", partner(club, "club")), name="Petra")
    name = (await at_work(club, STAFF, role("STAFF", "programs/coffee"), name="Both")).name
    return lambda: lock(calls, name)


async def _oneself(club: Club) -> Refused:
    calls, name = await client_of(club, role("ADMINISTRATOR"), name="Otto")
    return lambda: lock(calls, name)


async def _last(club: Club) -> Refused:
    name = (await at_work(club, role("ADMINISTRATOR"))).name
    return lambda: lock(club.admin, name)


async def _no_login(club: Club) -> Refused:
    name = f"{greta(club)}/logins/{'0' * 16}"
    return lambda: club.admin.users.RevokeLogin(pb.RevokeLoginRequest(name=name, reason=WHY, request_id=fresh()))


async def _held_already(club: Club) -> Refused:
    name = (await at_work(club, STAFF)).name
    return lambda: assign(club.admin, name, STAFF)


async def _not_held(club: Club) -> Refused:
    name = (await at_work(club, role("STAFF"))).name
    return lambda: end(club.admin, name, STAFF)


async def _exceeded(club: Club) -> Refused:
    calls, _ = await client_of(club, role("PARTNER", partner(club, "club")), name="Petra")
    return lambda: invited(club, role("ADMINISTRATOR", NAME), client=calls)


OF_USERS: dict[str, Provoked] = {
    "USER_NOT_FOUND": Provoked(MISSING, {}, at_once(lambda club: found(club.admin, GRETA))),
    "USER_EXISTS": Provoked(EXISTS, {}, _taken),
    "USER_STATE": Provoked(REFUSED, {"state": "LOCKED"}, _locked_twice),
    "USER_ELSEWHERE": Provoked(DENIED, {}, _elsewhere),
    "USER_IS_CALLER": Provoked(REFUSED, {}, _oneself),
    "LAST_ADMINISTRATOR": Provoked(REFUSED, {}, _last),
    "LOGIN_NOT_FOUND": Provoked(MISSING, {}, _no_login),
    "ROLE_ASSIGNED": Provoked(EXISTS, {"role": "STAFF"}, _held_already),
    "ROLE_NOT_HELD": Provoked(MISSING, {"role": "STAFF"}, _not_held),
    "GRANT_EXCEEDED": Provoked(DENIED, {"scope": NAME}, _exceeded),
    "ROLE_NOT_FOUND": Provoked(MISSING, {"role": "nobody"}, at_once(lambda club: invited(club, role("nobody", NAME)))),
    "SCOPE_NOT_FOUND": Provoked(
        MISSING, {"scope": "partners/nowhere"}, at_once(lambda club: invited(club, role("STAFF", "partners/nowhere")))
    ),
}
