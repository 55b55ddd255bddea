"""What merges took of an account and gave back, where no entry says so: pending points, holds and debt leave none.

What is merged away keeps its row. While it was away it counts with the customer that had it; where the merge was
undone, what was left of it came back to the row that it had.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from storage.engine.database import Connection
from storage.ledger.addresses import AccountKey


class Move(NamedTuple):
    """Pending points of lot `lot` that went (below 0) or came back, to or from customer `whom`, by which activity."""

    lot: int
    points: int
    occurred_at: datetime
    activity: str
    whom: str
    is_return: bool


def of_lots(books: Connection, key: AccountKey, lots: Iterable[int]) -> list[Move]:
    """What merges did to pending lots of an account, in its order."""
    numbers = list(lots)
    found: list[Move] = []
    if not numbers:
        return found
    for lot, points, at, activity, whom, back_at, back, left in books.execute(
        _AWAY, (key.account, numbers), prepare=True
    ):
        found.append(Move(lot, -points, at, activity, whom, is_return=False))
        if back_at is not None and left is not None:
            found.append(Move(lot, left, back_at, back, whom, is_return=True))
    for lot, points, at, activity, whom in books.execute(_LENT, (key.account, numbers), prepare=True):
        found.append(Move(lot, points, at, activity, whom, is_return=True))
    return sorted(found, key=lambda move: (move.occurred_at, move.lot))


def is_away(books: Connection, key: AccountKey, at: datetime) -> bool:
    """Whether the account's customer was merged at an instant, by the program's clock."""
    return books.execute(_IS_AWAY, (key.customer, at, at), prepare=True).fetchone() is not None


def of_debts(books: Connection, key: AccountKey, at: datetime) -> int:
    """By how much merges had changed the debt of an account at an instant: what went of debts that stand in it."""
    row = books.execute(_DEBTS, {"account": key.account, "customer": key.customer, "at": at}).fetchone()
    assert row is not None
    return int(row[0])


# A part that came back pending left a lot behind that never had an entry. One that came back active came with one. The
# same holds of the lots that it became further on, where that customer was merged too: what ended there came to none.
_CAME_BACK = """
NOT EXISTS (
    WITH RECURSIVE further AS (
        SELECT l.account, l.number
        UNION
        SELECT a.target, p.target_number
        FROM further f
        JOIN merge_part p ON p.source = f.account AND p.noun = 'LOT' AND p.number = f.number
        JOIN merge_account a ON a.activity = p.activity AND a.source = p.source
    )
    SELECT FROM further f JOIN lot x ON x.account = f.account AND x.number = f.number
    WHERE x.state <> 'MOVED' OR EXISTS (SELECT FROM allocation y WHERE y.account = x.account AND y.lot = x.number)
)
"""

_AWAY = f"""
SELECT p.number, p.points, m.occurred_at, m.id::text, c.customer_id, u.occurred_at, u.id::text,
       CASE WHEN {_CAME_BACK} THEN l.points - l.cancelled END
FROM merge_part p
CROSS JOIN LATERAL (
    SELECT target FROM merge_account WHERE activity = p.activity AND source = p.source OFFSET 0
) AS a
CROSS JOIN LATERAL (SELECT id, occurred_at FROM activity WHERE activity.id = p.activity OFFSET 0) AS m
CROSS JOIN LATERAL (
    SELECT customer_id FROM account JOIN customer ON customer.id = account.customer WHERE account.id = a.target OFFSET 0
) AS c
CROSS JOIN LATERAL (SELECT * FROM lot WHERE lot.account = a.target AND lot.number = p.target_number OFFSET 0) AS l
LEFT JOIN LATERAL (
    SELECT activity.id, activity.occurred_at FROM customer_unmerge JOIN activity ON activity.id = activity
    WHERE customer_unmerge.merge = p.activity OFFSET 0
) AS u ON true
WHERE p.source = %s AND p.noun = 'LOT' AND p.number = ANY(%s::int[]) AND p.kind = 'PENDING'
ORDER BY m.occurred_at, p.number
"""  # noqa: S608

# What came with a merge and went back pending when it was undone.
_LENT = f"""
SELECT l.number, l.cancelled - l.points, u.occurred_at, u.id::text, c.customer_id
FROM lot l
CROSS JOIN LATERAL (
    SELECT * FROM merge_part
    WHERE source = l.origin_account AND noun = 'LOT' AND number = l.origin AND target_number = l.number OFFSET 0
) AS p
JOIN merge_account a ON a.activity = p.activity AND a.source = p.source AND a.target = l.account
JOIN customer_unmerge b ON b.merge = p.activity
JOIN activity u ON u.id = b.activity
JOIN account s ON s.id = p.source
JOIN customer c ON c.id = s.customer
WHERE l.account = %s AND l.number = ANY(%s::int[]) AND {_CAME_BACK}
"""  # noqa: S608

_IS_AWAY = """
SELECT FROM customer_merge m JOIN activity a ON a.id = m.activity
WHERE m.source = %s AND a.occurred_at <= %s AND NOT EXISTS (
    SELECT FROM customer_unmerge u JOIN activity b ON b.id = u.activity
    WHERE u.merge = m.activity AND b.occurred_at <= %s
)
"""

# A debt that went and came back left only what was written off meanwhile; one that was lent went back when it ended.
_DEBTS = """
WITH gone AS (
    SELECT p.number, p.points, s.moved AS returned, m.occurred_at AS at, u.occurred_at AS back_at
    FROM customer_merge g
    JOIN merge_part p ON p.activity = g.activity AND p.source = %(account)s AND p.noun = 'SHORTFALL'
    JOIN merge_account a ON a.activity = p.activity AND a.source = p.source
    JOIN shortfall s ON s.account = a.target AND s.number = p.target_number
    JOIN activity m ON m.id = p.activity
    LEFT JOIN (customer_unmerge b JOIN activity u ON u.id = b.activity) ON b.merge = p.activity
    WHERE g.source = %(customer)s AND p.kind = 'DEBT'
), lent AS (
    SELECT s.moved AS points, u.occurred_at AS at
    FROM merge_account a
    JOIN customer_unmerge b ON b.merge = a.activity
    JOIN activity u ON u.id = b.activity
    JOIN merge_part p ON p.activity = a.activity AND p.source = a.source AND p.noun = 'SHORTFALL'
    JOIN shortfall s ON s.account = a.target AND s.number = p.target_number
    WHERE a.target = %(account)s AND p.kind = 'DEBT'
)
SELECT coalesce((SELECT sum(returned) FROM gone WHERE back_at <= %(at)s), 0)
       - coalesce((SELECT sum(points) FROM gone WHERE at <= %(at)s), 0)
       - coalesce((SELECT sum(points) FROM lent WHERE at <= %(at)s), 0)
"""
