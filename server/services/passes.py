"""Passes of customers, and how they reach their phones."""

from fealty.v1 import passes_pb2 as pb
from rules.access import check_scope
from server.call import Call
from server.commands import Commands
from server.convert import names, passes
from server.convert.requests import set_instant
from server.paging import Pages, page_size
from storage.books import Books
from storage.passes.reading import passes as reading
from storage.passes.reading import tracing


class Passes:
    """Passes of customers, and how they reach their phones."""

    service = "fealty.v1.PassService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def IssuePass(self, call: Call, message: pb.IssuePassRequest) -> pb.IssuePassResponse:
        return await self._commands.carry_out(call, message, pb.IssuePassResponse)

    async def GetPass(self, call: Call, message: pb.GetPassRequest) -> pb.GetPassResponse:
        name = names.pass_(message.name)
        check_scope(call.caller, name.program)
        found = await self._books.query(call.caller, lambda books: reading.get(books, name))
        response = pb.GetPassResponse()
        passes.fill(response.wallet_pass, found)
        return response

    async def ListPasses(self, call: Call, message: pb.ListPassesRequest) -> pb.ListPassesResponse:
        owner = names.customer(message.parent)
        check_scope(call.caller, owner.program)
        wanted = passes.pass_filter(message)
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)
        found = await self._books.query(call.caller, lambda books: reading.page(books, owner, wanted, after, size + 1))
        response = pb.ListPassesResponse()
        for read in found[:size]:
            passes.fill(response.passes.add(), read)
        if len(found) > size:
            response.next_page_token = self._pages.token(message, found[size - 1].name.id)
        return response

    async def EmailPass(self, call: Call, message: pb.EmailPassRequest) -> pb.EmailPassResponse:
        return await self._commands.carry_out(call, message, pb.EmailPassResponse)

    async def PushPass(self, call: Call, message: pb.PushPassRequest) -> pb.PushPassResponse:
        return await self._commands.carry_out(call, message, pb.PushPassResponse)

    async def VoidPass(self, call: Call, message: pb.VoidPassRequest) -> pb.VoidPassResponse:
        return await self._commands.carry_out(call, message, pb.VoidPassResponse)

    async def GetSaveLinks(self, call: Call, message: pb.GetSaveLinksRequest) -> pb.GetSaveLinksResponse:
        return await self._commands.carry_out(call, message, pb.GetSaveLinksResponse)

    async def RevokeLink(self, call: Call, message: pb.RevokeLinkRequest) -> pb.RevokeLinkResponse:
        return await self._commands.carry_out(call, message, pb.RevokeLinkResponse)

    async def ListDeviceLogs(self, call: Call, message: pb.ListDeviceLogsRequest) -> pb.ListDeviceLogsResponse:
        name = names.pass_(message.parent)
        check_scope(call.caller, name.program)
        position = self._pages.position(message, message.page_token)
        after = int(position) if position else None
        size = page_size(message.page_size)
        found = await self._books.query(call.caller, lambda books: tracing.logs(books, name, after, size + 1))
        response = pb.ListDeviceLogsResponse()
        for read in found[:size]:
            set_instant(response.device_logs.add(line=read.line).receive_time, read.received_at)
        if len(found) > size:
            response.next_page_token = self._pages.token(message, str(found[size - 1].id))
        return response

    async def TraceDelivery(self, call: Call, message: pb.TraceDeliveryRequest) -> pb.TraceDeliveryResponse:
        name = names.pass_(message.name)
        check_scope(call.caller, name.program)
        return passes.traced(await self._books.query(call.caller, lambda books: tracing.trace(books, name)))
