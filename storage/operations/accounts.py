"""The accounts that an operation still has to go through, each with the lots it had when the operation was asked for.

Written in the transaction that begins the operation, and taken off in that of the step that got through them: so what
it covers is settled once, and whoever is killed at any point leaves a list of exactly what is left.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from storage.engine.database import Connection

# A step that finds all that is left in other hands waits for one of them, holding none: longer than any of our own
# transactions holds an account, short enough that whoever cancels the operation does not wait long for the step.
WAIT_MS = 1_000


class Taken(NamedTuple):
    """An account that a step has locked, as it stands. Of its lots, those numbered above `lots_done` up to `lots` are
    to be gone through; `is_changed` says that an earlier step changed some of the others."""

    account: int
    lots: int
    lots_done: int
    is_changed: bool
    customer: int
    customer_id: str
    version: int
    due_at: datetime | None


def take(connection: Connection, operation: UUID, limit: int, wait: bool) -> list[Taken]:
    """Locks up to `limit` of those left that nobody else has in hand, in the order of their ids.

    Where others have all of them, `wait` waits for the first, up to WAIT_MS; then the transaction fails as Busy.
    """
    found = connection.execute(_TAKE.format("SKIP LOCKED").encode(), (operation, limit)).fetchall()
    if not found and wait:
        connection.execute(f"SET LOCAL lock_timeout = {WAIT_MS}".encode())
        found = connection.execute(_TAKE.format("").encode(), (operation, 1)).fetchall()
    return [Taken(*row) for row in found]


def finish(connection: Connection, operation: UUID, accounts: Sequence[int]) -> None:
    """Takes accounts off: the step got through them."""
    connection.execute(_FINISH, (operation, list(accounts)))


def leave(connection: Connection, operation: UUID, taken: Taken) -> None:
    """Keeps an account that a step got through in part only, as far as it came."""
    connection.execute(_LEAVE, {**taken._asdict(), "operation": operation})


def drop(connection: Connection, operation: UUID) -> None:
    """Forgets what is left: the operation has ended."""
    connection.execute("DELETE FROM operation_account WHERE operation = %s", (operation,))


# One account after the other, none locked beyond the limit: the planner cannot take the subselects apart, and sorts
# nothing behind the locks.
_TAKE = """
SELECT w.account, w.lots, w.lots_done, w.is_changed, a.customer, c.customer_id, a.version, a.due_at
FROM (SELECT * FROM operation_account WHERE operation = %s ORDER BY account OFFSET 0) AS w
CROSS JOIN LATERAL (
    SELECT customer, version, due_at FROM account WHERE account.id = w.account FOR NO KEY UPDATE {}
) AS a
CROSS JOIN LATERAL (SELECT customer_id FROM customer WHERE customer.id = a.customer OFFSET 0) AS c
LIMIT %s
"""

_FINISH = "DELETE FROM operation_account WHERE operation = %s AND account = ANY(%s)"

_LEAVE = """
UPDATE operation_account SET lots_done = %(lots_done)s, is_changed = %(is_changed)s
WHERE operation = %(operation)s AND account = %(account)s
"""
