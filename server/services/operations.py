"""OperationService."""

from datetime import datetime
from uuid import UUID

from fealty.v1 import operations_pb2 as pb
from server.call import Call
from server.commands import Commands
from server.convert import names, operations
from server.paging import Pages, page_size
from server.policy import word
from storage.books import Books
from storage.operations import queries
from storage.operations.queries import OperationCursor


class Operations:
    """Acts over many accounts: how far they are, and an end to them."""

    service = "fealty.v1.OperationService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def GetOperation(self, call: Call, message: pb.GetOperationRequest) -> pb.GetOperationResponse:
        found = await self._books.read(call.caller, lambda: queries.get(message.name, call.caller))
        response = pb.GetOperationResponse()
        operations.fill(response.operation, found)
        return response

    async def ListOperations(self, call: Call, message: pb.ListOperationsRequest) -> pb.ListOperationsResponse:
        program = names.program_id(message.parent)
        state = word(pb.OperationState, message.state, "OPERATION_STATE_")
        after = _cursor(self._pages.position(message, message.page_token))
        size = page_size(message.page_size)
        found = await self._books.read(call.caller, lambda: queries.page(program, call.caller, state, after, size + 1))
        response = pb.ListOperationsResponse()
        for operation in found[:size]:
            operations.fill(response.operations.add(), operation)
        if len(found) > size:
            last = found[size - 1]
            position = f"{last.created_at.isoformat()} {last.id}"
            response.next_page_token = self._pages.token(message, position)
        return response

    async def CancelOperation(self, call: Call, message: pb.CancelOperationRequest) -> pb.CancelOperationResponse:
        return await self._commands.carry_out(call, message, pb.CancelOperationResponse)


def _cursor(position: str) -> OperationCursor | None:
    if not position:
        return None
    created_at, _, identity = position.partition(" ")
    return OperationCursor(datetime.fromisoformat(created_at), UUID(identity))
