"""ApprovalService."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from google.rpc import status_pb2

from fealty.v1 import approvals_pb2 as pb
from rules.access import Permission
from rules.approvals.deciding import check_may
from server.call import Call
from server.commands import Commands
from server.convert import approvals, names
from server.executing import Executing
from server.paging import Pages, page_size
from server.policy import word
from storage.approvals import configuring, outcomes, queries
from storage.approvals.outcomes import Held
from storage.approvals.queries import ApprovalRequest, RequestCursor, RequestFilter
from storage.books import Books
from storage.engine.unit import Unit


class Approvals:
    """Acts under approval: the rules, and what was asked for under them."""

    service = "fealty.v1.ApprovalService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)
        self._executing = Executing(books)

    def begin(self, forget: Callable[[], None]) -> None:
        """Finishes, from now on, what others have left approved. `forget` has it asked again who callers are."""
        self._executing.begin(forget)

    def close(self) -> None:
        """Leaves it to others."""
        self._executing.close()

    async def CreateApprovalRule(
        self, call: Call, message: pb.CreateApprovalRuleRequest
    ) -> pb.CreateApprovalRuleResponse:
        return await self._commands.carry_out(call, message, pb.CreateApprovalRuleResponse)

    async def UpdateApprovalRule(
        self, call: Call, message: pb.UpdateApprovalRuleRequest
    ) -> pb.UpdateApprovalRuleResponse:
        return await self._commands.carry_out(call, message, pb.UpdateApprovalRuleResponse)

    async def DeleteApprovalRule(
        self, call: Call, message: pb.DeleteApprovalRuleRequest
    ) -> pb.DeleteApprovalRuleResponse:
        return await self._commands.carry_out(call, message, pb.DeleteApprovalRuleResponse)

    async def ListApprovalRules(self, call: Call, message: pb.ListApprovalRulesRequest) -> pb.ListApprovalRulesResponse:
        program = names.program_id(message.parent) if message.parent else ""
        after = self._pages.position(message, message.page_token)
        size = page_size(message.page_size)
        found = await self._books.read(call.caller, lambda: configuring.rules_of(program, call.caller, after, size + 1))
        response = pb.ListApprovalRulesResponse(approval_rules=[approvals.rule(one) for one in found[:size]])
        if len(found) > size:
            response.next_page_token = self._pages.token(message, found[size - 1].rule.rule_id)
        return response

    async def GetApprovalRequest(
        self, call: Call, message: pb.GetApprovalRequestRequest
    ) -> pb.GetApprovalRequestResponse:
        return approvals.in_full(await self._held(call, message.name))

    async def ListApprovalRequests(
        self, call: Call, message: pb.ListApprovalRequestsRequest
    ) -> pb.ListApprovalRequestsResponse:
        parent = message.parent if message.parent == "-" else names.program_id(message.parent)
        wanted = RequestFilter(
            word(pb.ApprovalState, message.state, "APPROVAL_STATE_"),
            message.maker.removeprefix("callers/"),
            message.waits_for_me,
        )
        after, size = _cursor(self._pages.position(message, message.page_token)), page_size(message.page_size)

        def page(unit: Unit) -> list[ApprovalRequest]:
            return queries.page(parent, call.caller, wanted, unit.now, after, size + 1)

        found = await self._books.oversee(call.caller.id, page)
        response = pb.ListApprovalRequestsResponse(approval_requests=[approvals.request(one) for one in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            response.next_page_token = self._pages.token(message, f"{last.created_at.isoformat()} {last.id}")
        return response

    async def PreviewApprovalRequest(
        self, call: Call, message: pb.PreviewApprovalRequestRequest
    ) -> pb.PreviewApprovalRequestResponse:
        held = await self._held(call, message.name)
        if not queries.shows_all(call.caller, held.request):
            check_may(call.caller, Permission.APPROVALS_DECIDE, held.request.program)
        effect = await self._executing.preview(held)
        response = pb.PreviewApprovalRequestResponse()
        if isinstance(effect, status_pb2.Status):
            response.refused.CopyFrom(effect)
        else:
            response.response.Pack(effect)
        return response

    async def SubmitApprovalRequest(
        self, call: Call, message: pb.SubmitApprovalRequestRequest
    ) -> pb.SubmitApprovalRequestResponse:
        return await self._commands.carry_out(call, message, pb.SubmitApprovalRequestResponse)

    async def ApproveRequest(self, call: Call, message: pb.ApproveRequestRequest) -> pb.ApproveRequestResponse:
        response = await self._commands.carry_out(call, message, pb.ApproveRequestResponse)
        if not message.validate_only and response.approval_request.state == pb.APPROVAL_STATE_APPROVED:
            found = await self._found(call, message.name)
            await self._executing.finish(found.id)
            response.approval_request.CopyFrom(approvals.request(await self._found(call, message.name)))
        return response

    async def RejectRequest(self, call: Call, message: pb.RejectRequestRequest) -> pb.RejectRequestResponse:
        return await self._commands.carry_out(call, message, pb.RejectRequestResponse)

    async def WithdrawRequest(self, call: Call, message: pb.WithdrawRequestRequest) -> pb.WithdrawRequestResponse:
        return await self._commands.carry_out(call, message, pb.WithdrawRequestResponse)

    async def _found(self, call: Call, name: str) -> ApprovalRequest:
        return (await self._books.oversee(call.caller.id, lambda unit: queries.find(name, call.caller, unit.now)))[0]

    async def _held(self, call: Call, name: str) -> Held:
        """A request, with what was asked for where its caller is shown that."""

        def held(unit: Unit) -> Held:
            request = queries.get(name, call.caller, unit.now)
            if not queries.shows_all(call.caller, request):
                return Held(request, None)
            found = outcomes.held(unit, request.id)
            assert found is not None
            return found

        return await self._books.oversee(call.caller.id, held)


def _cursor(position: str) -> RequestCursor | None:
    if not position:
        return None
    created_at, _, identity = position.partition(" ")
    return RequestCursor(datetime.fromisoformat(created_at), UUID(identity))
