"""Reads what a program says of retention, and what is held there."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from peewee import JOIN

from rules.access import Caller
from rules.refusals import LegalHoldNotFound
from rules.retention import Effect, Kept, policy
from storage.customers.records import CustomerRow
from storage.engine.ids import parse_typeid, typeid
from storage.programs import queries as programs
from storage.programs.queries import Program
from storage.retention.records import LegalHoldRow, RetentionRow, RuleRow


class Rule(NamedTuple):
    """For how many days what is kept alike is kept; 0: for ever."""

    category: str
    effect: Effect
    days: int


class Retention(NamedTuple):
    """What holds in a program, of everything; `updated_at` is None while nobody has changed it."""

    program: str
    rules: tuple[Rule, ...]
    version: int
    updated_at: datetime | None

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program}/retention"

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return f'"{self.version}"'


class LegalHold(NamedTuple):
    """A hold. `customer` is empty where it is on all of the program; both are public ids."""

    id: UUID
    program: str
    customer: str
    reason_code: str
    placed_at: datetime
    activity: UUID
    lifted_at: datetime | None = None
    lift_activity: UUID | None = None

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"programs/{self.program}/legalholds/{typeid('legalhold', self.id.int)}"

    @property
    def subject(self) -> str:
        """The resource name of what is held."""
        return f"programs/{self.program}" + (f"/customers/{self.customer}" if self.customer else "")


class HoldCursor(NamedTuple):
    """Where a hold stands in its list: what to ask the next page with."""

    placed_at: datetime
    id: UUID


def given_days(program: int) -> dict[Kept, int]:
    """The days that a program gave, by internal id."""
    rows = RuleRow.select(RuleRow.category, RuleRow.effect, RuleRow.days).where(RuleRow.program == program)
    return {Kept(category, Effect(effect)): days for category, effect, days in rows.tuples()}


def retention(program_id: str, caller: Caller) -> Retention:
    """What holds in a program. Raises ProgramNotFound."""
    return of_program(programs.get(program_id, caller))


def of_program(program: Program) -> Retention:
    """The same of a program in hand."""
    row = RetentionRow.get_or_none(RetentionRow.program == program.id)
    rules = tuple(Rule(*kept, days) for kept, days in policy(given_days(program.id)).items())
    return Retention(program.program_id, rules, row.version if row else 0, row.updated_at if row else None)


def hold(name: str, caller: Caller, for_update: bool = False) -> tuple[LegalHold, Program]:
    """The hold of that resource name, and its program, which `for_update` locks. Raises ProgramNotFound,
    LegalHoldNotFound."""
    _, program_id, _, hold_id = name.split("/")
    program = programs.get(program_id, caller, for_update)
    found = parse_typeid("legalhold", hold_id)
    query = _holds(program).where(LegalHoldRow.id == found)
    row = query.first() if found is not None else None
    if row is None:
        raise LegalHoldNotFound(program=program_id)
    return _hold(row, program), program


def holds(program_id: str, caller: Caller, only_active: bool, after: HoldCursor | None, size: int) -> list[LegalHold]:
    """Up to `size` holds of a program and of its customers, or those that were not lifted, newest first, from the first
    after `after`.

    Raises ProgramNotFound.
    """
    program = programs.get(program_id, caller)
    query = _holds(program)
    if only_active:
        query = query.where(LegalHoldRow.lifted_at.is_null())
    if after is not None:
        placed_at, identity = LegalHoldRow.placed_at, LegalHoldRow.id
        query = query.where((placed_at < after.placed_at) | ((placed_at == after.placed_at) & (identity < after.id)))
    ordered = query.order_by(LegalHoldRow.placed_at.desc(), LegalHoldRow.id.desc())
    return [_hold(row, program) for row in ordered.limit(size)]


def _holds(program: Program) -> Any:
    query = LegalHoldRow.select(LegalHoldRow, CustomerRow.customer_id)
    query = query.join(CustomerRow, JOIN.LEFT_OUTER, on=(CustomerRow.id == LegalHoldRow.customer))
    return query.where(LegalHoldRow.program == program.id).objects()


def _hold(row: Any, program: Program) -> LegalHold:
    return LegalHold(
        id=row.id,
        program=program.program_id,
        customer=row.customer_id or "",
        reason_code=row.reason_code,
        placed_at=row.placed_at,
        activity=row.activity,
        lifted_at=row.lifted_at,
        lift_activity=row.lift_activity,
    )
