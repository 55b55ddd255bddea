"""Networks and partners: whose programs are, and who may know of which."""

from typing import Any

from fealty.v1 import organizations_pb2 as pb
from fealty.v1 import programs_pb2
from rules.access import Role
from tests.server import organizing
from tests.server.club import NAME, WHY, Club
from tests.server.organizing import BEANS, NORTH, held_in
from tests.server.serving import fresh, program, told


async def _transfer(club: Club, partner: str = BEANS) -> Any:
    request = pb.TransferProgramRequest(name=NAME, partner=partner, reason=WHY, request_id=fresh())
    return await club.admin.organizations.TransferProgram(request)


async def test_who_holds_a_role_with_a_partner_holds_it_in_the_partners_programs(club: Club) -> None:
    """And no longer once a program is somebody else's; the log of it stays where it was."""
    await organizing.network(club)
    await organizing.partner(club, network=NORTH)
    await organizing.partner(club, "peas")
    get = programs_pb2.GetProgramRequest(name=NAME)
    early = held_in(club, BEANS)
    assert (await told(early.programs.GetProgram(get))).reason == "PROGRAM_NOT_FOUND"
    await _transfer(club)
    for number, scope in enumerate((BEANS, NORTH)):
        holder = held_in(club, scope, name=f"held {number}")
        assert (await holder.programs.GetProgram(get)).program.partner == BEANS
    await _transfer(club, "partners/peas")
    late = held_in(club, BEANS, name="late")
    assert (await told(late.programs.GetProgram(get))).reason == "PROGRAM_NOT_FOUND"


async def test_a_partner_sees_itself_and_its_network_and_no_other(club: Club) -> None:
    """Who else is a customer of the installation is not a partner's business."""
    for network_id in ("north", "south"):
        await organizing.network(club, network_id)
    await organizing.partner(club, network=NORTH)
    await organizing.partner(club, "peas", "networks/south")
    beans = held_in(club, BEANS)
    networks = await beans.organizations.ListNetworks(pb.ListNetworksRequest())
    partners = await beans.organizations.ListPartners(pb.ListPartnersRequest())
    assert [one.name for one in networks.networks] == [NORTH]
    assert [one.name for one in partners.partners] == [BEANS]
    assert (await beans.organizations.GetNetwork(pb.GetNetworkRequest(name=NORTH))).network.display_name == "North"
    for hidden in ("networks/south", "networks/none"):
        refused = await told(beans.organizations.GetNetwork(pb.GetNetworkRequest(name=hidden)))
        assert (refused.reason, refused.facts) == ("NETWORK_NOT_FOUND", {"network": hidden.partition("/")[2]})
    for hidden in ("partners/peas", "partners/none"):
        refused = await told(beans.organizations.GetPartner(pb.GetPartnerRequest(name=hidden)))
        assert (refused.reason, refused.facts) == ("PARTNER_NOT_FOUND", {"partner": hidden.partition("/")[2]})
    listed = await told(beans.organizations.ListPartners(pb.ListPartnersRequest(network="networks/south")))
    assert listed.reason == "NETWORK_NOT_FOUND"
    made = pb.CreatePartnerRequest(partner_id="more", partner=pb.Partner(), request_id=fresh())
    assert (await told(beans.organizations.CreatePartner(made))).reason == "PERMISSION_MISSING"


async def test_what_a_partner_makes_is_its_own(club: Club) -> None:
    """It cannot make programs for others, nor for nobody; who may for several has to say for whom."""
    await organizing.network(club)
    for partner_id in ("beans", "peas"):
        await organizing.partner(club, partner_id, NORTH)
    beans = held_in(club, BEANS)
    made = await beans.programs.CreateProgram(program("cocoa"))
    assert made.program.partner == BEANS
    other = program("juice")
    other.program.partner = "partners/peas"
    assert (await told(beans.programs.CreateProgram(other))).reason == "PARTNER_NOT_FOUND"
    north = held_in(club, NORTH, name="north")
    assert (await told(north.programs.CreateProgram(program("juice")))).reason == "PARTNER_NEEDED"
    assert (await north.programs.CreateProgram(other)).program.partner == "partners/peas"
    of_one = club.served.client(club.served.key("one", Role.ADMINISTRATOR, "coffee"))
    assert (await told(of_one.programs.CreateProgram(program("milk")))).reason == "PROGRAM_NOT_FOUND"


async def test_what_somebody_depends_on_is_not_deleted(club: Club) -> None:
    """Else roles would hold in nothing, and programs be nobody's without anybody having said so."""
    await organizing.network(club)
    await organizing.partner(club, network=NORTH)
    await _transfer(club)
    network = pb.DeleteNetworkRequest(name=NORTH, reason=WHY, request_id=fresh())
    partner = pb.DeletePartnerRequest(name=BEANS, reason=WHY, request_id=fresh())
    for request in (club.admin.organizations.DeleteNetwork(network), club.admin.organizations.DeletePartner(partner)):
        assert (await told(request)).reason == "ORGANIZATION_IN_USE"
    await _transfer(club, "")
    await club.admin.organizations.DeletePartner(partner)
    await club.admin.organizations.DeleteNetwork(network)
    assert not (await club.admin.organizations.ListNetworks(pb.ListNetworksRequest())).networks
    again = pb.CreateNetworkRequest(network_id="north", network=pb.Network(), request_id=fresh())
    assert (await told(club.admin.organizations.CreateNetwork(again))).reason == "NETWORK_EXISTS"


async def test_an_update_says_what_it_changes_and_an_old_etag_changes_nothing(club: Club) -> None:
    """Two people at two desks do not undo each other."""
    await organizing.network(club)
    old = (await organizing.partner(club)).partner
    changed = pb.Partner(name=BEANS, network=NORTH, etag=old.etag)
    request = pb.UpdatePartnerRequest(partner=changed, request_id=fresh())
    found = (await club.admin.organizations.UpdatePartner(request)).partner
    assert (found.display_name, found.network, found.version) == ("Beans", NORTH, 2)
    late = pb.UpdatePartnerRequest(
        partner=pb.Partner(name=BEANS, display_name="Peas", etag=old.etag), request_id=fresh()
    )
    assert (await told(club.admin.organizations.UpdatePartner(late))).reason == "STALE_ETAG"
    same = pb.UpdatePartnerRequest(partner=pb.Partner(name=BEANS, network=NORTH), request_id=fresh())
    assert not (await club.admin.organizations.UpdatePartner(same)).receipt.activity
    wrong = pb.UpdatePartnerRequest(
        partner=pb.Partner(name=BEANS), update_mask={"paths": ["version"]}, request_id=fresh()
    )
    assert (await told(club.admin.organizations.UpdatePartner(wrong))).reason == "UPDATE_MASK_INVALID"
