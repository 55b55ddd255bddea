"""What becomes of a request that was approved: its act is carried out once, and it is noted that it was.

The act is one request of the books, whose caller is the request for approval itself: whoever finds it approved asks for
it, however often, and it is done once. That it was done is noted in a transaction of its own, by whoever comes first.
"""

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import json

from rules import access
from rules.access import Permission
from rules.activity import APPROVAL_EXECUTED, APPROVAL_EXPIRED, APPROVAL_FAILED, Approved, by_time, by_worker
from rules.approvals.deciding import OPEN, ApprovalState
from storage.activity.commands import Scope, record
from storage.approvals import queries, sealing
from storage.approvals.deciding import change, details_of, ended
from storage.approvals.queries import ApprovalRequest
from storage.approvals.records import RequestRow
from storage.engine import requests
from storage.engine.database import NO_KEY_UPDATE, Connection
from storage.engine.ids import typeid
from storage.engine.requests import Request
from storage.engine.unit import Unit

# Days are the programs': none of them is summed up two days later, unless a test clock holds it.
USES_KEPT = timedelta(days=3)

# What could not be carried out is tried again after as long as it has waited: soon where a server is busy, and hardly
# ever where somebody has to mend it. Within an hour it is done once they have.
PUT_OFF_MIN = timedelta(seconds=5)
PUT_OFF_MAX = timedelta(hours=1)


class Failure(NamedTuple):
    """Why an act can no more be done: the name of a reason of the contract, and the sentence for people."""

    reason: str
    message: str


class Held(NamedTuple):
    """A request, and what was asked for, byte for byte; None where it has ended. `justification` is what its maker
    wrote, `permissions` what it was permitted then, wherever."""

    request: ApprovalRequest
    message: bytes | None
    justification: str = ""
    permissions: frozenset[Permission] = frozenset()


def key_of(found: ApprovalRequest) -> Request:
    """Under what its act is carried out. No hash of what was asked: it is about people, and there is only one."""
    return Request(found.public_id, found.method, found.request_id, "")


def allowed_by(found: ApprovalRequest) -> Approved:
    """By what its act is allowed, as the record of that has it."""
    return Approved(found.name, found.approvers, str(found.approved_activity))


def approved(connection: Connection, limit: int) -> list[UUID]:
    """Up to `limit` requests that were approved, not carried out and not put off, those that are due longest first."""
    return [identity for (identity,) in connection.execute(_APPROVED, (limit,))]


def held(unit: Unit, identity: UUID) -> Held | None:
    """A request with what was asked for; None where there is none. Raises KeyringError, DoesNotOpen."""
    found = queries.of_id(identity, unit.now)
    if found is None:
        return None
    request, row = found
    if row.sealed is None:
        return Held(request, None)
    content = sealing.unseal(unit.connection, unit.keyring, request.public_id, bytes(row.sealed))
    return Held(request, content.message, content.justification, access.known(row.maker_permissions))


def put_off(connection: Connection, identity: UUID) -> None:
    """Has nobody look for an approved request for a while: for longer, the longer it waits already. Others get their
    turn meanwhile."""
    connection.execute(_PUT_OFF, (PUT_OFF_MIN, PUT_OFF_MAX, identity))


def finish(unit: Unit, identity: UUID, failure: Failure | None = None) -> ApprovalRequest:
    """Notes that the act of an approved request was done, or why it cannot be. What stands in the books counts: where
    an answer to the act is kept, it was done, whoever says what; and where it is noted that it was not, it never will
    be, also by who has it in hand meanwhile. Answers the request."""
    found = queries.of_id(identity, unit.now, for_update=True)
    assert found is not None
    request, row = found
    if request.state is not ApprovalState.APPROVED:
        return request
    kept = requests.find(unit.connection, key_of(request))
    if kept is not None:
        effect = json.decode(kept.response)["activity"]
        details = {**details_of(request), "activity": _named(effect)}
        return _end(unit, request, row, ApprovalState.EXECUTED, details, effect_activity=effect)
    if failure is None:
        return request
    # Under the act's own key, where it finds that it is asked for and not done; of two at once, one meets the other's.
    requests.keep_asked(unit, key_of(request), request.name)
    details = {**details_of(request), "reason": failure.reason}
    columns = {"failure_reason": failure.reason, "failure_message": failure.message}
    return _end(unit, request, row, ApprovalState.FAILED, details, **columns)


def expire(unit: Unit, limit: int) -> bool:
    """Notes of up to `limit` requests that time has ended them; whether that was all. They are expired without it."""
    query = RequestRow.select(RequestRow.id).where(
        RequestRow.state.in_(sorted(OPEN)) & (RequestRow.expires_at <= unit.now)
    )
    due = [row.id for row in query.order_by(RequestRow.expires_at).limit(limit).for_update(NO_KEY_UPDATE + _SKIPPING)]
    for identity in due:
        found = queries.of_id(identity, unit.now)
        assert found is not None
        request, row = found
        activity = record(
            unit,
            by_time(APPROVAL_EXPIRED),
            request.name,
            Scope(row.program, row.customer),
            details=details_of(request),
            cause=request.activity,
        )
        change(unit, request, activity, **ended(unit, ApprovalState.EXPIRED, activity))
    return len(due) < limit


def prune(connection: Connection, limit: int) -> int:
    """Forgets up to `limit` figures of days that nobody sums up any more; answers how many."""
    return connection.execute(_PRUNE, (USES_KEPT, limit)).rowcount


def is_due(connection: Connection) -> bool:
    """Whether there are requests that time has ended, and nobody has noted it."""
    [(found,)] = connection.execute(_IS_DUE)
    return bool(found)


def forget(connection: Connection, customers: list[int], activity: str) -> None:
    """Takes away what was asked for about customers who are erased, and its hash, also where it was asked under the
    request id of its maker: that is another request from then on. What waits can never be done."""
    connection.execute(_FORGET, {"customers": customers, "activity": activity})


def _end(
    unit: Unit, request: ApprovalRequest, row: Any, state: ApprovalState, details: dict[str, Any], **columns: Any
) -> ApprovalRequest:
    kind = APPROVAL_EXECUTED if state is ApprovalState.EXECUTED else APPROVAL_FAILED
    activity = record(
        unit,
        by_worker(kind),
        request.name,
        Scope(row.program, row.customer),
        details=details,
        cause=request.approved_activity,
    )
    return change(unit, request, activity, **ended(unit, state, activity), **columns).value


def _named(activity: str | None) -> str:
    return f"activities/{typeid('activity', UUID(activity).int)}" if activity else ""


_SKIPPING = " SKIP LOCKED"

_APPROVED = """
SELECT id FROM approval_request WHERE state = 'APPROVED' AND due_at <= clock_timestamp() ORDER BY due_at LIMIT %s
"""

_PUT_OFF = """
UPDATE approval_request
SET due_at = clock_timestamp() + least(greatest(clock_timestamp() - updated_at, %s::interval), %s::interval)
WHERE id = %s AND state = 'APPROVED'
"""

_PRUNE = """
DELETE FROM approval_use WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM approval_use WHERE used_at < now() - %s::interval LIMIT %s FOR UPDATE SKIP LOCKED
))
"""

_IS_DUE = """
SELECT EXISTS (SELECT FROM approval_request WHERE state IN ('DRAFT', 'PENDING') AND expires_at <= clock_timestamp())
"""

# By the customer that it is about, and by all that it names. Of what is being carried out it is found out what becomes.
_FORGET = """
WITH erased AS (
    SELECT c.id, c.program, c.customer_id FROM customer c WHERE c.id = ANY(%(customers)s)
), forgotten AS (
    UPDATE approval_request r SET sealed = NULL, content_hash = '', version = r.version + 1, updated_at = now(),
        state = CASE WHEN r.state IN ('DRAFT', 'PENDING') THEN 'FAILED' ELSE r.state END,
        failure_reason = CASE WHEN r.state IN ('DRAFT', 'PENDING') THEN 'CUSTOMER_CLOSED' ELSE r.failure_reason END,
        end_activity = CASE WHEN r.state IN ('DRAFT', 'PENDING') THEN %(activity)s ELSE r.end_activity END,
        ended_at = CASE WHEN r.state IN ('DRAFT', 'PENDING') THEN now() ELSE r.ended_at END
    FROM erased e
    WHERE r.program = e.program AND (r.customer = e.id OR r.customers ? e.customer_id)
    RETURNING r.maker, r.method, r.request_id
)
UPDATE request SET content_hash = ''
FROM forgotten f WHERE (request.caller, request.method, request.request_id) = (f.maker, f.method, f.request_id)
"""
