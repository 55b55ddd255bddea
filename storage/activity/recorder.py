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
    """What happened, without a change. `program` and `customer` are public ids, empty where it concerned none."""

    origin: Origin
    outcome: Outcome
    subject: str = ""
    program: str = ""
    customer: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""


async def record_acts(session: Session, acts: Sequence[Act]) -> list[str | Exception]:
    """Records acts, all in one transaction; answers the id of each record, in order."""
    async with rolled_back_on_error(session):
        scopes, plan = await _begin(session, sorted({(act.program, act.customer) for act in acts if act.program}))
        ids: list[str | Exception] = [
            record(
                plan,
                act.origin,
                act.subject,
                scopes.get((act.program, act.customer), Scope()),
                outcome=act.outcome,
                details=act.details,
                request_id=act.request_id,
            )
            for act in acts
        ]
        await plan.flush(session, commit=True)
        return ids


async def _begin(session: Session, names: Sequence[tuple[str, str]]) -> tuple[dict[tuple[str, str], Scope], Workspace]:
    body = json.decode(await session.run(_SCOPES, [json.encode(names)], begin=True))
    scopes = {(program, customer): Scope(*numbers) for program, customer, *numbers in body["scopes"] or ()}
    return scopes, Workspace(datetime.fromisoformat(body["now"]))


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
