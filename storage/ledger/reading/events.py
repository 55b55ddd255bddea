"""The events history of a customer: whatever happened to it, of which pending and held points are a part.

What happened to customers that were merged into it belongs to it for as long as they are.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import json

from storage.engine.database import Connection
from storage.engine.session import Statement, session
from storage.engine.sockets import blocking
from storage.ledger.addresses import CustomerName
from storage.ledger.reading import accounts


class EventOrder(StrEnum):
    """What events are sorted by."""

    OCCURRED_AT = "OCCURRED_AT"
    EVENT_TYPE = "EVENT_TYPE"
    POINTS = "POINTS"
    SOURCE = "SOURCE"


class EventRead(NamedTuple):
    """An event: an activity, from the customer's side.

    `action` is what the act is called, `subject` what was acted upon, `details` what the record tells of it; `note` is
    what people wrote about it, empty where nothing was.
    """

    id: UUID
    event_type: str
    points: int
    occurred_at: datetime
    recorded_at: datetime
    source: str
    action: str
    subject: str
    details: dict[str, Any]
    note: str = ""

    @property
    def admin(self) -> str:
        """On whose behalf it was done, empty where nobody was named."""
        found: str = self.details.get("admin", "")
        return found

    def cursor(self, order: EventOrder) -> tuple[datetime | int | str, UUID]:
        """Where it stands in that order: what to ask the next page with."""
        values: dict[EventOrder, datetime | int | str] = {
            EventOrder.OCCURRED_AT: self.occurred_at,
            EventOrder.EVENT_TYPE: self.event_type,
            EventOrder.POINTS: self.points,
            EventOrder.SOURCE: self.source,
        }
        return values[order], self.id


def page(
    books: Connection,
    name: CustomerName,
    event_type: str,
    order: EventOrder,
    ascending: bool,
    after: tuple[datetime | int | str, UUID] | None,
    size: int,
) -> list[EventRead]:
    """Up to `size` events of a customer and of all who were merged into it, of a type (empty: of any), from the first
    after a key of that order. Each says by its subject whose it was.

    Where equal, what was recorded last comes first; oldest first, it comes last. Raises ProgramNotFound,
    CustomerNotFound, CustomerMerged.
    """
    asked = [name.program, name.customer, event_type, str(size)]
    if after is not None:
        value, event = after
        asked += [value.isoformat() if isinstance(value, datetime) else str(value), str(event)]
    statement = _PAGES[order, ascending, after is not None]
    rows = _ROWS.decode(blocking(session(books).run(statement, [one.encode() for one in asked])))
    if not rows:
        # Nothing to show, nobody of that name, or a customer that was merged: this says which.
        accounts.holder(books, name)
    return _with_notes(books, rows)


def _with_notes(books: Connection, found: list[EventRead]) -> list[EventRead]:
    """A note is written where somebody gave a reason, which few events have: most pages need not ask for any."""
    reasoned = [one.id for one in found if "reason_code" in one.details]
    if not reasoned:
        return found
    notes: dict[UUID, str] = dict(books.execute(_NOTES, (reasoned,), prepare=True).fetchall())
    return [one._replace(note=notes.get(one.id, "")) for one in found]


_ROWS = json.Decoder(list[EventRead])

_NOTES = "SELECT activity, note FROM activity_note WHERE activity = ANY(%s)"


_VALUES = {
    EventOrder.OCCURRED_AT: ("e.occurred_at", "timestamptz"),
    EventOrder.EVENT_TYPE: ("e.event", "text"),
    EventOrder.POINTS: ("coalesce(e.points, 0)", "bigint"),
    EventOrder.SOURCE: ("e.source", "text"),
}


def _statement(order: EventOrder, ascending: bool, follows: bool) -> Statement:
    """Each order has a statement of its own: by time, the index gives a page without reading what is not on it.

    Of each customer that was merged into it as much is read by the same index. That its state is MERGED says nothing
    new, but to a planner that knows of no merge yet, and would expect hundreds of them.
    """
    value, kind = _VALUES[order]
    direction, past = ("ASC", ">") if ascending else ("DESC", "<")
    ties, beyond = (direction, past) if order is EventOrder.OCCURRED_AT else ("DESC", "<")
    after = ""
    if follows and ties == direction:
        after = f"AND ({value}, e.id) {past} ($5, $6)"
    elif follows:
        after = f"""AND ({value} {past} $5
                         OR {value} = $5 AND e.id {beyond} $6)"""
    sql = f"""
        WITH RECURSIVE whose AS (
            SELECT c.id FROM program JOIN customer c ON c.program = program.id
            WHERE program.program_id = $1 AND c.customer_id = $2 AND c.state <> 'MERGED'
            UNION ALL
            SELECT c.id FROM whose JOIN customer c ON c.merged_into = whose.id AND c.state = 'MERGED'
        )
        SELECT coalesce(json_agg(json_build_array(
            e.id, e.event, coalesce(e.points, 0), e.occurred_at, e.recorded_at, e.source, e.action, e.subject, e.details
        ) ORDER BY {value} {direction}, e.id {ties}), '[]')
        FROM (
            SELECT e.* FROM whose CROSS JOIN LATERAL (
                SELECT * FROM activity e
                WHERE e.customer = whose.id AND e.event IS NOT NULL
                  AND ($3 = '' OR e.event = $3) {after}
                ORDER BY {value} {direction}, e.id {ties} LIMIT $4
            ) AS e
            ORDER BY {value} {direction}, e.id {ties} LIMIT $4
        ) AS e
    """  # noqa: S608 - of the names above only
    return Statement(sql, ["text", "text", "text", "integer", *([kind, "uuid"] if follows else [])])


_PAGES = {
    (order, ascending, follows): _statement(order, ascending, follows)
    for order in EventOrder
    for ascending in (False, True)
    for follows in (False, True)
}
