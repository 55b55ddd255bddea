"""A log in which much has happened, and how it is asked for."""

from typing import Any

from fealty.v1 import audit_pb2, programs_pb2
from tests.server.club import BEN, NAME, Club, account
from tests.server.listing import live
from tests.server.serving import Client, fresh, spending, told

Activity = audit_pb2.Activity


async def lived(club: Club) -> list[Activity]:
    """A club in which much has happened: its log, the oldest first."""
    await live(club)
    await club.block(BEN)
    for points in (10_000, 20_000):
        await told(club.till.points.SpendPoints(spending(points, account())))
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
