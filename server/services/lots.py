"""LotService."""

from fealty.v1 import explanations_pb2
from fealty.v1 import lots_pb2 as pb
from rules.access import check_scope
from server.call import Call
from server.commands import Commands
from server.convert import lots, names
from server.paging import Pages, page_size
from server.policy import word
from storage.books import Books
from storage.ledger.reading import lots as reading


class Lots:
    """Points that came together, and what is done to them by hand."""

    service = "fealty.v1.LotService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def ActivateLot(self, call: Call, message: pb.ActivateLotRequest) -> pb.ActivateLotResponse:
        return await self._commands.carry_out(call, message, pb.ActivateLotResponse)

    async def CancelLot(self, call: Call, message: pb.CancelLotRequest) -> pb.CancelLotResponse:
        return await self._commands.carry_out(call, message, pb.CancelLotResponse)

    async def GetLot(self, call: Call, message: pb.GetLotRequest) -> pb.GetLotResponse:
        address, number = names.numbered(message.name)
        check_scope(call.caller, address.program)
        found = await self._books.query(call.caller, lambda books: reading.get(books, address, number))
        response = pb.GetLotResponse()
        lots.fill_read(response.lot, address, found)
        return response

    async def ListLots(self, call: Call, message: pb.ListLotsRequest) -> pb.ListLotsResponse:
        address = names.address(message.account)
        check_scope(call.caller, address.program)
        state = word(explanations_pb2.LotState, message.state, "LOT_STATE_")
        position = self._pages.position(message, message.page_token)
        after = int(position) if position else None
        size = page_size(message.page_size)
        found = await self._books.query(call.caller, lambda books: reading.page(books, address, state, after, size + 1))
        response = pb.ListLotsResponse()
        for read in found[:size]:
            lots.fill_read(response.lots.add(), address, read)
        if len(found) > size:
            response.next_page_token = self._pages.token(message, str(found[size - 1].lot.number))
        return response

    async def RedateLots(self, call: Call, message: pb.RedateLotsRequest) -> pb.RedateLotsResponse:
        return await self._commands.carry_out(call, message, pb.RedateLotsResponse)
