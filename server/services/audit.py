"""AuditService."""

from datetime import datetime, timedelta
from uuid import UUID

from fealty.v1 import audit_pb2 as pb
from rules.access import Permission, check_disclosure, check_scope
from server import limits
from server.call import Call
from server.commands import Commands
from server.convert import accesses, activities, analysis, filters, names
from server.convert.requests import set_instant
from server.paging import Pages, page_size
from server.services.export import Export
from server.services.watch import Watch
from storage.activity import counts, pages, queries, ranks
from storage.activity.look import Position
from storage.activity.queries import OneActivity
from storage.books import Books
from storage.engine.database import Connection
from storage.engine.keyring import Keyring


class Audit:
    """The activity log, and what callers add to it. Reading it is recorded in it."""

    service = "fealty.v1.AuditService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._watch = Watch(books, pages)
        self._export = Export(books, pages)
        self._commands = Commands(books)

    async def RecordActivity(self, call: Call, message: pb.RecordActivityRequest) -> pb.RecordActivityResponse:
        return await self._commands.carry_out(call, message, pb.RecordActivityResponse)

    async def ListActivities(self, call: Call, message: pb.ListActivitiesRequest) -> pb.ListActivitiesResponse:
        search, caller = filters.search(message), call.caller
        reader = caller.where(Permission.ACTIVITIES_READ)
        after = _read(self._pages.position(message, message.page_token))
        size = page_size(message.page_size)

        def read(books: Connection) -> pb.ListActivitiesResponse:
            found = pages.page(books, search, reader, after, size, limits.LOG_LOOKED_MAX)
            # Made on this thread: other calls would wait for the loop.
            shown = [activities.message(one, caller, call.language, message.time_zone) for one in found.activities]
            following = self._pages.token(message, _written(found.following)) if found.following else ""
            response = pb.ListActivitiesResponse(activities=shown, next_page_token=following)
            if found.complete_at is not None:
                set_instant(response.text_complete_time, found.complete_at)
            if message.want_total:
                limit = (limits.LOG_COUNTED_MAX, limits.LOG_COUNT_LOOKED_MAX)
                response.total, response.total_is_lower_bound = pages.total(books, search, reader, *limit)
            return response

        response = await self._books.query(caller, read)
        call.details = {"count": len(response.activities)}
        return response

    async def AnalyzeActivities(self, call: Call, message: pb.AnalyzeActivitiesRequest) -> pb.AnalyzeActivitiesResponse:
        search, trend, caller = filters.search(message), analysis.trend(message), call.caller
        reader = caller.where(Permission.ACTIVITIES_READ)
        wanted, looked_max = analysis.parts(message), limits.ANALYSIS_LOOKED_MAX

        def report(books: Connection) -> pb.AnalyzeActivitiesResponse:
            response = pb.AnalyzeActivitiesResponse()
            counted = counts.count(books, search, reader, trend, looked_max)
            analysis.fill_counts(response, counted, message)
            if analysis.ranks_anything(wanted):
                actors, subjects = pb.ANALYSIS_PART_ACTORS in wanted, pb.ANALYSIS_PART_SUBJECTS in wanted
                size = message.ranks or limits.ANALYSIS_RANKS_DEFAULT
                ranking = ranks.rank(books, search, reader, actors, subjects, size, looked_max)
                analysis.fill_ranks(response, ranking)
            return response

        response = await self._books.report(caller, report)
        call.details = {"count": response.total}
        return response

    async def GetActivity(self, call: Call, message: pb.GetActivityRequest) -> pb.GetActivityResponse:
        name, activity_id, caller = message.name, names.activity_id(message.name), call.caller
        within = timedelta(seconds=limits.SAME_REQUEST_WITHIN_S)

        def read(books: Connection, keyring: Keyring) -> tuple[OneActivity, pb.GetActivityResponse]:
            found = queries.get(books, activity_id, name, caller, keyring)
            looked, most = limits.SAME_REQUEST_LOOKED_MAX, limits.SAME_REQUEST_MAX
            others = pages.same_request(books, found.activity, found.program, within, looked, most)
            told = (call.language, message.time_zone)
            shown = activities.message(found.activity, caller, *told, found.personal)
            shown.note = found.note
            same = [activities.message(one, caller, *told) for one in others]
            return found, pb.GetActivityResponse(activity=shown, same_request=same)

        found, response = await self._books.reveal(caller, read)
        # The look is recorded where the activity is: with whose it is about, and what of them was shown.
        call.program, call.customer = found.program, found.customer
        if found.personal:
            call.details = {"personal_fields": list(found.personal)}
        return response

    async def ListAccessToCustomer(
        self, call: Call, message: pb.ListAccessToCustomerRequest
    ) -> pb.ListAccessToCustomerResponse:
        check_scope(call.caller, call.program)
        check_disclosure(call.caller, message.parent)
        search, after = accesses.search(message), _read(self._pages.position(message, message.page_token))
        size = page_size(message.page_size)

        def read(books: Connection) -> pb.ListAccessToCustomerResponse:
            found = pages.page(books, search, call.caller, after, size, limits.LOG_LOOKED_MAX)
            shown = [accesses.message(one, call.caller, call.language, message.time_zone) for one in found.activities]
            following = self._pages.token(message, _written(found.following)) if found.following else ""
            return pb.ListAccessToCustomerResponse(accesses=shown, next_page_token=following)

        response = await self._books.query(call.caller, read)
        call.details = {"count": len(response.accesses)}
        return response

    async def WatchActivities(self, call: Call, message: pb.WatchActivitiesRequest) -> None:
        await self._watch.run(call, message)

    async def ExportActivities(self, call: Call, message: pb.ExportActivitiesRequest) -> None:
        await self._export.run(call, message)

    async def StartExport(self, call: Call, message: pb.StartExportRequest) -> pb.StartExportResponse:
        return await self._commands.carry_out(call, message, pb.StartExportResponse)

    def end_streams(self) -> None:
        """Ends each stream after the message in hand, and those that come: the server is about to stop."""
        self._watch.end()
        self._export.end()


def _written(position: Position | int) -> str:
    if isinstance(position, int):
        return str(position)
    return f"{position.recorded_at.isoformat()} {position.id}"


def _read(position: str) -> Position | int | None:
    if not position:
        return None
    # Of what is found by its words: a token belongs to its filter.
    if position.isdecimal():
        return int(position)
    recorded_at, _, identity = position.partition(" ")
    return Position(datetime.fromisoformat(recorded_at), UUID(identity))
