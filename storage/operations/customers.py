"""The customers whom an operation still has to reach.

Written in the transaction that begins the operation, and taken off in that of the step that reached them: so who they
are is settled once, and those whom a step passes over, because somebody else has them in hand, are still there for the
next. A place in the order of their ids would lose these, and a list of names has none.
"""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from rules.states import CustomerState
from storage.engine.database import Connection
from storage.operations.accounts import WAIT_MS


class Reached(NamedTuple):
    """A customer whom a step has locked, as they stand."""

    customer: int
    customer_id: str
    state: CustomerState


def choose_active(connection: Connection, operation: UUID, program: int) -> int:
    """All customers of a program that are active now; answers how many."""
    return connection.execute(_CHOOSE_ACTIVE, (operation, program)).rowcount


def choose(connection: Connection, operation: UUID, program: int, customer_ids: Sequence[str]) -> int:
    """Those of some public ids that there are; answers how many."""
    return connection.execute(_CHOOSE, (operation, program, list(customer_ids))).rowcount


def count_active(connection: Connection, program: int) -> int:
    """How many customers of a program are active."""
    [count] = connection.execute(_COUNT_ACTIVE, (program,)).fetchone() or ()
    return int(count)


def count(connection: Connection, program: int, customer_ids: Sequence[str]) -> int:
    """How many customers of some public ids there are."""
    [found] = connection.execute(_COUNT, (program, list(customer_ids))).fetchone() or ()
    return int(found)


def reach(connection: Connection, operation: UUID, limit: int) -> list[Reached]:
    """Locks up to `limit` of those left that nobody else has in hand, in the order of their ids. Where others have all
    of them, it waits for the first, up to WAIT_MS; then the transaction fails as Busy."""
    found = connection.execute(_REACH.format("SKIP LOCKED").encode(), (operation, limit)).fetchall()
    if not found:
        connection.execute(f"SET LOCAL lock_timeout = {WAIT_MS}".encode())
        found = connection.execute(_REACH.format("").encode(), (operation, 1)).fetchall()
    return [Reached(customer, customer_id, CustomerState(state)) for customer, customer_id, state in found]


def finish(connection: Connection, operation: UUID, customers: Sequence[int]) -> None:
    """Takes customers off: the step reached them."""
    connection.execute(_FINISH, (operation, list(customers)))


def drop(connection: Connection, operation: UUID) -> None:
    """Forgets who is left: the operation has ended."""
    connection.execute("DELETE FROM operation_customer WHERE operation = %s", (operation,))


_CHOOSE_ACTIVE = """
INSERT INTO operation_customer SELECT %s, id FROM customer WHERE program = %s AND state = 'ACTIVE'
"""

_CHOOSE = """
INSERT INTO operation_customer SELECT %s, id FROM customer WHERE program = %s AND customer_id = ANY(%s)
"""

_COUNT_ACTIVE = "SELECT count(*) FROM customer WHERE program = %s AND state = 'ACTIVE'"

_COUNT = "SELECT count(*) FROM customer WHERE program = %s AND customer_id = ANY(%s)"

# One customer after the other, none locked beyond the limit: the planner cannot take the subselects apart.
_REACH = """
SELECT w.customer, c.customer_id, c.state
FROM (SELECT customer FROM operation_customer WHERE operation = %s ORDER BY customer OFFSET 0) AS w
CROSS JOIN LATERAL (
    SELECT customer_id, state FROM customer WHERE customer.id = w.customer FOR NO KEY UPDATE {}
) AS c
LIMIT %s
"""

_FINISH = "DELETE FROM operation_customer WHERE operation = %s AND customer = ANY(%s)"
