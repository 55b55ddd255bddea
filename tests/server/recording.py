"""Shared by the tests of RecordActivity: a visit of ada's, many of them in a stream, and whose timeline has what."""

from typing import Any

from fealty.v1 import activity_pb2, audit_pb2, ingest_pb2
from tests.server.club import ADA, Club
from tests.server.serving import Client, activities, fresh

TYPES = [value for value in activity_pb2.ActivityType.values() if value]
SOURCES = [value for value in activity_pb2.ActivitySource.values() if value]
VISIT = {
    "parent": ADA,
    "action": "visit.started",
    "category": activity_pb2.ACTIVITY_CATEGORY_CUSTOMERS,
    "type": activity_pb2.ACTIVITY_TYPE_VISIT,
}


def visit(**more: Any) -> audit_pb2.RecordActivityRequest:
    """A visit of ada's."""
    return audit_pb2.RecordActivityRequest(**{**VISIT, "request_id": fresh(), **more})


def source_word(number: Any) -> str:
    """A source as the rules know it."""
    return activity_pb2.ActivitySource.Name(number).removeprefix("ACTIVITY_SOURCE_")


async def results(client: Client, requests: list[audit_pb2.RecordActivityRequest]) -> list[ingest_pb2.ItemResult]:
    """What a stream answers to all of them, in messages of 500."""
    items = [ingest_pb2.Item(activity=request) for request in requests]
    messages = [ingest_pb2.BatchIngestRequest(items=items[at : at + 500]) for at in range(0, len(items), 500)]
    return [result async for answer in client.ingest.BatchIngest(iter(messages)) for result in answer.results]


async def timeline(club: Club, customer: str = ADA, **wanted: Any) -> list[audit_pb2.Activity]:
    """What stands in a customer's, newest first."""
    return await activities(club.admin, customer, **wanted)
