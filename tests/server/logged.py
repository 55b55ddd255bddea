"""A log in which much has happened, and how it is asked for."""

from typing import Any

from fealty.v1 import activity_pb2, audit_pb2, programs_pb2, receipt_pb2
from tests.server.club import BEN, NAME, Club, account
from tests.server.listing import live
from tests.server.recording import visit
from tests.server.serving import Client, fresh, spending, told

Activity = audit_pb2.Activity

SEEN_ELSEWHERE = {
    "related": "bookings/4711",
    "event": activity_pb2.ACTIVITY_EVENT_CREATED,
    "reason": receipt_pb2.Reason(code="WALK_IN"),
}
TRACED = (("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),)


async def lived(club: Club) -> list[Activity]:
    """A club in which much has happened: its log, the oldest first."""
    await live(club)
    await club.block(BEN)
    for points in (10_000, 20_000):
        await told(club.till.points.SpendPoints(spending(points, account())))
    await club.till.audit.RecordActivity(visit(**SEEN_ELSEWHERE), metadata=TRACED)
    await club.till.audit.RecordActivity(visit(event=activity_pb2.ACTIVITY_EVENT_DELETED), metadata=TRACED)
    await told(club.till.programs.AdvanceTestClock(programs_pb2.AdvanceTestClockRequest(name=NAME)))
    settings = programs_pb2.Program(name=NAME, display_name="Club of clubs")
    update = programs_pb2.UpdateProgramRequest(program=settings, request_id=fresh())
    update.update_mask.paths.append("display_name")
    await club.admin.programs.UpdateProgram(update)
    return await listed(club.admin, ascending=True)


async def answer(client: Client, parent: str = NAME, **fields: Any) -> audit_pb2.ListActivitiesResponse:
    """A page of the log."""
    return await client.audit.ListActivities(
        audit_pb2.ListActivitiesRequest(**{"parent": parent, "page_size": 1000, **fields})
    )


async def listed(client: Client, parent: str = NAME, **fields: Any) -> list[Activity]:
    """What stands on it."""
    return list((await answer(client, parent, **fields)).activities)


def until(log: list[Activity]) -> str:
    """Leaves out what reading the log adds to it."""
    return f"record_time <= {log[-1].record_time.ToJsonString()}"
