"""ProgramService."""

from fealty.v1 import programs_pb2 as pb
from server.call import Call
from server.convert import names, programs
from server.convert.requests import receipt, request
from server.paging import Pages, page_size
from storage.books import Books
from storage.programs import commands, queries


class Programs:
    """Programs and their settings."""

    service = "fealty.v1.ProgramService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages

    async def CreateProgram(self, call: Call, message: pb.CreateProgramRequest) -> pb.CreateProgramResponse:
        command = programs.create(message)
        key = request(call, message)
        answer = await self._books.change(
            call.caller,
            lambda unit: commands.create(unit, command, call.caller, call.origin, key, message.validate_only),
        )
        return pb.CreateProgramResponse(program=programs.message(answer.value), receipt=receipt(answer))

    async def GetProgram(self, call: Call, message: pb.GetProgramRequest) -> pb.GetProgramResponse:
        found = await self._books.read(call.caller, lambda: queries.get(names.program_id(message.name), call.caller))
        return pb.GetProgramResponse(program=programs.message(found))

    async def ListPrograms(self, call: Call, message: pb.ListProgramsRequest) -> pb.ListProgramsResponse:
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)
        found = await self._books.read(call.caller, lambda: queries.page(call.caller, after, size + 1))
        following = self._pages.token(message, found[size - 1].program_id) if len(found) > size else ""
        shown = [programs.message(program) for program in found[:size]]
        return pb.ListProgramsResponse(programs=shown, next_page_token=following)

    async def UpdateProgram(self, call: Call, message: pb.UpdateProgramRequest) -> pb.UpdateProgramResponse:
        command = programs.update(message)
        key = request(call, message)
        answer = await self._books.change(
            call.caller,
            lambda unit: commands.update(unit, command, call.caller, call.origin, key, message.validate_only),
        )
        return pb.UpdateProgramResponse(program=programs.message(answer.value), receipt=receipt(answer))

    async def AdvanceTestClock(self, call: Call, message: pb.AdvanceTestClockRequest) -> pb.AdvanceTestClockResponse:
        command = programs.advance(message)
        key = request(call, message)
        answer = await self._books.change(
            call.caller,
            lambda unit: commands.advance_test_clock(
                unit, command, call.caller, call.origin, key, message.validate_only
            ),
        )
        return pb.AdvanceTestClockResponse(program=programs.message(answer.value), receipt=receipt(answer))
