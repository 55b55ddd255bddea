"""RetentionService."""

from datetime import datetime
from uuid import UUID

from fealty.v1 import retention_pb2 as pb
from server.call import Call
from server.commands import Commands
from server.convert import names, retention
from server.paging import Pages, page_size
from storage.books import Books
from storage.retention import queries
from storage.retention.queries import HoldCursor


class Retention:
    """For how long the activity log keeps what it says, and what is held back from being dropped."""

    service = "fealty.v1.RetentionService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def GetRetention(self, call: Call, message: pb.GetRetentionRequest) -> pb.GetRetentionResponse:
        program = names.program_id(message.name)
        found = await self._books.read(call.caller, lambda: queries.retention(program, call.caller))
        return pb.GetRetentionResponse(retention=retention.message(found))

    async def UpdateRetention(self, call: Call, message: pb.UpdateRetentionRequest) -> pb.UpdateRetentionResponse:
        return await self._commands.carry_out(call, message, pb.UpdateRetentionResponse)

    async def PlaceLegalHold(self, call: Call, message: pb.PlaceLegalHoldRequest) -> pb.PlaceLegalHoldResponse:
        return await self._commands.carry_out(call, message, pb.PlaceLegalHoldResponse)

    async def LiftLegalHold(self, call: Call, message: pb.LiftLegalHoldRequest) -> pb.LiftLegalHoldResponse:
        return await self._commands.carry_out(call, message, pb.LiftLegalHoldResponse)

    async def ListLegalHolds(self, call: Call, message: pb.ListLegalHoldsRequest) -> pb.ListLegalHoldsResponse:
        program, only_active = names.program_id(message.parent), message.only_active
        after = _cursor(self._pages.position(message, message.page_token))
        size = page_size(message.page_size)
        found = await self._books.read(
            call.caller, lambda: queries.holds(program, call.caller, only_active, after, size + 1)
        )
        response = pb.ListLegalHoldsResponse(legal_holds=[retention.hold(one) for one in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.token(message, f"{last.placed_at.isoformat()} {last.id}")
        return response


def _cursor(position: str) -> HoldCursor | None:
    if not position:
        return None
    placed_at, _, identity = position.partition(" ")
    return HoldCursor(datetime.fromisoformat(placed_at), UUID(identity))
