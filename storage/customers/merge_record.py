"""What a merge moved, kept so that it can be undone: which lots, holds and debts became which, and which purchases."""

from collections import defaultdict
from typing import Any, NamedTuple

from rules.accounts import LotState, ShortfallKind
from rules.merging import Moved, MovedHold, MovedLot, MovedShortfall, MovedSlidingExpiry
from storage.customers.pairs import Pair
from storage.customers.queries import Customer
from storage.customers.records import MERGED_ACCOUNTS, MERGED_PARTS, MERGED_SLIDING_EXPIRIES, MERGES
from storage.engine.database import Connection
from storage.engine.unit import Unit


class Kept(NamedTuple):
    """A merge that stands: what moved of each account, by the internal ids of both."""

    activity: str
    accounts: dict[tuple[int, int], Moved]


def move_shortfall(unit: Unit, account: int, number: int, points: int) -> None:
    """Notes that so much of a shortfall lies with another account now; below 0, that it came back."""
    unit.connection.execute(_MOVE_SHORTFALL, (points, account, number), prepare=True)


_MOVE_SHORTFALL = "UPDATE shortfall SET moved = moved + %s WHERE account = %s AND number = %s"


def keep(
    unit: Unit, program: int, source: Customer, target: Customer, moved: list[tuple[Pair, Moved]], activity: str
) -> None:
    """Plans the rows of a merge."""
    unit.add(MERGES.made, {"activity": activity, "program": program, "source": source.id, "target": target.id})
    for pair, parts in moved:
        key = {"activity": activity, "source": pair.source.key.account}
        unit.add(MERGED_ACCOUNTS.made, {**key, "target": pair.target.key.account, "target_version": parts.version})
        for lot in parts.lots:
            unit.add(MERGED_PARTS.made, {**key, **_part("LOT", lot, lot.state)})
        for hold in parts.holds:
            unit.add(MERGED_PARTS.made, {**key, **_part("HOLD", hold, "ACTIVE")})
        for owed in parts.shortfalls:
            unit.add(MERGED_PARTS.made, {**key, **_part("SHORTFALL", owed, owed.kind)})
        for slide in parts.sliding_expiries:
            unit.add(
                MERGED_SLIDING_EXPIRIES.made, {**key, "settings_version": slide.version, "expires_before": slide.before}
            )


def move_purchases(unit: Unit, activity: str) -> None:
    """All purchases of the source follow, and remember where their lots were made. The merge's rows are written."""
    unit.connection.execute(_KEEP_PURCHASES, (activity,))
    unit.connection.execute(_MOVE_PURCHASES, (activity,))


def return_purchases(unit: Unit, activity: str) -> None:
    """They go back; what was recorded for the target since stays there."""
    unit.connection.execute(_RETURN_PURCHASES, (activity,))


def standing_merge(connection: Connection, source: Customer) -> Kept:
    """The merge of a customer that is merged."""
    row = connection.execute(_STANDING, (source.id,)).fetchone()
    assert row is not None
    activity = row[0]
    lots: defaultdict[int, list[MovedLot]] = defaultdict(list)
    holds: defaultdict[int, list[MovedHold]] = defaultdict(list)
    shortfalls: defaultdict[int, list[MovedShortfall]] = defaultdict(list)
    slides: defaultdict[int, list[MovedSlidingExpiry]] = defaultdict(list)
    for account, noun, number, target_number, points, kind in connection.execute(_PARTS, (activity,)):
        if noun == "LOT":
            lots[account].append(MovedLot(number, target_number, points, LotState(kind)))
        elif noun == "HOLD":
            holds[account].append(MovedHold(number, target_number, points))
        else:
            shortfalls[account].append(MovedShortfall(number, target_number, points, ShortfallKind(kind)))
    for account, version, before in connection.execute(_SLIDES, (activity,)):
        slides[account].append(MovedSlidingExpiry(version, before))
    return Kept(
        activity,
        {
            (account, target): Moved(
                tuple(lots[account]),
                tuple(holds[account]),
                tuple(shortfalls[account]),
                tuple(slides[account]),
                version,
            )
            for account, target, version in connection.execute(_ACCOUNTS, (activity,))
        },
    )


def gone(connection: Connection, activity: str) -> dict[int, dict[int, int]]:
    """What time, and refunds of its own purchase, took since from the lots that moved: points, by account and lot of
    the target."""
    found: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for account, lot, points in connection.execute(_GONE, (activity,)):
        found[account][lot] = points
    return found


def changed_purchases(connection: Connection, activity: str, limit: int) -> list[str]:
    """Up to `limit` purchases that moved and were corrected since, or refunded at the cost of other points."""
    return [row[0] for row in connection.execute(_CHANGED, (activity, limit))]


def _part(noun: str, part: MovedLot | MovedHold | MovedShortfall, kind: str) -> dict[str, Any]:
    return {"noun": noun, "number": part.source, "target_number": part.target, "points": part.points, "kind": kind}


_KEEP_PURCHASES = """
INSERT INTO merge_transaction (activity, source, program, transaction_id, origin_account, lot, refunds)
SELECT m.activity, m.source, t.program, t.transaction_id, t.origin_account, t.lot, t.refunds
FROM merge_account m JOIN transaction t ON t.account = m.source WHERE m.activity = %s
"""

_MOVE_PURCHASES = """
UPDATE transaction SET account = m.target, origin_account = coalesce(transaction.origin_account, m.source)
FROM merge_account m WHERE m.activity = %s AND transaction.account = m.source
"""

_RETURN_PURCHASES = """
UPDATE transaction SET account = m.source, origin_account = m.origin_account
FROM merge_transaction m
WHERE m.activity = %s AND transaction.program = m.program AND transaction.transaction_id = m.transaction_id
"""

_STANDING = """
SELECT activity::text FROM customer_merge m
WHERE source = %s AND NOT EXISTS (SELECT FROM customer_unmerge u WHERE u.merge = m.activity)
"""

_ACCOUNTS = "SELECT source, target, target_version FROM merge_account WHERE activity = %s ORDER BY source"

_PARTS = """
SELECT source, noun, number, target_number, points, kind FROM merge_part WHERE activity = %s ORDER BY source, number
"""

_SLIDES = """
SELECT source, settings_version, expires_before FROM merge_sliding_expiry
WHERE activity = %s ORDER BY source, settings_version
"""

# Where the target was merged itself and came back, also what was taken from what its lots had become there.
_GONE = """
WITH RECURSIVE part AS (
    SELECT m.target AS account, p.target_number AS number, m.target AS first_account, p.target_number AS first_number
    FROM merge_part p JOIN merge_account m USING (activity, source) WHERE p.activity = %s AND p.noun = 'LOT'
    UNION
    SELECT m.target, p.target_number, part.first_account, part.first_number
    FROM part
    JOIN merge_part p ON p.source = part.account AND p.number = part.number AND p.noun = 'LOT'
    JOIN merge_account m USING (activity, source)
)
SELECT part.first_account, part.first_number, -sum(a.amount)::bigint
FROM part
JOIN lot l USING (account, number)
JOIN allocation a ON a.account = l.account AND a.lot = l.number
JOIN entry e ON e.account = a.account AND e.seq = a.seq
WHERE e.kind = 'EXPIRY' OR (e.kind = 'REFUND' AND e.transaction_id = l.transaction_id)
GROUP BY part.first_account, part.first_number
"""

_CHANGED = """
SELECT m.transaction_id
FROM merge_transaction m
JOIN merge_account a USING (activity, source)
JOIN transaction t USING (program, transaction_id)
WHERE m.activity = %s AND (
    t.account <> a.target OR t.origin_account IS DISTINCT FROM coalesce(m.origin_account, m.source)
    OR t.lot IS DISTINCT FROM m.lot
    OR EXISTS (
        SELECT FROM refund r
        WHERE r.program = m.program AND r.transaction_id = m.transaction_id AND r.number > m.refunds
          AND r.other_lots + r.debt + r.shortfall > 0
    )
)
ORDER BY m.transaction_id LIMIT %s
"""
