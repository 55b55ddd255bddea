"""Records what has no transaction of its own: reads of personal data, and calls that were denied, refused or failed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import PostgresqlDatabase

from rules.activity import Origin
from storage.activity.commands import Outcome, Scope, record
from storage.engine.database import Connection
from storage.engine.unit import transaction


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


class Recorder:
    """Writes groups of acts on the calling thread's connection."""

    def __init__(self, database: PostgresqlDatabase) -> None:
        self._database = database

    def run(self, acts: Sequence[Act]) -> list[str | Exception]:
        """The id of each record, in order; all in one transaction. Raises StorageUnavailable."""
        with transaction(self._database) as unit:
            scopes = _scopes(unit.connection, {(act.program, act.customer) for act in acts if act.program})
            return [
                record(
                    unit,
                    act.origin,
                    act.subject,
                    scopes.get((act.program, act.customer), Scope()),
                    outcome=act.outcome,
                    details=act.details,
                    request_id=act.request_id,
                )
                for act in acts
            ]


def _scopes(connection: Connection, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Scope]:
    wanted = sorted(names)
    if not wanted:
        return {}
    programs, customers = (list(part) for part in zip(*wanted, strict=True))
    rows = connection.execute(_SCOPES, (programs, customers), prepare=True)
    return {(program, customer): Scope(*numbers) for program, customer, *numbers in rows}


_SCOPES = """
SELECT w.program, w.customer, p.id, c.id
FROM unnest(%s::text[], %s::text[]) AS w(program, customer)
JOIN program p ON p.program_id = w.program
LEFT JOIN customer c ON c.program = p.id AND c.customer_id = w.customer
"""
