"""Records what has no transaction of its own: reads of personal data, and calls that were denied, refused or failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from msgspec import json

from rules.activity import Origin
from storage.activity.commands import Outcome, Scope, record
from storage.engine.session import Session, Statement, rolled_back_on_error
from storage.engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Act:
    """What happened, without a change. `program` and `customer` are public ids, empty where it concerned none.

    One that could not be recorded at its time has an `activity` of its own, and the instant at which it occurred.
    """

    origin: Origin
    outcome: Outcome
    subject: str = ""
    program: str = ""
    customer: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""
    activity: str = ""
    occurred_at: datetime | None = None


async def record_acts(session: Session, acts: Sequence[Act]) -> list[str | Exception]:
    """Records acts, all in one transaction; answers the id of each record, in order. One with an id of its own that is
    there already stays as it is."""
    async with rolled_back_on_error(session):
        scopes, plan = await _begin(session, sorted({(act.program, act.customer) for act in acts if act.program}))
        named = [act.activity for act in acts if act.activity]
        known = set(json.decode(await session.run(_KNOWN, [json.encode(named)]))) if named else set()
        ids: list[str | Exception] = [
            act.activity
            if act.activity in known
            else record(
                plan,
                act.origin,
                act.subject,
                scopes.get((act.program, act.customer), Scope()),
                act.occurred_at,
                outcome=act.outcome,
                details=act.details,
                request_id=act.request_id,
                activity=act.activity,
            )
            for act in acts
        ]
        await plan.flush(session, commit=True)
        return ids


async def _begin(session: Session, names: Sequence[tuple[str, str]]) -> tuple[dict[tuple[str, str], Scope], Workspace]:
    body = json.decode(await session.run(_SCOPES, [json.encode(names)], begin=True))
    scopes = {(program, customer): Scope(*numbers) for program, customer, *numbers in body["scopes"] or ()}
    return scopes, Workspace(datetime.fromisoformat(body["now"]))


_KNOWN = Statement(
    """
SELECT coalesce(json_agg(a.id), '[]') FROM json_array_elements_text($1) AS w JOIN activity a ON a.id = w::uuid
""",
    ["json"],
)

_SCOPES = Statement(
    """
SELECT json_build_object('now', clock_timestamp(), 'scopes', (
    SELECT json_agg(json_build_array(w ->> 0, w ->> 1, p.id, c.id))
    FROM json_array_elements($1) AS w
    CROSS JOIN LATERAL (SELECT id FROM program WHERE program_id = w ->> 0 OFFSET 0) AS p
    LEFT JOIN LATERAL (
        SELECT id FROM customer WHERE program = p.id AND customer_id = w ->> 1 OFFSET 0
    ) AS c ON true
))
""",
    ["json"],
)
