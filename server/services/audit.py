"""AuditService."""

from datetime import datetime
from uuid import UUID

from fealty.v1 import audit_pb2 as pb
from server.call import Call
from server.commands import Commands
from server.convert import activities, names
from server.paging import Pages, page_size
from server.services.watch import Watch
from storage.activity import queries
from storage.activity.queries import Activity, Before
from storage.books import Books


class Audit:
    """The activity log, and what callers add to it. Reading it is recorded in it."""

    service = "fealty.v1.AuditService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._watch = Watch(books, pages)
        self._commands = Commands(books)

    async def RecordActivity(self, call: Call, message: pb.RecordActivityRequest) -> pb.RecordActivityResponse:
        return await self._commands.carry_out(call, message, pb.RecordActivityResponse)

    async def ListActivities(self, call: Call, message: pb.ListActivitiesRequest) -> pb.ListActivitiesResponse:
        wanted = activities.wanted(message)
        before = _before(self._pages.position(message, message.page_token))
        size = page_size(message.page_size)
        found = await self._books.read(call.caller, lambda: queries.page(wanted, call.caller, before, size + 1))
        following = self._pages.token(message, _position(found[size - 1])) if len(found) > size else ""
        call.details = {"count": len(found[:size])}
        shown = [activities.message(activity, call.caller, call.language) for activity in found[:size]]
        return pb.ListActivitiesResponse(activities=shown, next_page_token=following)

    async def GetActivity(self, call: Call, message: pb.GetActivityRequest) -> pb.GetActivityResponse:
        name, activity_id = message.name, names.activity_id(message.name)
        found = await self._books.reveal(
            call.caller, lambda books, keyring: queries.get(books, activity_id, name, call.caller, keyring)
        )
        # The look is recorded where the activity is: with whose it is about, and what of them was shown.
        call.program, call.customer = found.program, found.customer
        if found.personal:
            call.details = {"personal_fields": list(found.personal)}
        return pb.GetActivityResponse(
            activity=activities.message(found.activity, call.caller, call.language, found.personal)
        )

    async def WatchActivities(self, call: Call, message: pb.WatchActivitiesRequest) -> None:
        await self._watch.run(call, message)

    def end_streams(self) -> None:
        """Ends each stream after the message in hand, and those that come: the server is about to stop."""
        self._watch.end()


def _position(activity: Activity) -> str:
    return f"{activity.recorded_at.isoformat()} {activity.id}"


def _before(position: str) -> Before | None:
    if not position:
        return None
    recorded_at, _, identity = position.partition(" ")
    return Before(datetime.fromisoformat(recorded_at), UUID(identity))
