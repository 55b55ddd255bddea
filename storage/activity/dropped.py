"""What is left of activities whose bodies retention has dropped, in the shape of a body: readers need know no other."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from storage.activity.records import ActivityRow


def bodies(ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """In place of their bodies, by id: what stands in columns, and by which activity they were dropped."""
    if not ids:
        return {}
    return {row.id: _left(row) for row in ActivityRow.select().where(ActivityRow.id.in_(list(ids)))}


def _left(row: Any) -> dict[str, Any]:
    event = {} if row.kind_event is None else {"event": row.kind_event}
    return {
        **event,
        "action": row.action,
        "actor": {"agent": "", "id": row.actor, "ip": "", "type": row.actor_type},
        "category": row.category,
        "changes": [],
        "details": {},
        "dropped_by": str(row.dropped_by),
        "id": str(row.id),
        "method": "",
        "module": row.module,
        "outcome": row.outcome,
        "request_id": "",
        "source": row.source,
        "subject": row.subject or "",
        "type": row.type,
    }
