"""Reads the activity log."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.access import Caller
from rules.refusals import CustomerNotFound, ProgramNotFound
from storage.access.tables import CallerRow
from storage.activity.tables import ActivityRow
from storage.customers.tables import CustomerRow
from storage.programs.tables import ProgramRow


@dataclass(frozen=True, slots=True)
class Filter:
    """Which activities. Empty means any. `program` and `customer` are public ids."""

    program: str = ""
    customer: str = ""
    category: str = ""
    type: str = ""
    source: str = ""
    outcome: str = ""
    action: str = ""
    recorded_from: datetime | None = None
    recorded_before: datetime | None = None


class Activity(NamedTuple):
    """One act, as its body has it. `actor_name` is what its actor is called today; empty where it was no caller."""

    id: UUID
    body: dict[str, Any]
    occurred_at: datetime
    recorded_at: datetime
    actor_name: str


def page(wanted: Filter, caller: Caller, before: UUID | None, size: int) -> list[Activity]:
    """Up to `size` activities that the caller may see, newest first, older than `before`.

    Raises ProgramNotFound, CustomerNotFound.
    """
    query = ActivityRow.select(ActivityRow.id, ActivityRow.body, ActivityRow.occurred_at, ActivityRow.recorded_at)
    scope = wanted.program or caller.program or ""
    if scope:
        program = ProgramRow.get_or_none(ProgramRow.program_id == scope) if caller.sees(scope) else None
        if program is None:
            raise ProgramNotFound(program=scope)
        query = query.where(ActivityRow.program == program.id)
        if wanted.customer:
            query = query.where(ActivityRow.customer == _customer(program, wanted.customer))
    for column in ("category", "type", "source", "outcome", "action"):
        if value := getattr(wanted, column):
            query = query.where(getattr(ActivityRow, column) == value)
    if wanted.recorded_from is not None:
        query = query.where(ActivityRow.recorded_at >= wanted.recorded_from)
    if wanted.recorded_before is not None:
        query = query.where(ActivityRow.recorded_at < wanted.recorded_before)
    if before is not None:
        query = query.where(ActivityRow.id < before)
    rows: list[Any] = list(query.order_by(ActivityRow.id.desc()).limit(size).tuples())
    bodies = [json.loads(row[1]) for row in rows]
    names = _names({body["actor"]["id"] for body in bodies})
    return [
        Activity(row[0], body, row[2], row[3], names.get(body["actor"]["id"], ""))
        for row, body in zip(rows, bodies, strict=True)
    ]


def _names(callers: set[str]) -> dict[str, str]:
    query = CallerRow.select(CallerRow.id, CallerRow.name).where(CallerRow.id.in_(list(callers)))
    return {caller.id: caller.name for caller in query}


def _customer(program: ProgramRow, customer_id: str) -> int:
    found = CustomerRow.get_or_none((CustomerRow.program == program.id) & (CustomerRow.customer_id == customer_id))
    if found is None:
        raise CustomerNotFound(program=program.program_id)
    return int(found.id)
