"""Operations on many coupons, as callers watch them."""

from functools import partial
from typing import Any
from uuid import UUID

from fealty.v1 import coupons_pb2, operations_pb2
from storage.coupons.assigning import steps as assigning
from storage.coupons.voiding import steps as voiding
from storage.engine.unit import run
from tests.personal import CODES
from tests.server.batching import BATCH, generated, generating, work
from tests.server.campaigning import SPRING, archived, created
from tests.server.club import ADA, NAME, WHY, Club
from tests.server.serving import fresh, told


async def _read(club: Club, name: str) -> operations_pb2.Operation:
    return (await club.admin.operations.GetOperation(operations_pb2.GetOperationRequest(name=name))).operation


async def test_a_generation_is_watched_until_its_batch_is_there(club: Club) -> None:
    """By whoever waits for it, with how many there are by now."""
    await created(club)
    begun = (await generating(club, 12)).operation
    assert (begun.kind, begun.done, begun.accounts_total) == (operations_pb2.OPERATION_KIND_GENERATE_COUPONS, False, 12)
    work(club)
    ended = await _read(club, begun.name)
    assert (ended.state, ended.accounts_done) == (operations_pb2.OPERATION_STATE_SUCCEEDED, 12)
    assert (ended.generate_coupons.batch, ended.generate_coupons.coupons, ended.subject) == (BATCH, 12, SPRING)


async def test_a_campaign_that_is_archived_meanwhile_is_the_reason_why_it_failed(club: Club) -> None:
    """No fault of ours: whoever reads it knows what to do."""
    await created(club)
    begun = (await generating(club)).operation
    await archived(club)
    work(club)
    failed = await _read(club, begun.name)
    assert (failed.state, failed.error.reason) == (operations_pb2.OPERATION_STATE_FAILED, "CAMPAIGN_ARCHIVED")
    assert "Unarchive it" in failed.error.message


async def test_what_was_given_and_what_was_voided_is_counted(club: Club) -> None:
    """The answer to the question of whoever asked for it."""
    await created(club)
    everybody: Any = coupons_pb2.AssignCouponsRequest(campaign=SPRING, reason=WHY, request_id=fresh())
    given = (await club.admin.coupons.AssignCoupons(everybody)).operation
    _finish(club, assigning.step, seals=CODES)
    ended = await _read(club, given.name)
    assert (ended.assign_coupons.assigned, ended.assign_coupons.refused) == (2, 0)
    request = coupons_pb2.VoidCouponsRequest(parent=SPRING, assigned=True, reason=WHY, request_id=fresh())
    begun = (await club.admin.coupons.VoidCoupons(request)).operation
    club.served.execute("DELETE FROM task WHERE args ->> 'kind' = 'ASSIGN_COUPONS'")
    _finish(club, voiding.step)
    assert (await _read(club, begun.name)).void_coupons.voided == 2


async def test_names_are_of_the_campaigns_own_program_and_batches_of_the_campaign(club: Club) -> None:
    """A customer of another program has nothing to do with this one, and a slip must not void another batch."""
    await created(club)
    await generated(club)
    others = [ADA, "programs/coffee/customers/ada"]
    wrong = coupons_pb2.AssignCouponsRequest(campaign=SPRING, customers=others, request_id=fresh())
    assert (await told(club.admin.coupons.AssignCoupons(wrong))).fields == ["customers[1]"]
    batch = f"{NAME}/couponCampaigns/autumn/batches/1"
    elsewhere = coupons_pb2.VoidCouponsRequest(parent=SPRING, batch=batch, reason=WHY, request_id=fresh())
    assert (await told(club.admin.coupons.VoidCoupons(elsewhere))).fields == ["batch"]


async def test_a_batch_that_is_not_there_is_not_found(club: Club) -> None:
    """A slip in its number would void nothing, or list nothing, and look as if all were well."""
    await created(club)
    batch = f"{SPRING}/batches/99"
    void = coupons_pb2.VoidCouponsRequest(parent=SPRING, batch=batch, reason=WHY, request_id=fresh())
    assert (await told(club.admin.coupons.VoidCoupons(void))).reason == "BATCH_NOT_FOUND"
    for parent in (SPRING, ADA):
        listed = coupons_pb2.ListCouponsRequest(parent=parent, batch=batch)
        assert (await told(club.admin.coupons.ListCoupons(listed))).reason == "BATCH_NOT_FOUND"


def _finish(club: Club, step: Any, **more: Any) -> None:
    """All steps of the operation whose task is open."""
    [(operation,)] = club.served.rows("SELECT args ->> 'operation' FROM task WHERE actor = 'operation'")
    while not run(club.served.database, partial(step, identity=UUID(operation), **more)):
        pass
