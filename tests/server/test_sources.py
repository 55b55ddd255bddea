"""Where a call says that it came from: within what its role may say, and recorded as it was said."""

import grpc.aio
import pytest

from fealty import Refused, claims, connect_async, v1
from rules.access import Role
from tests.server.club import ADA, Club
from tests.server.serving import fresh


async def _earn(key: str, club: Club, source: str, acting_user: str = "") -> v1.RecordEventResponse:
    request = v1.RecordEventRequest(parent=ADA, event_type="review.written", request_id=fresh())
    if acting_user:
        request.reason.CopyFrom(v1.Reason(code="GOODWILL", acting_user=acting_user))
    async with connect_async(club.served.address, key) as fealty:
        with claims(source=source):
            return await fealty.events.RecordEvent(request)


async def _read(club: Club, source: str) -> None:
    async with connect_async(club.served.address, club.served.till_key) as fealty:
        with claims(source=source):
            await fealty.customers.GetCustomer(v1.GetCustomerRequest(name=ADA))


@pytest.mark.parametrize("source", ["CUSTOMER", "API", "WEBHOOK", "INTEGRATION", "PHYSICAL", "AUTOMATED", "physical"])
async def test_a_service_says_from_where_it_came(club: Club, source: str) -> None:
    """A terminal in a shop and a webhook call with the same key; the timeline shows which it was."""
    event = (await _earn(club.served.till_key, club, source)).event
    wanted = v1.ActivitySource.Value(f"ACTIVITY_SOURCE_{source.upper()}")
    assert event.source == wanted
    [listed] = await club.history(event_type="review.written")
    assert listed.source == wanted
    found = await club.admin.audit.GetActivity(v1.GetActivityRequest(name=event.name))
    assert found.activity.source == wanted


@pytest.mark.parametrize("source", ["STAFF", "PLATFORM"])
async def test_that_people_did_it_is_said_on_behalf_of_somebody(club: Club, source: str) -> None:
    """Else nobody could be asked about it."""
    event = (await _earn(club.served.till_key, club, source, acting_user="u-17")).event
    assert event.source == v1.ActivitySource.Value(f"ACTIVITY_SOURCE_{source}")
    with pytest.raises(Refused) as refused:
        await _earn(club.served.till_key, club, source)
    assert (refused.value.reason, refused.value.facts) == ("SOURCE_DENIED", {"source": source, "role": "SERVICE"})
    with pytest.raises(Refused) as refused:
        await _read(club, source)
    assert refused.value.reason == "SOURCE_DENIED"


@pytest.mark.parametrize("source", ["SYSTEM", "ELSEWHERE", "somebody@example.org"])
async def test_what_may_not_be_said_is_refused_and_stands_nowhere(club: Club, source: str) -> None:
    """Neither is it recorded as something else: a caller that is wrong must hear of it."""
    with pytest.raises(Refused) as refused:
        await _earn(club.served.till_key, club, source, acting_user="u-17")
    said = source if source.isalpha() else "UNKNOWN"
    assert (refused.value.reason, refused.value.facts["source"]) == ("SOURCE_DENIED", said)
    assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED
    [denied] = await _denied(club)
    assert denied.source == v1.ACTIVITY_SOURCE_API
    assert source not in str(club.served.rows("SELECT body FROM activity WHERE outcome = 'DENIED'"))


async def _denied(club: Club) -> list[v1.Activity]:
    wanted = v1.ActivityFilter(outcomes=[v1.ACTIVITY_OUTCOME_DENIED])
    listed = await club.admin.audit.ListActivities(v1.ListActivitiesRequest(parent="-", filter=wanted))
    return list(listed.activities)


async def test_an_administrator_says_anything_and_an_item_of_a_stream_what_its_stream_says(club: Club) -> None:
    """A night's file of a partner is an INTEGRATION as a whole; of its items one was added by hand."""
    event = (await _earn(club.served.key("root", Role.ADMINISTRATOR), club, "SYSTEM")).event
    assert event.source == v1.ACTIVITY_SOURCE_SYSTEM
    events = [v1.RecordEventRequest(parent=ADA, event_type="visit", request_id=fresh()) for _ in range(2)]
    events[1].reason.CopyFrom(v1.Reason(code="GOODWILL", acting_user="u-17"))
    items = [v1.Item(event=one) for one in events]
    async with connect_async(club.served.address, club.served.till_key) as fealty:
        with claims(source="INTEGRATION"):
            [answer] = [one async for one in fealty.ingest.BatchIngest(iter([v1.BatchIngestRequest(items=items)]))]
    assert [result.event_recorded.event.source for result in answer.results] == [v1.ACTIVITY_SOURCE_INTEGRATION] * 2
