"""ReportService."""

from datetime import datetime

from fealty.v1 import reports_pb2 as pb
from rules.access import check_scope
from server.call import Call, scope
from server.commands import Commands
from server.convert import names, reports
from server.paging import Pages, page_size
from storage.books import Books
from storage.ledger.reading import liability, shortfalls
from storage.ledger.reading.shortfalls import ShortfallCursor


class Reports:
    """What a program owes, and what it is owed."""

    service = "fealty.v1.ReportService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def WriteOffShortfall(self, call: Call, message: pb.WriteOffShortfallRequest) -> pb.WriteOffShortfallResponse:
        return await self._commands.carry_out(call, message, pb.WriteOffShortfallResponse)

    async def GetLiability(self, call: Call, message: pb.GetLiabilityRequest) -> pb.GetLiabilityResponse:
        card = names.card(message.card)
        check_scope(call.caller, card.program)
        found = await self._books.report(call.caller, lambda books: liability.report(books, card.program, card.card))
        return reports.liability(found)

    async def ListShortfalls(self, call: Call, message: pb.ListShortfallsRequest) -> pb.ListShortfallsResponse:
        program, customer = scope(message.parent)
        check_scope(call.caller, program)
        position = self._pages.position(message, message.page_token)
        after = None
        if position:
            at, account, number = position.split(" ")
            after = ShortfallCursor(datetime.fromisoformat(at), int(account), int(number))
        size = page_size(message.page_size)
        found = await self._books.query(
            call.caller,
            lambda books: shortfalls.page(books, program, customer or None, message.open_only, after, size + 1),
        )
        response = pb.ListShortfallsResponse()
        for read in found[:size]:
            reports.fill_shortfall(response.shortfalls.add(), read.address, read.shortfall)
        if len(found) > size:
            last = found[size - 1].cursor
            position = f"{last.created_at.isoformat()} {last.account} {last.number}"
            response.next_page_token = self._pages.token(message, position)
        return response
