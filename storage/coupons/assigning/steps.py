"""The steps of giving coupons to many: each reaches some customers whom nobody else has in hand."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rules.activity import COUPON_ASSIGNED
from rules.coupons.campaigns import own_end, window
from rules.coupons.codes import DEFAULT_PATTERN, Code, Pattern, make
from rules.coupons.coupons import Coupon, Origin
from rules.coupons.refusals import CampaignArchived
from rules.coupons.terms import Benefit, CodeSource
from rules.programs import time_zone
from rules.states import CustomerState
from storage.activity.commands import Scope, record
from storage.coupons import queries
from storage.coupons.nouns import POOL_FUNCTIONS
from storage.coupons.queries import Campaign, coupon_name
from storage.coupons.records import COUPONS
from storage.coupons.sealing import CodeSeals
from storage.engine.ids import new_uuid
from storage.engine.unit import Unit
from storage.operations import commands as operations
from storage.operations import customers
from storage.operations.accounts import WAIT_MS
from storage.operations.customers import Reached
from storage.operations.queries import Operation
from storage.operations.records import OperationState
from storage.programs.queries import Program

# What an operation has done that has done nothing.
NOTHING = {"assigned": 0, "refused": 0}
# Customers whom a step reaches, some 30 ms: calls about one of them are passed over for as long.
STEP = 200


class Taken(NamedTuple):
    """A coupon that is about to be somebody's: out of the pool, or new. Its code is sealed."""

    id: UUID
    code: bytes
    last_four: str
    expires_at: datetime | None
    is_new: bool


def step(unit: Unit, identity: UUID, seals: CodeSeals, size: int = STEP) -> bool:
    """Takes the next step of an operation, and says whether it has ended."""
    operation, program = operations.lock(identity)
    if operation.state is not OperationState.RUNNING:
        return True
    campaign = queries.get(program, operation.arguments["campaign"])
    if campaign.archived:
        operations.fail(unit, identity, CampaignArchived.__name__)
        return True
    reached = customers.reach(unit.connection, identity, size)
    # Nobody gets anything of what is over, nor without being active.
    now = program.now(unit.now)
    ends_at = window(campaign.terms, time_zone(program.settings.time_zone)).ends_at
    wanting = [one for one in reached if one.state is CustomerState.ACTIVE and (ends_at is None or now < ends_at)]
    taken = _take(unit, campaign, program, seals, len(wanting), now)
    for one, coupon in zip(wanting, taken, strict=False):
        _give(unit, operation, program, campaign, one, coupon, now)
    unit.write()
    customers.finish(unit.connection, identity, [one.customer for one in reached])
    done = {"assigned": len(taken), "refused": len(reached) - len(taken)}
    operation = operations.advance(unit, operation, len(reached), done)
    if operation.accounts_done < operation.accounts_total:
        return False
    operations.succeed(unit, operation, program)
    return True


def _take(
    unit: Unit, campaign: Campaign, program: Program, seals: CodeSeals, count: int, now: datetime
) -> Sequence[Taken]:
    """Coupons for so many, fewer where no more are left."""
    if campaign.terms.code_source is CodeSource.MADE:
        return _made(program, seals, count)
    taken: list[Taken] = []
    for waits in (False, True):
        while len(taken) < count:
            if waits:
                # What is left is in other hands, and may come back from them.
                unit.connection.execute(f"SET LOCAL lock_timeout = {WAIT_MS}".encode())
            asked = (campaign.id, now, count - len(taken), [coupon.id for coupon in taken], waits)
            [found] = unit.connection.execute(_LOCK_POOLED, asked).fetchone() or ([],)
            if not found:
                break
            rows = unit.connection.execute(_POOLED, (campaign.id, found, found))
            taken += [Taken(identity, bytes(code), four, end, False) for identity, code, four, end in rows]
    return taken


def _made(program: Program, seals: CodeSeals, count: int) -> Sequence[Taken]:
    """New ones. Where the program has such a code, which is one in a billion, the step fails, and the next makes
    others."""
    if not count:
        return []
    # As AssignCoupon: whatever codes the campaign has generated, these always look so, and never run out.
    texts = make(Pattern(DEFAULT_PATTERN), count)
    sealed = seals.seal_all(program.program_id, texts)
    return [Taken(new_uuid(), code, Code(text).last_four, None, True) for text, code in zip(texts, sealed, strict=True)]


def _give(
    unit: Unit,
    operation: Operation,
    program: Program,
    campaign: Campaign,
    whom: Reached,
    taken: Taken,
    now: datetime,
) -> None:
    """Plans the rows of one customer: the coupon, and the record of it in their history."""
    details = {
        "campaign": campaign.name,
        "coupon": coupon_name(campaign.name, taken.id.int),
        "fingerprint": CodeSeals.fingerprint(taken.code),
        "last_four": taken.last_four,
        "operation": operation.name,
    }
    activity = record(
        unit,
        operation.does(COUPON_ASSIGNED),
        f"{program.name}/customers/{whom.customer_id}",
        Scope(program.id, whom.customer),
        now,
        details=operation.reason.added_to(details),
        event=COUPON_ASSIGNED.action,
        cause=operation.activity,
    )
    ends = [own_end(campaign.terms, time_zone(program.settings.time_zone), now), taken.expires_at]
    given: dict[str, Any] = {
        "campaign": campaign.id,
        "id": str(taken.id),
        "customer": whom.customer,
        "added_at": now,
        "expires_at": min((end for end in ends if end is not None), default=None),
        "pooled": False,
        "activity": activity,
    }
    if not taken.is_new:
        unit.add(_GIVEN, given)
        return
    initial = campaign.terms.amount_minor if campaign.terms.benefit is Benefit.BALANCE else None
    made = Coupon(
        taken.code.hex(),
        taken.last_four,
        Origin.ASSIGNED,
        now,
        customer=whom.customer,
        expires_at=given["expires_at"],
        initial_minor=initial,
        balance_minor=initial,
    )
    beside = {"program": program.id, "code": f"\\x{made.code}", "activity": activity}
    unit.put(COUPONS, (campaign.id, str(taken.id)), made, beside)


_GIVEN = COUPONS.changing("customer", "added_at", "expires_at", "pooled", "activity")

_LOCK_POOLED = f"SELECT {POOL_FUNCTIONS['lock_pooled']}(%s, %s, %s, %s::uuid[], %s)".encode()

_POOLED = """
SELECT id, code, last_four, expires_at FROM coupon WHERE campaign = %s AND id = ANY(%s) ORDER BY array_position(%s, id)
"""
