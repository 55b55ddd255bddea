"""Floods of failures: every one is answered and counted, and the log grows by some records of each kind."""

import asyncio

import grpc.aio
import pytest

from fealty.v1 import points_pb2, points_pb2_grpc
from fealty.v1.audit_pb2 import Activity
from server import limits
from tests.server.serving import PLAIN, Served, activities, spending, told

FLOOD = 60
FOLDED = FLOOD - limits.EQUAL_FAILURES_MAX


async def test_strangers_cannot_fill_the_log(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reaches the port can fail as fast as the network carries it, and nobody can delete from the log. What is
    not recorded one by one is recorded with its count when the time is over, also where the flood has ended."""
    monkeypatch.setattr(limits, "FLOOD_PERIOD_S", 3.0)
    async with grpc.aio.insecure_channel(server.address) as channel:
        strangers = points_pb2_grpc.PointsServiceStub(channel)
        request = points_pb2.GetBalanceRequest(account=PLAIN)
        answers = await asyncio.gather(*(told(strangers.GetBalance(request)) for _ in range(FLOOD)))
    assert {answer.reason for answer in answers} == {"KEY_INVALID"}
    recorded: list[Activity] = []
    # On a slow machine the time is over in between, and what came after it has a record of its own.
    while (told_of := sum(max(1, one.details["folded"].number) for one in recorded)) < FLOOD:
        await asyncio.sleep(0.1)
        recorded = await activities(server.admin, action="balance.read")
    assert told_of in (FLOOD, FLOOD + 1)
    assert limits.EQUAL_FAILURES_MAX < len(recorded) <= 2 * limits.EQUAL_FAILURES_MAX + 2


async def test_a_caller_with_a_key_cannot_fill_it_either(server: Served) -> None:
    """A till in a loop that asks for more than there is, is told each time, and the log says how often."""
    answers = await asyncio.gather(*(told(server.till.points.SpendPoints(spending(80))) for _ in range(FLOOD)))
    assert {answer.reason for answer in answers} == {"INSUFFICIENT_POINTS"}
    await server.app.interceptors.close()
    recorded = await activities(server.admin, action="points.spent")
    assert (len(recorded), recorded[0].details["folded"].number) == (limits.EQUAL_FAILURES_MAX + 1, FOLDED)


async def test_what_is_tried_on_one_after_the_other_is_recorded_of_each(server: Served) -> None:
    """Whoever goes through all accounts would else hide behind his first twenty."""
    names = [PLAIN.replace("ada", f"customer-{number}") for number in range(FLOOD)]
    for name in names:
        assert (await told(server.till.points.SpendPoints(spending(1, name)))).reason == "CUSTOMER_NOT_FOUND"
    recorded = await activities(server.admin, action="points.spent")
    assert [one.subject for one in reversed(recorded)] == names
