"""The steps of a redating: each a short transaction over some accounts, which nobody else has in hand."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.activity import LOT_REDATED
from storage.activity.commands import Scope, record
from storage.engine.unit import Unit
from storage.ledger.addresses import Address
from storage.ledger.records import ACCOUNTS, LOTS, REDATINGS
from storage.ledger.redating.terms import ENDS, IS_COVERED, Terms, from_plain
from storage.operations import accounts
from storage.operations import commands as operations
from storage.operations.accounts import Taken
from storage.operations.queries import Operation
from storage.operations.records import OperationState
from storage.programs.queries import Program

# What an operation has done that has done nothing.
NOTHING = {"lots": 0, "points": 0, "accounts": 0}


class StepSize(NamedTuple):
    """How many accounts a step locks at most, and how many of their lots it looks at."""

    accounts: int
    lots: int


# Held for some 25 ms: calls about one of these accounts are passed over for as long.
STEP = StepSize(accounts=200, lots=500)


class Change(NamedTuple):
    """What is to become of a lot."""

    lot: int
    points: int
    before: datetime | None
    after: datetime | None


def step(unit: Unit, identity: UUID, size: StepSize = STEP) -> bool:
    """Takes the next step of an operation, and says whether it has ended.

    Accounts that others have in hand are left to later steps; where no other is left, it waits for one of them.
    """
    operation, program = operations.lock(identity)
    if operation.state is OperationState.RUNNING:
        operation = take(unit, operation, program, wait=True, size=size)
    return operation.state is not OperationState.RUNNING


def take(unit: Unit, operation: Operation, program: Program, wait: bool, size: StepSize = STEP) -> Operation:
    """The same of an operation that is locked, with its program as it was set when it was asked for."""
    taken = accounts.take(unit.connection, operation.id, size.accounts, wait)
    changes, through, rest = _look(unit, operation, program, taken, size.lots)
    figures = dict(NOTHING)
    for one in taken:
        if lots := changes.get(one.account):
            _redate(unit, operation, program, one, lots)
            figures["lots"] += len(lots)
            figures["points"] += sum(lot.points for lot in lots)
            figures["accounts"] += not one.is_changed
    unit.write()
    accounts.finish(unit.connection, operation.id, through)
    if rest is not None:
        is_changed = rest.is_changed or rest.account in changes
        accounts.leave(unit.connection, operation.id, rest._replace(is_changed=is_changed))
    operation = operations.advance(unit, operation, len(through), figures)
    if operation.accounts_done == operation.accounts_total:
        operation = operations.succeed(unit, operation, program)
    return operation


def _look(
    unit: Unit, operation: Operation, program: Program, taken: Sequence[Taken], limit: int
) -> tuple[dict[int, list[Change]], list[int], Taken | None]:
    """What is to change by account, which accounts the step gets through, and the one it gets through in part."""
    if not taken:
        return {}, [], None
    terms = from_plain(operation.arguments)
    card = program.settings.card(terms.card_id, program.program_id)
    now = _now(unit, program)
    rows = unit.connection.execute(_LOTS, _parameters(taken, terms, now, limit)).fetchall()
    changes: defaultdict[int, list[Change]] = defaultdict(list)
    for account, lot, points, before, activates_at in rows:
        after = terms.end(program.settings, card, activates_at, now)
        if after != before:
            changes[account].append(Change(lot, points, before, after))
    through = [one.account for one in taken]
    if len(rows) < limit:
        return dict(changes), through, None
    key = through.index(rows[-1][0])
    return dict(changes), through[:key], taken[key]._replace(lots_done=rows[-1][1])


def _redate(unit: Unit, operation: Operation, program: Program, one: Taken, lots: Sequence[Change]) -> None:
    """Plans the rows of one account: its lots, their history, and the record of it in that of the customer."""
    address = Address(program.program_id, one.customer_id, operation.arguments["card_id"])
    details = operation.reason.added_to(
        {
            "expires_at": operation.arguments["expires_at"],
            "expiry": operation.arguments["expiry"],
            "lots": len(lots),
            "operation": operation.name,
            "points": sum(lot.points for lot in lots),
        }
    )
    origin, scope = operation.does(LOT_REDATED), Scope(program.id, one.customer)
    at, event = program.now(unit.now), LOT_REDATED.action
    activity = record(
        unit, origin, address.name, scope, at, details=details, event=event, points=0, cause=operation.activity
    )
    for lot, _, before, after in lots:
        row: dict[str, Any] = {"account": one.account, "lot": lot, "before": before, "after": after}
        unit.add(REDATINGS.made, {**row, "activity": activity})
        unit.add(_LOTS_REDATED, {"account": one.account, "number": lot, "expires_at": after, "slides": False})
    instants = [lot.after for lot in lots if lot.after is not None]
    if one.due_at is not None:
        instants.append(one.due_at)
    due_at = min(instants, default=None)
    unit.add(_ACCOUNTS_REDATED, {"id": one.account, "version": one.version + 1, "due_at": due_at})


def _now(unit: Unit, program: Program) -> datetime:
    """What the program's clock shows once the accounts are locked: what has expired before that stays expired."""
    found = unit.connection.execute(_NOW, (program.id,)).fetchone()
    assert found is not None
    now: datetime = found[0]
    return now


def _parameters(taken: Sequence[Taken], terms: Terms, now: datetime, limit: int) -> dict[str, Any]:
    return {
        "accounts": [one.account for one in taken],
        "lots": [one.lots for one in taken],
        "done": [one.lots_done for one in taken],
        "before": terms.expire_before,
        "now": now,
        "limit": limit,
    }


_LOTS_REDATED = LOTS.changing("expires_at", "slides")
_ACCOUNTS_REDATED = ACCOUNTS.changing("version", "due_at")

_NOW = "SELECT coalesce(test_clock_at, clock_timestamp()) FROM program WHERE id = %s"

# Account by account, as they were taken: the planner cannot take the subselects apart, and reads no more of one than
# the step looks at.
_LOTS = f"""
SELECT l.account, l.number, l.remaining, {ENDS}, l.activates_at
FROM unnest(%(accounts)s::bigint[], %(lots)s::integer[], %(done)s::integer[])
    WITH ORDINALITY AS w(account, lots, done, ordinal)
CROSS JOIN LATERAL (
    SELECT * FROM lot
    WHERE lot.account = w.account AND lot.number > w.done AND lot.number <= w.lots
          AND lot.state IN ('PENDING', 'ACTIVE')
    ORDER BY lot.number OFFSET 0
) AS l
LEFT JOIN LATERAL (
    SELECT expires_at FROM sliding_expiry
    WHERE l.slides AND account = l.account AND settings_version = l.settings_version OFFSET 0
) AS s ON true
WHERE {IS_COVERED}
ORDER BY w.ordinal, l.number LIMIT %(limit)s
"""  # noqa: S608
