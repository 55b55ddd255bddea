"""Holds of an account, as time has made them: one that nobody captured in time has expired."""

from typing import Any, NamedTuple

from rules.accounts import Hold, HoldState
from rules.refusals import HoldNotFound
from storage.engine.database import Connection
from storage.ledger.addresses import Address
from storage.ledger.reading import accounts


class HoldRead(NamedTuple):
    """A hold, and the activity that made it."""

    hold: Hold
    activity: str


def get(books: Connection, address: Address, number: int) -> HoldRead:
    """One hold. Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound, HoldNotFound."""
    for found in page(books, address, "", number + 1, 1):
        if found.hold.number == number:
            return found
    raise HoldNotFound(hold=number)


def page(books: Connection, address: Address, state: str, after: int | None, size: int) -> list[HoldRead]:
    """Up to `size` holds in a state (empty: in any), newest first, from the first after number `after`.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged, CardNotFound.
    """
    with accounts.snapshot(books):
        key = accounts.readable(books, address)
        asked = {
            "account": key.account,
            "now": accounts.program_state(books, key.program).now,
            "after": after,
            "state": state,
            "size": size,
        }
        return [_read(*row) for row in books.execute(_PAGE, asked, prepare=True)]


def _read(activity: str, lots: list[int], points: list[int], number: int, state: str, *rest: Any) -> HoldRead:
    held, expires_at, created_at, *others = rest
    pins = tuple(zip(lots, points, strict=True))
    return HoldRead(Hold(number, HoldState(state), held, expires_at, created_at, pins, *others), activity)


_OVERDUE = "h.state = 'ACTIVE' AND h.expires_at <= %(now)s::timestamptz"
_STATE = f"CASE WHEN {_OVERDUE} THEN 'EXPIRED' ELSE h.state END"

_PAGE = f"""
SELECT h.activity::text, p.lots, p.points, h.number, {_STATE}, h.points, h.expires_at, h.created_at, h.captured,
       CASE WHEN {_OVERDUE} THEN h.expires_at ELSE h.ended_at END, h.entry, h.reference, h.transaction_id
FROM (
    SELECT * FROM hold h
    WHERE h.account = %(account)s AND h.number < coalesce(%(after)s::bigint, 2147483648)
      AND (%(state)s::text = '' OR {_STATE} = %(state)s::text)
    ORDER BY h.number DESC LIMIT %(size)s
) AS h
CROSS JOIN LATERAL (
    SELECT array_agg(pin.lot ORDER BY pin.ordinal) AS lots, array_agg(pin.points ORDER BY pin.ordinal) AS points
    FROM pin WHERE pin.account = h.account AND pin.hold = h.number OFFSET 0
) AS p
ORDER BY h.number DESC
"""  # noqa: S608
