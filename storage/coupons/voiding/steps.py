"""The steps of voiding many: each ends the use of some coupons that nobody else has in hand."""

from uuid import UUID

from rules.activity import COUPON_VOIDED
from storage.activity.commands import Scope, record
from storage.coupons import queries
from storage.coupons.queries import coupon_name
from storage.coupons.sealing import CodeSeals
from storage.coupons.voiding import filters
from storage.coupons.voiding.filters import FIRST, which
from storage.engine.unit import Unit
from storage.operations import commands as operations
from storage.operations.queries import Operation
from storage.operations.records import OperationState
from storage.programs.queries import Program

# What an operation has done that has done nothing. `after` is where the next step begins.
NOTHING = {"voided": 0, "after": FIRST}
# Coupons of a step, some 30 ms where each is a customer's, whose history tells of it.
STEP = 500


def step(unit: Unit, identity: UUID, size: int = STEP) -> bool:
    """Takes the next step of an operation, and says whether it has ended."""
    operation, program = operations.lock(identity)
    if operation.state is not OperationState.RUNNING:
        return True
    campaign = queries.get(program, operation.subject.rpartition("/")[2])
    after = operation.figures["after"]
    found = filters.take(unit.connection, which(operation.arguments, campaign.id), after, size)
    for coupon, code, last_four, customer, is_shared in found:
        if customer is not None or is_shared:
            _tell(unit, operation, program, coupon, bytes(code), last_four, customer)
    unit.write()
    ids = [coupon for coupon, *_ in found]
    unit.connection.execute(_VOID, (program.now(unit.now), campaign.id, ids))
    voided = operation.figures["voided"] + len(ids)
    if not ids and after == FIRST:
        # A whole pass found none. How many there were was counted before; some may have gone meanwhile.
        operation = operation._replace(accounts_done=operation.accounts_total, figures={"voided": voided})
        operations.succeed(unit, operation, program)
        return True
    # At the end of a pass those that others had in hand are gone through again.
    figures = {"voided": voided, "after": str(ids[-1]) if len(ids) == size else FIRST}
    done = min(voided, operation.accounts_total)
    operations.replace(unit, operation._replace(accounts_done=done), figures)
    return False


def _tell(
    unit: Unit,
    operation: Operation,
    program: Program,
    coupon: UUID,
    code: bytes,
    last_four: str,
    customer: int | None,
) -> None:
    """Plans the record of it, in the history of whose it was; of a code for many, in nobody's: their cards are marked
    by it. Of what nobody had, the operation's own record tells."""
    details = {
        "campaign": operation.subject,
        "coupon": coupon_name(operation.subject, coupon.int),
        "fingerprint": CodeSeals.fingerprint(code),
        "last_four": last_four,
        "operation": operation.name,
    }
    record(
        unit,
        operation.does(COUPON_VOIDED),
        details["coupon"],
        Scope(program.id, customer),
        program.now(unit.now),
        details=operation.reason.added_to(details),
        event=COUPON_VOIDED.action if customer is not None else "",
        cause=operation.activity,
    )


_VOID = "UPDATE coupon SET voided_at = %s, pooled = false WHERE campaign = %s AND id = ANY(%s)"
