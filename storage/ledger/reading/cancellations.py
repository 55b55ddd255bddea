"""When pending points were taken back, and by what: the lot says how many, refunds and activities say the rest.

A refund names what it took of the pending lot. What an update, a rejection or a cancellation by hand took is told by
the first activity after the lot was made that took points of the lot or of its purchase, and is no refund.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from rules.accounts import Lot
from storage.engine.database import Connection
from storage.ledger.addresses import AccountKey, Address


class Cancellation(NamedTuple):
    """Pending points of lot `lot` that were taken back; `refund` is the number of the refund that did."""

    lot: int
    points: int
    occurred_at: datetime
    activity: str
    refund: int | None = None


def of(
    books: Connection, address: Address, key: AccountKey, lots: Iterable[Lot], away: Mapping[int, int]
) -> list[Cancellation]:
    """The cancellations of some lots of an account, in their order, but for what was cancelled while a merge had them
    `away`: points by lot."""
    cancelled = {lot.number: lot for lot in lots if lot.cancelled > away.get(lot.number, 0)}
    if not cancelled:
        return []
    rows = books.execute(_REFUNDS, (key.account, list(cancelled)), prepare=True)
    found = [Cancellation(*row) for row in rows]
    left = {number: lot.cancelled - away.get(number, 0) for number, lot in cancelled.items()}
    for one in found:
        left[one.lot] -= one.points
    others = {number: points for number, points in left.items() if points}
    if others:
        found += _by_activity(books, address, key, [cancelled[number] for number in others], others)
    return sorted(found, key=lambda one: (one.occurred_at, one.lot, one.refund or 0))


def _by_activity(
    books: Connection, address: Address, key: AccountKey, lots: list[Lot], points: dict[int, int]
) -> list[Cancellation]:
    names = {lot.number: _names(address, lot) for lot in lots}
    subjects = sorted({name for some in names.values() for name in some})
    since = min(lot.issued_at for lot in lots)
    acts = books.execute(_ACTS, (key.customer, since, subjects), prepare=True).fetchall()
    made = {
        number: (recorded_at, activity)
        for number, recorded_at, activity in books.execute(_MADE, (key.account, list(names)), prepare=True)
    }
    found = []
    for lot in lots:
        for recorded_at, activity, occurred_at, taken, text in acts:
            body = json.loads(text)
            is_later = (recorded_at, activity) > made[lot.number]
            if is_later and body["subject"] in names[lot.number] and _takes_back(taken, body["details"]):
                found.append(Cancellation(lot.number, points[lot.number], occurred_at, str(activity)))
                break
    return found


def _names(address: Address, lot: Lot) -> set[str]:
    names = {f"{address.name}/lots/{lot.number}"}
    if lot.transaction_id is not None:
        names.add(f"{address.customer_name}/transactions/{lot.transaction_id}")
    return names


def _takes_back(points: int | None, details: dict[str, Any]) -> bool:
    if "own_lot" in details:
        # A refund; it has a row of its own.
        return False
    # An update gives before and after, and replaces the lot even where it gives more than before.
    return isinstance(details.get("points"), list) or (points or 0) < 0


# A purchase that was updated left cancelled lots behind, which no refund was of: it can only be updated before.
_REFUNDS = """
SELECT l.number, r.pending, r.occurred_at, r.activity::text, r.number
FROM lot l
CROSS JOIN LATERAL (
    SELECT * FROM refund WHERE refund.program = l.program AND refund.transaction_id = l.transaction_id OFFSET 0
) AS r
WHERE l.account = %s AND l.number = ANY(%s::int[]) AND r.account = l.account AND r.pending > 0
  AND NOT EXISTS (
      SELECT FROM lot later WHERE later.account = l.account AND later.number > l.number
      AND later.transaction_id = l.transaction_id AND later.cancelled > 0
  )
ORDER BY l.number, r.number
"""

_ACTS = """
SELECT recorded_at, id, occurred_at, points, body FROM activity
WHERE customer = %s AND occurred_at >= %s AND event IS NOT NULL AND body::json ->> 'subject' = ANY(%s::text[])
ORDER BY recorded_at, id
"""

_MADE = """
SELECT l.number, m.recorded_at, m.id FROM lot l
CROSS JOIN LATERAL (SELECT id, recorded_at FROM activity WHERE activity.id = l.activity OFFSET 0) AS m
WHERE l.account = %s AND l.number = ANY(%s::int[])
"""
