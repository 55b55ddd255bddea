"""Templates of passes, and their images."""

from fealty.v1 import pass_templates_pb2 as pb
from server.call import Call
from server.commands import Commands
from server.convert import names, pass_templates
from server.paging import Pages, page_size
from server.policy import word
from storage.books import Books
from storage.passes import queries
from storage.programs import queries as programs


class PassTemplates:
    """Templates of passes, and their images."""

    service = "fealty.v1.PassTemplateService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def CreatePassTemplate(
        self, call: Call, message: pb.CreatePassTemplateRequest
    ) -> pb.CreatePassTemplateResponse:
        return await self._commands.carry_out(call, message, pb.CreatePassTemplateResponse)

    async def GetPassTemplate(self, call: Call, message: pb.GetPassTemplateRequest) -> pb.GetPassTemplateResponse:
        name = names.template(message.name)
        found = await self._books.read(
            call.caller, lambda: queries.get(programs.get(name.program, call.caller), name.template)
        )
        return pb.GetPassTemplateResponse(pass_template=pass_templates.message(found))

    async def ListPassTemplates(self, call: Call, message: pb.ListPassTemplatesRequest) -> pb.ListPassTemplatesResponse:
        state = word(pb.PassTemplateState, message.state, "PASS_TEMPLATE_STATE_")
        kind = word(pb.PassKind, message.kind, "PASS_KIND_")
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)

        def read() -> list[queries.Template]:
            program = programs.get(names.program_id(message.parent), call.caller)
            return queries.page(program, state, kind, after, size + 1)

        found = await self._books.read(call.caller, read)
        following = self._pages.token(message, found[size - 1].template_id) if len(found) > size else ""
        return pb.ListPassTemplatesResponse(
            pass_templates=[pass_templates.message(template) for template in found[:size]], next_page_token=following
        )

    async def UpdatePassTemplate(
        self, call: Call, message: pb.UpdatePassTemplateRequest
    ) -> pb.UpdatePassTemplateResponse:
        return await self._commands.carry_out(call, message, pb.UpdatePassTemplateResponse)

    async def ArchivePassTemplate(
        self, call: Call, message: pb.ArchivePassTemplateRequest
    ) -> pb.ArchivePassTemplateResponse:
        return await self._commands.carry_out(call, message, pb.ArchivePassTemplateResponse)

    async def UnarchivePassTemplate(
        self, call: Call, message: pb.UnarchivePassTemplateRequest
    ) -> pb.UnarchivePassTemplateResponse:
        return await self._commands.carry_out(call, message, pb.UnarchivePassTemplateResponse)

    async def UploadPassImage(self, call: Call, message: pb.UploadPassImageRequest) -> pb.UploadPassImageResponse:
        return await self._commands.carry_out(call, message, pb.UploadPassImageResponse)
