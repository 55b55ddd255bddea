"""Lots of an account, as time has made them: one whose instant has come is active, one that has ended expired."""

from datetime import date, datetime
from typing import NamedTuple

from rules import calendar
from rules.accounts import Lot
from rules.programs import time_zone
from rules.refusals import LotNotFound
from storage.engine.database import Connection
from storage.ledger.addresses import Address
from storage.ledger.reading import accounts
from storage.ledger.reading.accounts import Reading
from storage.ledger.records import LOTS

# Whoever reads it must do something about them: beyond this, how many there are changes nothing.
AWAITING_COUNTED_MAX = 1_000


class Origin(NamedTuple):
    """The lot that a lot was made from, by a transfer, a merge or a rollback."""

    address: Address
    number: int


class LotRead(NamedTuple):
    """A lot. `expires_at` is its own or, where it slides, what it shares; `last_usable_on` the last local date on which
    it can be used; both None where it never expires, and while nobody knows yet. `activity` made it."""

    lot: Lot
    expires_at: datetime | None
    last_usable_on: date | None
    origin: Origin | None
    activity: str


def get(books: Connection, address: Address, number: int) -> LotRead:
    """One lot. Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound, LotNotFound."""
    with accounts.snapshot(books):
        reading = accounts.read(books, address)
        for found in select(books, reading, "", number + 1, 1):
            if found.lot.number == number:
                return found
    raise LotNotFound(lot=number)


def page(books: Connection, address: Address, state: str, after: int | None, size: int) -> list[LotRead]:
    """Up to `size` lots in a state (empty: in any), newest first, from the first after number `after`.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound.
    """
    with accounts.snapshot(books):
        return select(books, accounts.read(books, address), state, after, size)


def awaiting(books: Connection, program: int, event_types: list[str]) -> dict[str, int]:
    """How many lots of a program wait for each of some event types, counted up to AWAITING_COUNTED_MAX."""
    return dict(books.execute(_AWAITING, (event_types, program, AWAITING_COUNTED_MAX), prepare=True).fetchall())


def select(books: Connection, reading: Reading, state: str, after: int | None, size: int) -> list[LotRead]:
    """The same of an account that is being read."""
    lots = reading.draft.lots
    asked = {
        "account": reading.key.account,
        "after": after,
        "state": state,
        "changed": list(lots),
        "fitting": [number for number, lot in lots.items() if lot.state == state],
        "size": size,
    }
    return [_read(reading, *row) for row in books.execute(_PAGE, asked, prepare=True)]


def _read(reading: Reading, activity: str, origin: list[str] | None, columns: str) -> LotRead:
    lot = LOTS.read(columns)
    lot = reading.draft.lots.get(lot.number, lot)
    expires_at = reading.expires_at(lot)
    last = None
    if expires_at is not None:
        last = calendar.last_usable_day(expires_at, time_zone(reading.program.settings.time_zone))
    made_from = None
    if lot.origin is not None:
        customer, card = origin or (reading.address.customer, reading.address.card)
        made_from = Origin(Address(reading.address.program, customer, card), lot.origin)
    return LotRead(lot, expires_at, last, made_from, activity)


# From when a lot counts: one that the record of a purchase made from the purchase, however late it was recorded. What
# a correction, a merge or a rollback made of a purchase's lot counts from then.
SINCE = "least(l.issued_at, bought.occurred_at)"
BOUGHT = """
LEFT JOIN LATERAL (
    SELECT occurred_at FROM transaction AS t
    WHERE t.program = l.program AND t.transaction_id = l.transaction_id AND t.activity = l.activity OFFSET 0
) AS bought ON true
"""

# What time has changed is in the state that it is in now; all others are in that of their row.
_PAGE = f"""
SELECT l.activity::text, o.name, {LOTS.as_json("l")}
FROM lot l
LEFT JOIN LATERAL (
    SELECT ARRAY[c.customer_id, a.card_id] AS name FROM account a JOIN customer c ON c.id = a.customer
    WHERE a.id = l.origin_account OFFSET 0
) AS o ON true
WHERE l.account = %(account)s AND l.number < coalesce(%(after)s::bigint, 2147483648)
  AND (%(state)s::text = '' OR CASE WHEN l.number = ANY(%(changed)s::int[]) THEN l.number = ANY(%(fitting)s::int[])
                                    ELSE l.state = %(state)s::text END)
ORDER BY l.number DESC LIMIT %(size)s
"""  # noqa: S608

# In the shape of the index lot_awaiting, in which nothing else is: it reads no more lots than it counts.
_AWAITING = """
SELECT w.event_type, n.lots
FROM unnest(%s::text[]) WITH ORDINALITY AS w(event_type, ordinal)
CROSS JOIN LATERAL (
    SELECT count(*) AS lots FROM (
        SELECT FROM lot WHERE program = %s AND awaits = w.event_type AND state = 'PENDING' LIMIT %s
    ) AS found
) AS n
ORDER BY w.ordinal
"""
