"""The steps of a generation: each makes some thousands of codes, in one transaction."""

from typing import Any
from uuid import UUID

from rules.coupons.codes import Pattern, make
from rules.coupons.refusals import CampaignArchived
from rules.coupons.terms import CodeSource
from storage.coupons import batches
from storage.coupons.generating.rows import Made, write
from storage.coupons.queries import TERMS
from storage.coupons.sealing import CodeSeals
from storage.engine.unit import Unit
from storage.operations import commands as operations
from storage.operations.queries import Operation
from storage.operations.records import OperationState
from storage.programs.queries import Program

# What an operation has done that has done nothing.
NOTHING = {"coupons": 0}
# Codes of a step, some 250 ms: whoever cancels waits for one at most. Twice as many are made hardly faster.
STEP = 10_000


def step(unit: Unit, identity: UUID, seals: CodeSeals, size: int = STEP) -> bool:
    """Takes the next step of an operation, and says whether nothing of it is left to be done: that it is published or,
    where it was ended before, that all its coupons are removed."""
    operation, program = operations.lock(identity)
    campaign, number, archived, terms = _batch(unit, identity)
    if operation.state is OperationState.SUCCEEDED:
        return True
    if operation.state is not OperationState.RUNNING:
        return batches.remove(unit, campaign, number)
    if archived:
        operations.fail(unit, identity, CampaignArchived.__name__)
        return False
    left = operation.accounts_total - operation.accounts_done
    # Of codes that are there already, which are one in a billion, a later step makes others.
    pattern = Pattern(operation.arguments["pattern"])
    made = Made(campaign, program.id, program.program_id, number, _is_pooled(terms), operation.arguments)
    landed = write(unit, seals, made, make(pattern, min(left, size)), program.now(unit.now))
    batches.grow(unit, campaign, number, landed)
    operation = operations.advance(unit, operation, landed, {"coupons": landed})
    if operation.accounts_done < operation.accounts_total:
        return False
    _publish(unit, operation, program, campaign, number)
    return True


def give_up(unit: Unit, identity: UUID, error: str) -> None:
    """Ends one that workers give up, unless it has ended; another task removes what was made."""
    operations.fail(unit, identity, error)
    campaign, number, _, _ = _batch(unit, identity)
    batches.discard(unit, operations.lock(identity)[1].id, campaign, number)


def _publish(unit: Unit, operation: Operation, program: Program, campaign: int, number: int) -> None:
    batches.publish(unit, program.id, campaign, batches.locked(unit, campaign, number), operation.activity)
    operations.succeed(unit, operation, program)


def _is_pooled(terms: Any) -> bool:
    return TERMS.validate_python(terms).code_source is CodeSource.POOL


def _batch(unit: Unit, operation: UUID) -> tuple[int, int, bool, Any]:
    """Its batch, by the internal id of the campaign and its number; whether the campaign is archived, which stays so
    until the step ends, and its terms."""
    found = unit.connection.execute(_BATCH, (operation,)).fetchone()
    assert found is not None
    return found


_BATCH = """
SELECT b.campaign, b.number, c.archived, c.terms
FROM coupon_batch b JOIN coupon_campaign c ON c.id = b.campaign WHERE b.operation = %s FOR SHARE OF c
"""
