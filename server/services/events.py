"""EventService."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fealty.v1 import events_pb2 as pb
from rules.access import check_scope
from rules.sentences import NO_NOUNS, Nouns
from server.call import Call
from server.commands import Commands
from server.convert import events, names
from server.paging import Pages, page_size
from storage.books import Books
from storage.engine.database import Connection
from storage.ledger.reading import events as reading
from storage.ledger.reading.events import EventOrder, EventRead
from storage.programs import nouns as program_nouns

_ORDERS = {
    pb.EVENT_ORDER_UNSPECIFIED: EventOrder.OCCURRED_AT,
    pb.EVENT_ORDER_OCCUR_TIME: EventOrder.OCCURRED_AT,
    pb.EVENT_ORDER_EVENT_TYPE: EventOrder.EVENT_TYPE,
    pb.EVENT_ORDER_POINTS: EventOrder.POINTS,
    pb.EVENT_ORDER_SOURCE: EventOrder.SOURCE,
}
# How the value that a page is continued from is read again.
_VALUES: dict[EventOrder, Any] = {
    EventOrder.OCCURRED_AT: datetime.fromisoformat,
    EventOrder.EVENT_TYPE: str,
    EventOrder.POINTS: int,
    EventOrder.SOURCE: str,
}


class Events:
    """Whatever happens to a customer."""

    service = "fealty.v1.EventService"

    def __init__(self, books: Books, pages: Pages) -> None:
        self._books = books
        self._pages = pages
        self._commands = Commands(books)

    async def RecordEvent(self, call: Call, message: pb.RecordEventRequest) -> pb.RecordEventResponse:
        return await self._commands.carry_out(call, message, pb.RecordEventResponse)

    async def ListEvents(self, call: Call, message: pb.ListEventsRequest) -> pb.ListEventsResponse:
        name = names.customer(message.parent)
        check_scope(call.caller, name.program)
        order = _ORDERS[message.order_by]
        event, _, value = self._pages.position(message, message.page_token).partition(" ")
        after = (_VALUES[order](value), UUID(event)) if event else None
        size = page_size(message.page_size)

        def read(books: Connection) -> tuple[list[EventRead], Nouns]:
            found = reading.page(books, name, message.event_type, order, message.ascending, after, size + 1)
            return found, program_nouns.current([name.program] if found else []).get(name.program, NO_NOUNS)

        found, nouns = await self._books.query(call.caller, read)
        response = pb.ListEventsResponse()
        for event_read in found[:size]:
            events.fill(response.events.add(), event_read, nouns, call.language)
        if len(found) > size:
            last, number = found[size - 1].cursor(order)
            shown = last.isoformat() if isinstance(last, datetime) else str(last)
            response.next_page_token = self._pages.token(message, f"{number} {shown}")
        return response
