"""Networks, partners and clubs, as tests ask for them."""

from typing import Any

from fealty.v1 import clubs_pb2, organizations_pb2
from rules.access import Role
from rules.activity import KEY_CREATED, by_operator
from storage.access import assignments
from storage.access.commands import create_key
from storage.activity.commands import record
from storage.engine.unit import Unit, run
from tests.server.club import ADA, NAME, WHY, Club
from tests.server.serving import Client, fresh

NORTH = "networks/north"
BEANS = "partners/beans"
BIRDS = f"{NAME}/clubs/birds"


def held_in(club: Club, scope: str, role: Role = Role.PARTNER, name: str = "of partner") -> Client:
    """A caller that holds a role in a scope, and nothing else."""

    def give(unit: Unit) -> str:
        made = create_key(unit, name, Role.OPERATOR, "coffee")
        found = assignments.find_scope(scope)
        assert found is not None
        activity = record(unit, by_operator(KEY_CREATED), f"keys/{made.key.id}")
        unit.write()
        assignments.assign(unit, made.caller, role.value, found, activity)
        return made.key.text

    return club.served.client(run(club.served.database, give))


async def network(club: Club, network_id: str = "north") -> Any:
    """A network, made."""
    return await club.admin.organizations.CreateNetwork(
        organizations_pb2.CreateNetworkRequest(
            network_id=network_id, network=organizations_pb2.Network(display_name="North"), request_id=fresh()
        )
    )


async def partner(club: Club, partner_id: str = "beans", network: str = "") -> Any:
    """A partner, made."""
    made = organizations_pb2.Partner(display_name="Beans", network=network)
    return await club.admin.organizations.CreatePartner(
        organizations_pb2.CreatePartnerRequest(partner_id=partner_id, partner=made, request_id=fresh())
    )


async def birds(club: Club, club_id: str = "birds") -> Any:
    """A club of customers, made."""
    made = clubs_pb2.Club(display_name="Early birds", card_ids=["plain"])
    return await club.admin.clubs.CreateClub(
        clubs_pb2.CreateClubRequest(parent=NAME, club_id=club_id, club=made, request_id=fresh())
    )


async def joined(club: Club, customer: str = ADA) -> Any:
    """A customer in the club, which is made where there is none."""
    if not club.served.rows("SELECT FROM club WHERE deleted_at IS NULL"):
        await birds(club)
    return await club.admin.clubs.JoinClub(clubs_pb2.JoinClubRequest(name=BIRDS, customer=customer, request_id=fresh()))


async def ask_create_network(club: Club) -> Any:
    """A network to be made."""
    return organizations_pb2.CreateNetworkRequest(
        network_id="north", network=organizations_pb2.Network(display_name="North")
    )


async def ask_update_network(club: Club) -> Any:
    """A new name for one."""
    await network(club)
    changed = organizations_pb2.Network(name=NORTH, display_name="Far north")
    return organizations_pb2.UpdateNetworkRequest(network=changed)


async def ask_delete_network(club: Club) -> Any:
    """One to be deleted."""
    await network(club)
    return organizations_pb2.DeleteNetworkRequest(name=NORTH, reason=WHY)


async def ask_create_partner(club: Club) -> Any:
    """A partner of a network, to be made."""
    await network(club)
    made = organizations_pb2.Partner(display_name="Beans", network=NORTH)
    return organizations_pb2.CreatePartnerRequest(partner_id="beans", partner=made)


async def ask_update_partner(club: Club) -> Any:
    """A network for one that had none."""
    await network(club)
    await partner(club)
    changed = organizations_pb2.Partner(name=BEANS, network=NORTH)
    return organizations_pb2.UpdatePartnerRequest(partner=changed)


async def ask_delete_partner(club: Club) -> Any:
    """One to be deleted."""
    await partner(club)
    return organizations_pb2.DeletePartnerRequest(name=BEANS, reason=WHY)


async def ask_transfer(club: Club) -> Any:
    """The program, for a partner."""
    await partner(club)
    return organizations_pb2.TransferProgramRequest(name=NAME, partner=BEANS, reason=WHY)


async def ask_create_club(club: Club) -> Any:
    """A club to be made."""
    made = clubs_pb2.Club(display_name="Early birds", card_ids=["plain"])
    return clubs_pb2.CreateClubRequest(parent=NAME, club_id="birds", club=made)


async def ask_update_club(club: Club) -> Any:
    """A new name for one."""
    await birds(club)
    return clubs_pb2.UpdateClubRequest(club=clubs_pb2.Club(name=BIRDS, display_name="Larks"))


async def ask_delete_club(club: Club) -> Any:
    """One that somebody is in, to be deleted."""
    await joined(club)
    return clubs_pb2.DeleteClubRequest(name=BIRDS, reason=WHY)


async def ask_join(club: Club) -> Any:
    """Somebody who joins."""
    await birds(club)
    return clubs_pb2.JoinClubRequest(name=BIRDS, customer=ADA)


async def ask_leave(club: Club) -> Any:
    """Somebody who leaves."""
    await joined(club)
    return clubs_pb2.LeaveClubRequest(name=BIRDS, customer=ADA)
