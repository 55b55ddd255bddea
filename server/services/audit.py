"""AuditService."""

from uuid import UUID

from fealty.v1 import audit_pb2 as pb
from server.call import Call
from server.convert import activities
from server.paging import Pages, page_size
from storage.activity import queries
from storage.books import Books


class Audit:
    """The activity log. Reading it is recorded in it."""

    service = "fealty.v1.AuditService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages

    async def ListActivities(self, call: Call, message: pb.ListActivitiesRequest) -> pb.ListActivitiesResponse:
        wanted = activities.wanted(message)
        position = self._pages.position(message, message.page_token)
        before = UUID(position) if position else None
        size = page_size(message.page_size)
        found = await self._books.read(lambda: queries.page(wanted, call.caller, before, size + 1))
        following = self._pages.token(message, str(found[size - 1].id)) if len(found) > size else ""
        call.details = {"count": len(found[:size])}
        shown = [activities.message(activity) for activity in found[:size]]
        return pb.ListActivitiesResponse(activities=shown, next_page_token=following)
