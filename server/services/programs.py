"""ProgramService."""

from fealty.v1 import programs_pb2 as pb
from rules.access import Permission
from server.call import Call
from server.commands import Commands
from server.convert import names, programs
from server.paging import Pages, page_size
from storage.books import Books
from storage.programs import queries


class Programs:
    """Programs and their settings."""

    service = "fealty.v1.ProgramService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def CreateProgram(self, call: Call, message: pb.CreateProgramRequest) -> pb.CreateProgramResponse:
        return await self._commands.carry_out(call, message, pb.CreateProgramResponse)

    async def GetProgram(self, call: Call, message: pb.GetProgramRequest) -> pb.GetProgramResponse:
        found = await self._books.read(call.caller, lambda: queries.get(names.program_id(message.name), call.caller))
        return pb.GetProgramResponse(program=programs.message(found))

    async def ListPrograms(self, call: Call, message: pb.ListProgramsRequest) -> pb.ListProgramsResponse:
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)
        found = await self._books.read(
            call.caller, lambda: queries.page(call.caller.where(Permission.PROGRAMS_READ), after, size + 1)
        )
        following = self._pages.token(message, found[size - 1].program_id) if len(found) > size else ""
        shown = [programs.message(program) for program in found[:size]]
        return pb.ListProgramsResponse(programs=shown, next_page_token=following)

    async def UpdateProgram(self, call: Call, message: pb.UpdateProgramRequest) -> pb.UpdateProgramResponse:
        return await self._commands.carry_out(call, message, pb.UpdateProgramResponse)

    async def ArchiveProgram(self, call: Call, message: pb.ArchiveProgramRequest) -> pb.ArchiveProgramResponse:
        return await self._commands.carry_out(call, message, pb.ArchiveProgramResponse)

    async def UnarchiveProgram(self, call: Call, message: pb.UnarchiveProgramRequest) -> pb.UnarchiveProgramResponse:
        return await self._commands.carry_out(call, message, pb.UnarchiveProgramResponse)

    async def ArchiveCard(self, call: Call, message: pb.ArchiveCardRequest) -> pb.ArchiveCardResponse:
        return await self._commands.carry_out(call, message, pb.ArchiveCardResponse)

    async def UnarchiveCard(self, call: Call, message: pb.UnarchiveCardRequest) -> pb.UnarchiveCardResponse:
        return await self._commands.carry_out(call, message, pb.UnarchiveCardResponse)

    async def AdvanceTestClock(self, call: Call, message: pb.AdvanceTestClockRequest) -> pb.AdvanceTestClockResponse:
        return await self._commands.carry_out(call, message, pb.AdvanceTestClockResponse)
