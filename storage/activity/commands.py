"""Records acts, in the transaction of the act."""

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Raw, json

from rules.activity import Change, ChangeKind, Origin, noted_id
from storage.activity.records import ACTIVITIES, NOTES
from storage.engine.ids import new_uuid_text
from storage.engine.workspace import Workspace
from storage.personal.commands import withhold

# The version of the body's form. A verifier reads it first.
BODY_VERSION = 2

# Keys stand in their order, at every depth: the same act gives the same bytes.
_BODY = json.Encoder(order="sorted")


class Outcome(StrEnum):
    """How it ended, in the words of the contract."""

    SUCCEEDED = "SUCCEEDED"
    DENIED = "DENIED"
    INVALID = "INVALID"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


class Scope(NamedTuple):
    """Whose timeline an act belongs to: the internal ids of a program and a customer, where there is one."""

    program: int | None = None
    customer: int | None = None


def record(
    unit: Workspace,
    origin: Origin,
    subject: str,
    scope: Scope = Scope(),  # noqa: B008 - an immutable value
    occurred_at: datetime | None = None,
    outcome: Outcome = Outcome.SUCCEEDED,
    changes: Sequence[Change] = (),
    details: Mapping[str, Any] | None = None,
    request_id: str = "",
    event: str = "",
    points: int | None = None,
    note: str = "",
    activity: str = "",
    cause: UUID | None = None,
) -> str:
    """Plans the record of an act and answers its id.

    `subject` is the resource name of what was acted upon. `details` must be JSON without floats and hold no
    personal data: the body is kept as it is, and hashed. `event` is what it is called in the customer's event
    history, where it belongs there, with the `points` it gave or took; the history is read without the body. A `note`
    is kept beside the record: people write about people in it, and it may have to be forgotten. So are personal values
    of `changes`, encrypted under the key of the scope's customer, which is in hand (storage/personal). `activity` is
    the id, where it has one already; `cause` the activity that this one follows from.
    """
    activity = activity or new_uuid_text()
    instant = occurred_at or unit.now
    kind = origin.kind
    if (approval := origin.approval) is not None:
        details = {**(details or {}), "approval": approval.request, "approved_by": approval.by}
        cause = cause or UUID(approval.activity)
    told = Raw(_BODY.encode(details or {}))
    body = {
        "action": kind.action,
        "actor": _actor(origin),
        "category": kind.category,
        "changes": [_change(unit, activity, scope, change) for change in changes],
        "details": told,
        "event": kind.event,
        "id": activity,
        "method": origin.method,
        "module": kind.module,
        # Whoever has a hash of the body alone cannot find out by trying what is in it.
        "nonce": os.urandom(16).hex(),
        "occurred_at": instant,
        "outcome": outcome,
        "recorded_at": unit.now,
        "request_id": noted_id(request_id),
        "source": origin.source,
        "subject": subject,
        "type": kind.type,
        "v": BODY_VERSION,
    }
    if cause is not None:
        body["cause"] = str(cause)
    if origin.trace_id:
        body["trace_id"] = origin.trace_id
    if origin.purpose:
        body["purpose"] = origin.purpose
    row: dict[str, Any] = {
        "id": activity,
        "occurred_at": instant,
        "action": kind.action,
        "category": kind.category,
        "type": kind.type,
        "source": origin.source,
        "actor_type": origin.actor_type,
        "actor": origin.actor,
        "outcome": outcome,
        "body": _BODY.encode(body).decode(),
    }
    if scope.program is not None:
        row["program"] = scope.program
    if scope.customer is not None:
        row["customer"] = scope.customer
    if kind.module:
        row["module"] = kind.module
    # Empty is said, too: of rows without it, which are older, the action tells.
    row["kind_event"] = kind.event
    if event:
        row["event"] = event
        row["points"] = points
        row["subject"] = subject
        row["details"] = told
    unit.add(ACTIVITIES.made, row)
    if note:
        unit.add(NOTES.made, {"activity": activity, "note": note})
    return activity


def _actor(origin: Origin) -> dict[str, Any]:
    actor: dict[str, Any] = {
        "agent": origin.user_agent,
        "id": origin.actor,
        "ip": origin.ip_address,
        "roles": origin.roles,
        "type": origin.actor_type,
    }
    if origin.forwarded_for:
        actor["forwarded_for"] = origin.forwarded_for
    if origin.page_url:
        actor["page_url"] = origin.page_url
    if origin.on_behalf_of:
        actor["on_behalf_of"] = origin.on_behalf_of
    return actor


def _change(unit: Workspace, activity: str, scope: Scope, change: Change) -> dict[str, Any]:
    kind = change.kind
    if kind is ChangeKind.WITHHELD:
        return withhold(unit, activity, scope.customer, change)
    return {"after": change.after, "before": change.before, "field": change.field, "kind": kind}
