"""Operations as their callers see them: begun, watched, cancelled, told in sentences."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from fealty.v1 import audit_pb2, lots_pb2, operations_pb2
from rules.access import Role
from storage.engine.unit import run
from storage.ledger.redating.steps import step
from storage.operations import commands
from storage.operations.queries import get
from tests.server.club import ADA, BEN, NAME, WHY, Club, account
from tests.server.serving import activities, fresh, told
from tests.storage.scene import CALLER
from workers.actors.exports import export

State = operations_pb2.OperationState


async def _read(club: Club, name: str) -> operations_pb2.Operation:
    return (await club.admin.operations.GetOperation(operations_pb2.GetOperationRequest(name=name))).operation


async def _cancel(club: Club, name: str, **more: Any) -> operations_pb2.CancelOperationResponse:
    request = operations_pb2.CancelOperationRequest(**{"name": name, "reason": WHY, "request_id": fresh(), **more})
    return await club.admin.operations.CancelOperation(request)


async def test_an_operation_is_watched_until_it_is_done(club: Club) -> None:
    """While no worker runs it waits; who asked, for whom and why stands in it."""
    begun = await club.redate_slowly()
    assert (begun.done, begun.state, begun.kind) == (False, State.OPERATION_STATE_RUNNING, 1)
    assert (begun.subject, begun.accounts_done, begun.accounts_total) == (f"{NAME}/cards/slow", 0, 1)
    assert (begun.acting_user, begun.reason_code, begun.end_activity) == ("u-17", "GOODWILL", "")
    assert begun.caller.startswith("callers/caller_")
    assert not begun.HasField("end_time")
    assert await _read(club, begun.name) == begun
    run(club.served.database, lambda unit: step(unit, get(begun.name, CALLER).id))
    done = await _read(club, begun.name)
    assert (done.done, done.state, done.accounts_done) == (True, State.OPERATION_STATE_SUCCEEDED, 1)
    assert (done.redate_lots.lots, done.redate_lots.points, done.redate_lots.accounts) == (1, 100, 1)
    assert done.create_time == begun.create_time
    assert done.end_time.ToDatetime() > done.create_time.ToDatetime()
    assert not (await club.lots("slow"))[0].HasField("expire_time")


async def test_the_same_request_begins_it_once(club: Club) -> None:
    """Also where the first was answered before it was done."""
    await club.earn(100, "slow")
    request = lots_pb2.RedateLotsRequest(parent=f"{NAME}/cards/slow", never=True, reason=WHY, request_id=fresh())
    with club.served.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM account FOR UPDATE")
        first = await club.admin.lots.RedateLots(request)
    again = await club.admin.lots.RedateLots(request)
    assert (again.operation, again.receipt.replayed) == (first.operation, True)
    assert club.served.rows("SELECT count(*) FROM operation") == [(1,)]


async def test_a_running_operation_is_cancelled(club: Club) -> None:
    """With a receipt like any change; rehearsed first by whoever is unsure; and once."""
    name = (await club.redate_slowly()).name
    rehearsed = await _cancel(club, name, validate_only=True)
    assert (rehearsed.operation.state, rehearsed.receipt.activity) == (State.OPERATION_STATE_CANCELLED, "")
    assert not (await _read(club, name)).done
    request_id = fresh()
    cancelled = await _cancel(club, name, request_id=request_id)
    assert cancelled.operation.end_activity == cancelled.receipt.activity
    assert await _read(club, name) == cancelled.operation
    again = await _cancel(club, name, request_id=request_id)
    assert (again.operation, again.receipt.replayed) == (cancelled.operation, True)
    assert (await told(_cancel(club, name))).reason == "OPERATION_ENDED"


async def test_one_that_failed_says_why_and_what_to_do(club: Club) -> None:
    """A reason that programs know, and a sentence for people."""
    name = (await club.redate_slowly()).name
    run(club.served.database, lambda unit: commands.fail(unit, get(name, CALLER).id, "ValueError"))
    failed = await _read(club, name)
    assert (failed.done, failed.state, failed.error.reason) == (True, State.OPERATION_STATE_FAILED, "INTERNAL")
    assert failed.error.message == "Given up after many tries (ValueError). Asked for again, it does the rest."


async def test_its_records_are_sentences(club: Club) -> None:
    """What was asked, what became of it, and who ended it: read aloud in an audit."""
    cancelled = (await _cancel(club, (await club.redate_slowly()).name)).operation
    done = await club.redate()
    sentences = {found.name: found.description for found in await activities(club.admin)}
    hand = " (Administrator admin for u-17, GOODWILL)."
    assert sentences[done.activity] == f"Expiry of points (slow) is being set to never, in 1 account{hand}"
    assert sentences[done.end_activity] == (
        "Change of the expiry of points (slow) done after 1 of 1 account: 100 points in 1 lot changed."
    )
    assert sentences[cancelled.end_activity] == (
        f"Change of the expiry of points (slow) cancelled after 0 of 1 account: nothing changed{hand}"
    )


async def test_operations_are_listed_by_state(club: Club) -> None:
    """What runs now is what somebody may want to cancel."""
    running = await club.redate_slowly()
    done = await club.redate(parent=account("slow"))
    listed_by_state = {
        State.OPERATION_STATE_RUNNING: [running.name],
        State.OPERATION_STATE_UNSPECIFIED: [done.name, running.name],
    }
    for state, names in listed_by_state.items():
        request = operations_pb2.ListOperationsRequest(parent=NAME, state=state)
        listed = await club.admin.operations.ListOperations(request)
        assert [operation.name for operation in listed.operations] == names


async def test_an_auditor_watches_and_a_till_does_not(club: Club) -> None:
    """Figures of a whole program are a report; to end an operation takes the right to begin it."""
    name = (await club.redate_slowly()).name
    request = operations_pb2.GetOperationRequest(name=name)
    auditor = club.served.client(club.served.key("auditor", Role.AUDITOR))
    assert (await auditor.operations.GetOperation(request)).operation.name == name
    assert (await told(club.till.operations.GetOperation(request))).reason == "PERMISSION_MISSING"
    cancel = operations_pb2.CancelOperationRequest(name=name, reason=WHY, request_id=fresh())
    assert (await told(auditor.operations.CancelOperation(cancel))).reason == "PERMISSION_MISSING"


async def test_neither_a_preview_nor_a_redating_waits_for_an_account_that_somebody_has_in_hand(club: Club) -> None:
    """One stuck neighbour must not hold up whoever only wants to know what would happen, nor the rest of a program."""
    for customer in (ADA, BEN):
        await club.earn(100, "slow", customer)
    with club.served.another_connection() as holder, holder.transaction():
        holder.execute("SELECT FROM account WHERE card_id = 'slow' FOR UPDATE")
        preview = await club.redate(validate_only=True)
        assert (preview.redate_lots.lots, preview.name) == (2, "")
        assert not (await club.redate()).done


async def test_an_export_into_a_file_is_watched_until_it_is_there(club: Club, tmp_path: Path) -> None:
    """With its name and its digest; what the filter asked stands in no record, and no longer in the books."""
    await club.earn(100)
    wanted = audit_pb2.ActivityFilter(subjects=[ADA], actors=["Gwendolyn"])
    request = audit_pb2.StartExportRequest(
        parent=NAME, format=audit_pb2.EXPORT_FORMAT_NDJSON, filter=wanted, request_id=fresh()
    )
    auditor = club.served.client(club.served.key("auditor", Role.AUDITOR))
    begun = (await auditor.audit.StartExport(request)).operation
    assert (begun.state, begun.export_activities.file) == (State.OPERATION_STATE_RUNNING, "")
    actor, args = export(tmp_path), {"operation": str(get(begun.name, CALLER).id)}
    while not run(club.served.database, lambda unit: actor.step(unit, args)):
        assert (await _read(club, begun.name)).state == State.OPERATION_STATE_RUNNING
    done = await _read(club, begun.name)
    [path] = tmp_path.iterdir()
    told = done.export_activities
    assert (told.file, told.rows, told.bytes) == (path.name, 0, 0)
    assert told.sha256 == hashlib.sha256(b"").hexdigest()
    kept = club.served.rows("SELECT body FROM activity UNION SELECT activity_export::text FROM activity_export")
    assert "Gwendolyn" not in str([*kept, club.served.rows("SELECT args FROM task")])
    recorded = [
        one.description for one in await activities(club.admin) if one.name in (begun.activity, done.end_activity)
    ]
    assert recorded == [
        "Export of activities of program Coffee club done after 0 activities.",
        "Export of activities of program Coffee club as NDJSON into a file begun (Staff auditor).",
    ]


@pytest.mark.parametrize("is_cancelled", [True, False])
@pytest.mark.parametrize("parent", [ADA, NAME])
async def test_an_export_of_a_customers_log_stands_in_their_timeline(
    club: Club, tmp_path: Path, parent: str, is_cancelled: bool
) -> None:
    """Whoever asks who took away what is known of a person finds it there, and how it ended."""
    request = audit_pb2.StartExportRequest(parent=parent, format=audit_pb2.EXPORT_FORMAT_CSV, request_id=fresh())
    begun = (await club.admin.audit.StartExport(request)).operation
    if is_cancelled:
        await _cancel(club, begun.name)
    operation = run(club.served.database, lambda _: get(begun.name, CALLER))
    actor, args = export(tmp_path), {"operation": str(operation.id)}
    while not run(club.served.database, lambda unit: actor.step(unit, args)):
        pass
    ended = await _read(club, begun.name)
    told = {ended.activity, ended.end_activity}
    shown = {one.name for one in await activities(club.admin, parent=ADA)}
    assert told & shown == (told if parent == ADA else set())


async def test_an_export_of_whom_nobody_knows_is_refused(club: Club) -> None:
    """Before a worker meets it, where nobody would hear of it for hours."""
    for more, reason in (
        ({"parent": f"{NAME}/customers/eve"}, "CUSTOMER_NOT_FOUND"),
        ({"filter_text": f"customer = {NAME}/customers/eve"}, "CUSTOMER_NOT_FOUND"),
        ({"time_zone": "Nowhere/Here"}, "TIME_ZONE_UNKNOWN"),
        ({"format": 0}, "INVALID_REQUEST"),
    ):
        fields: dict[str, Any] = {"parent": NAME, "format": audit_pb2.EXPORT_FORMAT_CSV, "request_id": fresh(), **more}
        assert (await told(club.admin.audit.StartExport(audit_pb2.StartExportRequest(**fields)))).reason == reason
