"""Removes what was written about a person beside the log, step by step: notes, and what their profile was before.

It is found by the records of their customers, of which there may be a million. A step looks at a bounded number of
them and notes how far it came, in one transaction; so it can be stopped anywhere, and taken again. What is removed lies
beside records that stay as they are, and all of it is behind a door of the database, which opens for erased customers
only.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from rules.activity import ERASURE_COMPLETED, by_worker
from storage.activity.commands import Scope, record
from storage.engine import requests
from storage.engine.unit import Unit

# The actor that takes the steps, and its queue.
ACTOR = "erase_customer"
QUEUE = "operations"
# Some 50 ms where something lies beside each; of nearly every customer it is all, and done within the call.
STEP_ACTIVITIES = 1_000

# Before every record.
_BEGINNING = (datetime(1000, 1, 1, tzinfo=UTC), UUID(int=0))


def begin(unit: Unit, person: int, customers: Sequence[int], activity: str) -> None:
    """Has the records of some customers, who are one person, gone through from their beginning. They are erased."""
    unit.connection.execute(_BEGIN, (person, activity, *_BEGINNING, list(customers)))


def step(unit: Unit, person: int, limit: int = STEP_ACTIVITIES) -> bool:
    """Goes through up to `limit` records; whether nothing is left to do."""
    while (found := unit.connection.execute(_OPEN, (person,)).fetchone()) is not None:
        if limit <= 0:
            return False
        customer, at_time, at_id = found
        looked = unit.connection.execute(_LOOK, (customer, at_time, at_id, limit)).fetchall()
        if looked:
            [(forgotten,)] = unit.connection.execute(_FORGET, ([activity for activity, _ in looked],))
            requests.blur(unit.connection, forgotten)
            at_id, at_time = looked[-1]
        unit.connection.execute(_GO_ON, (at_time, at_id, len(looked) < limit, customer))
        limit -= len(looked)
    return True


def go_on(unit: Unit, person: int) -> bool:
    """A step of what a call has left to do; the last is recorded."""
    if not step(unit, person):
        return False
    for program, subject, test_clock_at, cause in unit.connection.execute(_ERASED, (person,)):
        origin, scope = by_worker(ERASURE_COMPLETED), Scope(program, person)
        record(unit, origin, subject, scope, test_clock_at or unit.now, cause=cause)
    return True


_ERASED = """
SELECT p.id, 'programs/' || p.program_id || '/customers/' || c.customer_id, p.test_clock_at, e.activity
FROM erasure e JOIN customer c ON c.id = e.customer JOIN program p ON p.id = c.program WHERE e.customer = %s
"""

_BEGIN = """
INSERT INTO erasure (customer, person, activity, at_time, at_id)
SELECT customer, %s, %s, %s, %s FROM unnest(%s::bigint[]) AS customer
ON CONFLICT (customer) DO UPDATE SET person = excluded.person, activity = excluded.activity,
    at_time = excluded.at_time, at_id = excluded.at_id, ended_at = NULL
"""

_OPEN = """
SELECT customer, at_time, at_id FROM erasure WHERE person = %s AND ended_at IS NULL ORDER BY customer LIMIT 1 FOR UPDATE
"""

_LOOK = """
SELECT id, occurred_at FROM activity WHERE customer = %s AND (occurred_at, id) > (%s, %s)
ORDER BY occurred_at, id LIMIT %s
"""

_FORGET = "SELECT forget_beside(%s::uuid[])"

_GO_ON = """
UPDATE erasure SET at_time = %s, at_id = %s, ended_at = CASE WHEN %s THEN now() END WHERE customer = %s
"""
