"""HoldService."""

from fealty.v1 import holds_pb2 as pb
from rules.access import check_scope
from server.call import Call
from server.commands import Commands
from server.convert import holds, names
from server.paging import Pages, page_size
from server.policy import word
from storage.books import Books
from storage.ledger.reading import holds as reading


class Holds:
    """Points set aside."""

    service = "fealty.v1.HoldService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def CreateHold(self, call: Call, message: pb.CreateHoldRequest) -> pb.CreateHoldResponse:
        return await self._commands.carry_out(call, message, pb.CreateHoldResponse)

    async def CaptureHold(self, call: Call, message: pb.CaptureHoldRequest) -> pb.CaptureHoldResponse:
        return await self._commands.carry_out(call, message, pb.CaptureHoldResponse)

    async def ReleaseHold(self, call: Call, message: pb.ReleaseHoldRequest) -> pb.ReleaseHoldResponse:
        return await self._commands.carry_out(call, message, pb.ReleaseHoldResponse)

    async def GetHold(self, call: Call, message: pb.GetHoldRequest) -> pb.GetHoldResponse:
        address, number = names.numbered(message.name)
        check_scope(call.caller, address.program)
        found = await self._books.query(call.caller, lambda books: reading.get(books, address, number))
        response = pb.GetHoldResponse()
        holds.fill(response.hold, address, found.hold)
        return response

    async def ListHolds(self, call: Call, message: pb.ListHoldsRequest) -> pb.ListHoldsResponse:
        address = names.address(message.account)
        check_scope(call.caller, address.program)
        state = word(pb.HoldState, message.state, "HOLD_STATE_")
        position = self._pages.position(message, message.page_token)
        after = int(position) if position else None
        size = page_size(message.page_size)
        found = await self._books.query(call.caller, lambda books: reading.page(books, address, state, after, size + 1))
        response = pb.ListHoldsResponse()
        for read in found[:size]:
            holds.fill(response.holds.add(), address, read.hold)
        if len(found) > size:
            response.next_page_token = self._pages.token(message, str(found[size - 1].hold.number))
        return response
