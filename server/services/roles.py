"""RoleService."""

from datetime import datetime
from uuid import UUID

from fealty.v1 import roles_pb2 as pb
from server.call import Call
from server.commands import Commands
from server.convert import roles
from server.paging import Pages, page_size
from storage.access import report
from storage.access import roles as reading
from storage.access.report import After
from storage.books import Books


class Roles:
    """Roles, and who holds which permission where."""

    service = "fealty.v1.RoleService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def CreateRole(self, call: Call, message: pb.CreateRoleRequest) -> pb.CreateRoleResponse:
        return await self._commands.carry_out(call, message, pb.CreateRoleResponse)

    async def UpdateRole(self, call: Call, message: pb.UpdateRoleRequest) -> pb.UpdateRoleResponse:
        return await self._commands.carry_out(call, message, pb.UpdateRoleResponse)

    async def DeleteRole(self, call: Call, message: pb.DeleteRoleRequest) -> pb.DeleteRoleResponse:
        return await self._commands.carry_out(call, message, pb.DeleteRoleResponse)

    async def GetRole(self, call: Call, message: pb.GetRoleRequest) -> pb.GetRoleResponse:
        found = await self._books.read(call.caller, lambda: reading.get(roles.role_id(message.name)))
        return pb.GetRoleResponse(role=roles.message(found))

    async def ListRoles(self, call: Call, message: pb.ListRolesRequest) -> pb.ListRolesResponse:
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)
        found = await self._books.read(call.caller, lambda: reading.page(after, size + 1))
        following = self._pages.token(message, found[size - 1].role_id) if len(found) > size else ""
        return pb.ListRolesResponse(roles=[roles.message(one) for one in found[:size]], next_page_token=following)

    async def ListMyPermissions(self, call: Call, message: pb.ListMyPermissionsRequest) -> pb.ListMyPermissionsResponse:
        start = int(self._pages.position(message, message.page_token) or "0")
        end = start + page_size(message.page_size)
        response = roles.mine(call.caller, call.caller.grants[start:end])
        if end < len(call.caller.grants):
            response.next_page_token = self._pages.token(message, str(end))
        return response

    async def ReportPermissions(self, call: Call, message: pb.ReportPermissionsRequest) -> pb.ReportPermissionsResponse:
        asked = roles.asked(message)
        after = _after(self._pages.position(message, message.page_token))
        size = page_size(message.page_size)
        found = await self._books.query(
            call.caller, lambda books: report.page(books, asked, call.caller, after, size + 1)
        )
        response = pb.ReportPermissionsResponse(held_roles=[roles.held(one) for one in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.token(message, f"{last.from_at.isoformat()} {last.id}")
        return response


def _after(position: str) -> After | None:
    if not position:
        return None
    from_at, _, identity = position.partition(" ")
    return After(datetime.fromisoformat(from_at), UUID(identity))
