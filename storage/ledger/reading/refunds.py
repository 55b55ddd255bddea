"""Refunds of a purchase, as they were done: what each took, from where, why and for whom."""

from datetime import datetime
from typing import NamedTuple

from rules.programs import RefundPolicy
from rules.refunds import Claimed
from rules.refusals import RefundNotFound
from storage.engine.database import Connection
from storage.ledger.addresses import TransactionName
from storage.ledger.reading import transactions


class RefundRead(NamedTuple):
    """A refund as it was done. `lines` are (number from 1, amount), as they were asked for; 0 for all of a line.

    `reason_code` and `acting_user` say why, and for whom; both are empty where nobody said so.
    """

    number: int
    amount_minor: int
    lines: tuple[tuple[int, int], ...]
    points: int
    claimed: Claimed
    restored: int
    policy: RefundPolicy
    occurred_at: datetime
    recorded_at: datetime
    activity: str
    reason_code: str
    acting_user: str


def get(books: Connection, name: TransactionName, number: int) -> RefundRead:
    """One refund. Raises as `page` does, and RefundNotFound."""
    for found in page(books, name, number + 1, 1):
        if found.number == number:
            return found
    raise RefundNotFound(refund=f"{name.name}/refunds/{number}")


def page(books: Connection, name: TransactionName, before: int | None, size: int) -> list[RefundRead]:
    """Up to `size` refunds of a purchase, newest first, from the first before number `before`.

    Raises ProgramNotFound, CustomerNotFound, CustomerMerged, TransactionNotFound.
    """
    _, key = transactions.find(books, name)
    rows = books.execute(_PAGE, (key.program, name.transaction_id, before, size), prepare=True)
    return [
        RefundRead(
            number,
            amount_minor,
            tuple((line, amount) for line, amount in lines or ()),
            points,
            Claimed(*claimed),
            restored,
            RefundPolicy(policy),
            *recorded,
        )
        for (number, amount_minor, lines, points, claimed, restored, policy, *recorded) in rows
    ]


# OFFSET 0: the keys lead.
_PAGE = """
SELECT r.number, r.amount_minor, r.lines, r.points,
       ARRAY[r.pending, r.own_lot, r.other_lots, r.debt, r.shortfall], r.restored, r.policy,
       r.occurred_at, r.recorded_at, r.activity::text,
       coalesce(m.details ->> 'reason_code', ''), coalesce(m.details ->> 'admin', '')
FROM (
    SELECT * FROM refund
    WHERE program = %s AND transaction_id = %s AND number < coalesce(%s::bigint, 2147483648)
    ORDER BY number DESC LIMIT %s
) AS r
CROSS JOIN LATERAL (SELECT details FROM activity WHERE activity.id = r.activity OFFSET 0) AS m
ORDER BY r.number DESC
"""
