"""UserService."""

from datetime import datetime

from fealty.v1 import users_pb2 as pb
from server.call import Call
from server.commands import Commands
from server.convert import names, users
from server.paging import Pages, page_size
from server.policy import word
from storage.access.users import logins, queries
from storage.access.users.logins import LoginCursor
from storage.access.users.queries import UserFilter
from storage.books import Books


class Users:
    """People who log in, and which roles they hold where."""

    service = "fealty.v1.UserService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def InviteUser(self, call: Call, message: pb.InviteUserRequest) -> pb.InviteUserResponse:
        return await self._commands.carry_out(call, message, pb.InviteUserResponse)

    async def ResendInvitation(self, call: Call, message: pb.ResendInvitationRequest) -> pb.ResendInvitationResponse:
        return await self._commands.carry_out(call, message, pb.ResendInvitationResponse)

    async def GetUser(self, call: Call, message: pb.GetUserRequest) -> pb.GetUserResponse:
        user_id = names.user(message.name)
        found = await self._books.read(call.caller, lambda: queries.get(user_id, call.caller))
        return pb.GetUserResponse(user=users.user(found))

    async def ListUsers(self, call: Call, message: pb.ListUsersRequest) -> pb.ListUsersResponse:
        call.about("-")
        after, size = self._pages.position(message, message.page_token), page_size(message.page_size)
        wanted = UserFilter(
            word(pb.UserState, message.state, "USER_STATE_"),
            names.role(message.role) if message.role else "",
            message.scope,
            message.text,
        )
        page = await self._books.read(call.caller, lambda: queries.page(call.caller, wanted, after, size + 1))
        shown = page[:size]
        call.details = {"count": len(shown), "users": [one.id for one in shown]}
        following = self._pages.token(message, shown[-1].id) if len(page) > size else ""
        return pb.ListUsersResponse(users=[users.user(one) for one in shown], next_page_token=following)

    async def UpdateUser(self, call: Call, message: pb.UpdateUserRequest) -> pb.UpdateUserResponse:
        return await self._commands.carry_out(call, message, pb.UpdateUserResponse)

    async def LockUser(self, call: Call, message: pb.LockUserRequest) -> pb.LockUserResponse:
        return await self._commands.carry_out(call, message, pb.LockUserResponse)

    async def UnlockUser(self, call: Call, message: pb.UnlockUserRequest) -> pb.UnlockUserResponse:
        return await self._commands.carry_out(call, message, pb.UnlockUserResponse)

    async def ArchiveUser(self, call: Call, message: pb.ArchiveUserRequest) -> pb.ArchiveUserResponse:
        return await self._commands.carry_out(call, message, pb.ArchiveUserResponse)

    async def UnarchiveUser(self, call: Call, message: pb.UnarchiveUserRequest) -> pb.UnarchiveUserResponse:
        return await self._commands.carry_out(call, message, pb.UnarchiveUserResponse)

    async def AssignRole(self, call: Call, message: pb.AssignRoleRequest) -> pb.AssignRoleResponse:
        return await self._commands.carry_out(call, message, pb.AssignRoleResponse)

    async def EndRole(self, call: Call, message: pb.EndRoleRequest) -> pb.EndRoleResponse:
        return await self._commands.carry_out(call, message, pb.EndRoleResponse)

    async def ResetSecondFactor(self, call: Call, message: pb.ResetSecondFactorRequest) -> pb.ResetSecondFactorResponse:
        return await self._commands.carry_out(call, message, pb.ResetSecondFactorResponse)

    async def ListLogins(self, call: Call, message: pb.ListLoginsRequest) -> pb.ListLoginsResponse:
        user_id, size = names.user(message.parent), page_size(message.page_size)
        after = _cursor(self._pages.position(message, message.page_token))
        page = await self._books.read(call.caller, lambda: logins.page(call.caller, user_id, after, size + 1))
        shown = page[:size]
        call.details = {"count": len(shown)}
        response = pb.ListLoginsResponse(logins=[users.login(one) for one in shown])
        if len(page) > size:
            response.next_page_token = self._pages.token(message, f"{shown[-1].created_at.isoformat()} {shown[-1].id}")
        return response

    async def RevokeLogin(self, call: Call, message: pb.RevokeLoginRequest) -> pb.RevokeLoginResponse:
        return await self._commands.carry_out(call, message, pb.RevokeLoginResponse)


def _cursor(position: str) -> LoginCursor | None:
    if not position:
        return None
    created_at, _, identity = position.partition(" ")
    return LoginCursor(datetime.fromisoformat(created_at), identity)
