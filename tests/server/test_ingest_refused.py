"""What the activity log has of items of a stream that were refused: what it has of calls."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fealty.v1 import activity_pb2, ingest_pb2
from rules.access import Role
from server import limits
from storage import books
from tests.server.serving import PLAIN, Client, Served, activities, program, purchase, serve, spending, told

SUCCEEDED = activity_pb2.ACTIVITY_OUTCOME_SUCCEEDED
# Somebody, a card and a program that are not there, in place of those that are.
OTHERS = (("ada", "eve"), ("plain", "gold"), ("coffee", "cocoa"))


async def test_a_refused_item_is_recorded_like_a_call_of_its_own(server: Served) -> None:
    """Whoever probes balances by a stream is found by the customer whose they are, as by calls."""
    await server.admin.programs.CreateProgram(program("tea"))
    bad_id = purchase(-1)
    bad_id.request_id = "none"
    wrong: list[Any] = [purchase(-1), bad_id, *(purchase(1, PLAIN.replace(*other)) for other in OTHERS)]
    wrong += [spending(points) for points in (1, 2, -1)]
    items = [ingest_pb2.Item(**{"spend" if hasattr(one, "points") else "record": one}) for one in wrong]
    for client in (server.till, server.client(server.key("stranger", Role.SERVICE, "tea"))):
        [results] = [list(answer.results) async for answer in _call(client, items)]
        assert all(result.HasField("refused") for result in results)
        by_stream = await _refusals(server, len(items))
        for one in wrong:
            take = client.points.SpendPoints if hasattr(one, "points") else client.transactions.RecordTransaction
            await told(take(one))
        assert by_stream == await _refusals(server, len(items))
    of_ada = await activities(server.admin, parent="programs/coffee/customers/ada")
    assert sum(one.details["reason"].text == "INSUFFICIENT_POINTS" for one in of_ada if "reason" in one.details) == 4


async def test_a_stream_of_refusals_waits_for_its_records(
    runner: asyncio.Runner, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However full the lane of records is, none is dropped; nor may streams fill it so that calls go unrecorded."""
    assert books.RECORDER.waiting_max >= 2 * limits.STREAM_RECORDS_MAX * limits.INGEST_STREAMS_MAX
    monkeypatch.setattr(books, "RECORDER", replace(books.RECORDER, waiting_max=1))
    served = await serve(database_url)
    message = [ingest_pb2.Item(spend=spending(1)) for _ in range(100)]
    try:
        answers = await asyncio.gather(*(_call(served.till, message).read() for _ in range(12)))
        assert [len(answer.results) for answer in answers] == [100] * 12
        refused = "SELECT count(*) FROM activity WHERE outcome = 'REFUSED' AND action = 'points.spent'"
        assert served.rows(refused) == [(1200,)]
    finally:
        await served.close()


def _call(client: Client, items: Sequence[ingest_pb2.Item]) -> Any:
    return client.ingest.BatchIngest(iter([ingest_pb2.BatchIngestRequest(items=items)]))


async def _refusals(server: Served, count: int) -> list[bytes]:
    """The last so many records of what came to nothing, without what no two of them share."""
    found = [one for one in await activities(server.admin) if one.outcome != SUCCEEDED][:count]
    for one in found:
        for field in ("name", "occur_time", "record_time"):
            one.ClearField(field)
    return sorted(one.SerializeToString(deterministic=True) for one in found)
