"""ClubService."""

from datetime import datetime
from uuid import UUID

from fealty.v1 import clubs_pb2 as pb
from server.call import Call
from server.commands import Commands
from server.convert import clubs, names
from server.paging import Pages, page_size
from storage.books import Books
from storage.clubs import queries
from storage.clubs.queries import Joined
from storage.customers import queries as customers
from storage.programs import queries as programs


class Clubs:
    """Groups of customers, cards and rewards of a program."""

    service = "fealty.v1.ClubService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def CreateClub(self, call: Call, message: pb.CreateClubRequest) -> pb.CreateClubResponse:
        return await self._commands.carry_out(call, message, pb.CreateClubResponse)

    async def GetClub(self, call: Call, message: pb.GetClubRequest) -> pb.GetClubResponse:
        program, club_id = names.club(message.name)
        found = await self._books.read(call.caller, lambda: queries.get(programs.get(program, call.caller), club_id))
        return pb.GetClubResponse(club=clubs.club(found))

    async def ListClubs(self, call: Call, message: pb.ListClubsRequest) -> pb.ListClubsResponse:
        after, size = self._pages.position(message, message.page_token), page_size(message.page_size)
        of = names.customer(message.customer).customer if message.customer else ""

        def read() -> list[queries.Club]:
            program = programs.get(names.program_id(message.parent), call.caller)
            return queries.page(program, customers.get(program, of) if of else None, after, size + 1)

        found = await self._books.read(call.caller, read)
        following = self._pages.token(message, found[size - 1].club_id) if len(found) > size else ""
        return pb.ListClubsResponse(clubs=[clubs.club(one) for one in found[:size]], next_page_token=following)

    async def UpdateClub(self, call: Call, message: pb.UpdateClubRequest) -> pb.UpdateClubResponse:
        return await self._commands.carry_out(call, message, pb.UpdateClubResponse)

    async def DeleteClub(self, call: Call, message: pb.DeleteClubRequest) -> pb.DeleteClubResponse:
        return await self._commands.carry_out(call, message, pb.DeleteClubResponse)

    async def JoinClub(self, call: Call, message: pb.JoinClubRequest) -> pb.JoinClubResponse:
        return await self._commands.carry_out(call, message, pb.JoinClubResponse)

    async def LeaveClub(self, call: Call, message: pb.LeaveClubRequest) -> pb.LeaveClubResponse:
        return await self._commands.carry_out(call, message, pb.LeaveClubResponse)

    async def ListClubCustomers(self, call: Call, message: pb.ListClubCustomersRequest) -> pb.ListClubCustomersResponse:
        program, club_id = names.club(message.parent)
        after, size = _joined(self._pages.position(message, message.page_token)), page_size(message.page_size)

        def read() -> list[Joined]:
            club = queries.get(programs.get(program, call.caller), club_id)
            return queries.customers(club, after, size + 1)

        found = await self._books.read(call.caller, read)
        response = pb.ListClubCustomersResponse(customers=[clubs.customer(program, one) for one in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.token(message, f"{last.joined_at.isoformat()} {last.id}")
        return response


def _joined(position: str) -> Joined | None:
    if not position:
        return None
    joined_at, _, identity = position.partition(" ")
    return Joined(UUID(identity), "", datetime.fromisoformat(joined_at))
