"""Clubs: who is in them, through merges, erasures and their own end."""

from fealty.v1 import clubs_pb2 as pb
from fealty.v1 import customers_pb2
from tests.server import organizing
from tests.server.club import ADA, BEN, NAME, WHY, Club
from tests.server.organizing import BIRDS
from tests.server.serving import fresh, told


async def _in(club: Club) -> list[str]:
    found = await club.admin.clubs.ListClubCustomers(pb.ListClubCustomersRequest(parent=BIRDS))
    return [one.customer for one in found.customers]


async def test_a_customer_is_in_a_club_once_and_leaves_it(club: Club) -> None:
    """Asked again, nothing happens, and nothing is recorded."""
    await organizing.joined(club)
    again = await organizing.joined(club)
    assert (again.club.customer_count, again.receipt.activity) == (1, "")
    await organizing.joined(club, BEN)
    assert await _in(club) == [ADA, BEN]
    of_ada = await club.admin.clubs.ListClubs(pb.ListClubsRequest(parent=NAME, customer=ADA))
    assert [one.name for one in of_ada.clubs] == [BIRDS]
    for made in (True, False):
        left = await club.admin.clubs.LeaveClub(pb.LeaveClubRequest(name=BIRDS, customer=ADA, request_id=fresh()))
        assert bool(left.receipt.activity) is made
    assert await _in(club) == [BEN]


async def test_who_is_merged_is_in_the_clubs_of_both_once_and_parted_as_before(club: Club) -> None:
    """A club is a customer's, and goes where the customer goes."""
    await organizing.joined(club)
    await organizing.joined(club, BEN)
    await organizing.birds(club, "owls")
    await club.admin.clubs.JoinClub(pb.JoinClubRequest(name=f"{NAME}/clubs/owls", customer=ADA, request_id=fresh()))
    merge = customers_pb2.MergeCustomersRequest(name=ADA, into=BEN, reason=WHY, request_id=fresh())
    await club.admin.customers.MergeCustomers(merge)
    assert await _in(club) == [BEN]
    of_ben = await club.admin.clubs.ListClubs(pb.ListClubsRequest(parent=NAME, customer=BEN))
    assert [one.name for one in of_ben.clubs] == [BIRDS, f"{NAME}/clubs/owls"]
    part = customers_pb2.UnmergeCustomersRequest(name=ADA, reason=WHY, request_id=fresh())
    await club.admin.customers.UnmergeCustomers(part)
    assert sorted(await _in(club)) == [ADA, BEN]
    of_ben = await club.admin.clubs.ListClubs(pb.ListClubsRequest(parent=NAME, customer=BEN))
    assert [one.name for one in of_ben.clubs] == [BIRDS]


async def test_of_who_is_erased_no_club_knows(club: Club) -> None:
    """Where somebody belongs tells of them."""
    await organizing.joined(club)
    erase = customers_pb2.EraseCustomerRequest(name=ADA, reason=WHY, request_id=fresh())
    await club.admin.customers.EraseCustomer(erase)
    assert club.served.rows("SELECT FROM club_customer") == []
    refused = await told(club.admin.clubs.JoinClub(pb.JoinClubRequest(name=BIRDS, customer=ADA, request_id=fresh())))
    assert refused.reason == "CUSTOMER_CLOSED"


async def test_a_club_groups_only_what_its_program_has(club: Club) -> None:
    """A name that leads nowhere would be found by whoever shows the club."""
    await organizing.birds(club)
    for given, reason in (
        (pb.Club(name=BIRDS, card_ids=["nothing"]), "CARD_NOT_FOUND"),
        (pb.Club(name=BIRDS, rewards=[f"{NAME}/rewards/nothing"]), "REWARD_NOT_FOUND"),
        (pb.Club(name=BIRDS, rewards=["programs/coffee/rewards/mug"]), "INVALID_REQUEST"),
    ):
        request = pb.UpdateClubRequest(club=given, request_id=fresh())
        assert (await told(club.admin.clubs.UpdateClub(request))).reason == reason
    mug = (await club.reward()).name
    request = pb.UpdateClubRequest(club=pb.Club(name=BIRDS, rewards=[mug]), request_id=fresh())
    assert list((await club.admin.clubs.UpdateClub(request)).club.rewards) == [mug]
    elsewhere = pb.JoinClubRequest(name=BIRDS, customer="programs/coffee/customers/ada", request_id=fresh())
    assert (await told(club.admin.clubs.JoinClub(elsewhere))).reason == "INVALID_REQUEST"


async def test_a_deleted_club_has_nobody_and_its_id_is_not_given_again(club: Club) -> None:
    """Whoever reads an old name in the log must not meet another club."""
    await organizing.joined(club)
    await club.admin.clubs.DeleteClub(pb.DeleteClubRequest(name=BIRDS, reason=WHY, request_id=fresh()))
    assert (await told(club.admin.clubs.GetClub(pb.GetClubRequest(name=BIRDS)))).reason == "CLUB_NOT_FOUND"
    assert not (await club.admin.clubs.ListClubs(pb.ListClubsRequest(parent=NAME, customer=ADA))).clubs
    again = pb.CreateClubRequest(parent=NAME, club_id="birds", club=pb.Club(), request_id=fresh())
    assert (await told(club.admin.clubs.CreateClub(again))).reason == "CLUB_EXISTS"
