"""When pending points were taken back, and by what."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from storage.engine.database import Connection
from storage.ledger.addresses import AccountKey


class Cancellation(NamedTuple):
    """Pending points of lot `lot` that were taken back; `refund` is the number of the refund that did."""

    lot: int
    points: int
    occurred_at: datetime
    activity: str
    refund: int | None = None


def of(books: Connection, key: AccountKey, lots: Iterable[int]) -> list[Cancellation]:
    """The cancellations of some lots of an account, in their order; not those of the lots that they became elsewhere
    while a merge had them away."""
    numbers = list(lots)
    if not numbers:
        return []
    return [Cancellation(*row) for row in books.execute(_OF, (key.account, numbers), prepare=True)]


_OF = """
SELECT c.lot, c.points, c.occurred_at, c.activity::text, r.number
FROM cancellation c
CROSS JOIN LATERAL (
    SELECT program, transaction_id FROM lot WHERE lot.account = c.account AND lot.number = c.lot OFFSET 0
) AS l
LEFT JOIN LATERAL (
    SELECT number FROM refund
    WHERE refund.program = l.program AND refund.transaction_id = l.transaction_id AND refund.activity = c.activity
    OFFSET 0
) AS r ON true
WHERE c.account = %s AND c.lot = ANY(%s::int[])
ORDER BY c.occurred_at, c.recorded_at, c.activity
"""
