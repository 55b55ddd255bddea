"""How to come to each refusal of networks, partners and clubs."""

from collections.abc import Awaitable, Callable
from typing import Any

from fealty.v1 import clubs_pb2, programs_pb2
from fealty.v1 import organizations_pb2 as pb
from tests.server import organizing
from tests.server.club import NAME, WHY, Club
from tests.server.organizing import BEANS, NORTH
from tests.server.provoked import EXISTS, INVALID, MISSING, REFUSED, Provoked, at_once
from tests.server.serving import fresh, program

Refused = Callable[[], Awaitable[Any]]


async def _network_twice(club: Club) -> Refused:
    await organizing.network(club)
    return lambda: organizing.network(club)


async def _partner_twice(club: Club) -> Refused:
    await organizing.partner(club)
    return lambda: organizing.partner(club)


async def _club_twice(club: Club) -> Refused:
    await organizing.birds(club)
    return lambda: organizing.birds(club)


async def _in_use(club: Club) -> Refused:
    await organizing.network(club)
    await organizing.partner(club, network=NORTH)
    request = pb.DeleteNetworkRequest(name=NORTH, reason=WHY, request_id=fresh())
    return lambda: club.admin.organizations.DeleteNetwork(request)


async def _for_nobody(club: Club) -> Refused:
    await organizing.network(club)
    holder = organizing.held_in(club, NORTH)
    request: programs_pb2.CreateProgramRequest = program("cocoa")
    return lambda: holder.programs.CreateProgram(request)


OF_ORGANIZATIONS: dict[str, Provoked] = {
    "NETWORK_NOT_FOUND": Provoked(
        MISSING,
        {"network": "north"},
        at_once(lambda club: club.admin.organizations.GetNetwork(pb.GetNetworkRequest(name=NORTH))),
    ),
    "PARTNER_NOT_FOUND": Provoked(
        MISSING,
        {"partner": "beans"},
        at_once(lambda club: club.admin.organizations.GetPartner(pb.GetPartnerRequest(name=BEANS))),
    ),
    "CLUB_NOT_FOUND": Provoked(
        MISSING,
        {"program": NAME},
        at_once(lambda club: club.admin.clubs.GetClub(clubs_pb2.GetClubRequest(name=organizing.BIRDS))),
    ),
    "NETWORK_EXISTS": Provoked(EXISTS, {"network": "north"}, _network_twice),
    "PARTNER_EXISTS": Provoked(EXISTS, {"partner": "beans"}, _partner_twice),
    "CLUB_EXISTS": Provoked(EXISTS, {"club": "birds"}, _club_twice),
    "ORGANIZATION_IN_USE": Provoked(REFUSED, {"what": "it has partners; move or delete them first"}, _in_use),
    "PARTNER_NEEDED": Provoked(INVALID, {}, _for_nobody),
}
