"""RecordActivity: what happened elsewhere, in the timeline of its customer, like any other activity."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from fealty import plain, refusal_of
from fealty.v1 import activity_pb2, audit_pb2, ingest_pb2, programs_pb2
from rules.access import Role, in_role
from server.convert import activities as messages
from storage.activity.queries import Activity
from tests.server.club import ADA, BEN, NAME, WHY, Club, account
from tests.server.recording import SOURCES, TYPES, results, timeline, visit
from tests.server.serving import START, fresh, purchase, timestamp, told

CATEGORIES = [value for value in activity_pb2.ActivityCategory.values() if value]


async def test_what_was_recorded_is_read_as_it_was_answered(club: Club) -> None:
    """Who, what, whose, from where, when, how it ended, and about which object of which system."""
    at = START - timedelta(days=3)
    answer = await club.activity(
        action="payment.captured",
        category=activity_pb2.ACTIVITY_CATEGORY_PAYMENTS,
        type=activity_pb2.ACTIVITY_TYPE_PAYMENT,
        source=activity_pb2.ACTIVITY_SOURCE_WEBHOOK,
        event=activity_pb2.ACTIVITY_EVENT_UPDATED,
        occur_time=timestamp(at),
        related="orders/7/payments/pay_1",
        outcome=activity_pb2.ACTIVITY_OUTCOME_FAILED,
        facts={"method": "visa"},
        figures={"amount_minor": 1250, "balance": -(2**53)},
    )
    found = (await club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=answer.receipt.activity))).activity
    assert found.actor.ip_address == "127.0.0.1"
    found.actor.ClearField("ip_address")
    found.actor.ClearField("user_agent")
    assert found == answer.activity
    assert plain(found.details) == {
        "related": "orders/7/payments/pay_1",
        "facts": {"method": "visa"},
        "figures": {"amount_minor": 1250, "balance": -(2**53)},
    }
    assert (found.subject, found.actor.display_name) == (ADA, "till")
    assert found.occur_time.ToDatetime() == at.replace(tzinfo=None)
    assert found.description == "Payment pay_1 of customer ada captured: failed (Service till)."


async def test_an_administrator_records_every_category_type_and_source(club: Club) -> None:
    """The words of the timeline that was promised: five, nineteen, and nine."""
    wanted = [(category, type_, source) for category in CATEGORIES for type_ in TYPES for source in SOURCES]
    requests = [visit(category=category, type=type_, source=source) for category, type_, source in wanted]
    answered = await results(club.admin, requests)
    recorded = [result.activity_recorded.activity for result in answered]
    assert [(one.category, one.type, one.source) for one in recorded] == wanted
    assert len(await timeline(club, category=CATEGORIES[0], type=TYPES[-1])) == len(SOURCES)
    assert len(wanted) == 5 * 19 * 9


async def test_it_moves_no_points_and_is_no_event(club: Club) -> None:
    """What gives points is recorded as an event, of a type that the program declares."""
    await club.earn(100)
    balance, history = await club.balance(), await club.history()
    await club.activity(action="visit.started")
    assert (await club.balance(), await club.history()) == (balance, history)
    assert not club.served.rows("SELECT FROM activity WHERE action = 'visit.started' AND event IS NOT NULL")


async def test_of_a_program_alone_it_stands_in_no_timeline(club: Club) -> None:
    """A report, an export, an integration that broke: about nobody in particular."""
    recorded = (await club.activity(parent=NAME, action="report.exported", related="reports/9")).activity
    assert recorded.subject == NAME
    assert recorded.description == "Report 9 exported (Service till)."
    assert [one.name for one in await timeline(club, NAME, action="report.exported")] == [recorded.name]
    assert not await timeline(club, action="report.exported")


async def test_it_follows_the_clock_of_its_program(club: Club) -> None:
    """A till may run ten minutes ahead, as with purchases; what is still to come has not happened."""
    now = await club.move(days=40)
    assert (await club.activity()).activity.occur_time == timestamp(now)
    await club.activity(occur_time=timestamp(now + timedelta(minutes=9)))
    answer = await told(club.activity(occur_time=timestamp(now + timedelta(minutes=11))))
    assert (answer.reason, answer.facts) == ("OCCURS_IN_FUTURE", {"now": now.isoformat()})


async def test_what_a_customer_does_elsewhere_goes_on_until_it_is_closed(club: Club) -> None:
    """A block is about points. Who was closed has left: nothing more is written about them."""
    await club.block()
    await club.archive()
    assert (await club.activity()).activity.subject == ADA
    await club.admin.programs.UnarchiveProgram(
        programs_pb2.UnarchiveProgramRequest(name=NAME, reason=WHY, request_id=fresh())
    )
    await club.close()
    answer = await told(club.activity())
    assert (answer.reason, answer.facts) == ("CUSTOMER_CLOSED", {"customer": ADA})
    await club.activity(parent=NAME)


async def test_of_a_merged_customer_the_caller_hears_whom_to_name(club: Club) -> None:
    """Else the timeline of one person would go on in two places."""
    await club.merge()
    answer = await told(club.activity())
    assert (answer.reason, answer.facts["target"]) == ("CUSTOMER_MERGED", BEN)
    await club.activity(parent=BEN)


async def _first(call: Any, action: str) -> str:
    """The first activity of that name that a follower is sent."""
    async for answer in call:
        for one in answer.activities:
            if one.action == action:
                return str(one.name)
    raise AssertionError("the stream ended without it")


async def test_a_follower_and_each_filter_find_it(club: Club) -> None:
    """It is an activity like any other."""
    recorded = (await club.activity(source=activity_pb2.ACTIVITY_SOURCE_PHYSICAL)).activity
    for wanted in ({"action": "visit.started"}, {"type": recorded.type}, {"source": recorded.source}):
        assert recorded.name in [one.name for one in await timeline(club, **wanted)]
    call = club.till.audit.WatchActivities(audit_pb2.WatchActivitiesRequest(parent=ADA))
    try:
        followed = await _first(call, "visit.started")
    finally:
        call.cancel()
    assert followed == recorded.name


async def test_what_kind_of_event_it_was_is_what_its_caller_said(club: Club) -> None:
    """The same name may be a creation here and none there; it is kept with the record, not guessed from its name."""
    for event in activity_pb2.ActivityEvent.values():
        recorded = (await club.activity(event=event)).activity
        assert recorded.event == event
        assert (await timeline(club, action="visit.started"))[0].event == event


async def test_a_record_of_before_says_by_its_name_what_it_was(club: Club) -> None:
    """Records are never rewritten: those that say nothing of it are read by the contract, as they were."""
    earned = (await club.earn(1)).receipt.activity
    [(kept,)] = club.served.rows("SELECT body FROM activity WHERE action = 'transaction.recorded'")
    body = json.loads(kept)
    assert body.pop("event") == "CREATED"
    now = datetime.fromisoformat(body["recorded_at"])
    reader = in_role("caller_1", "reader", Role.ADMINISTRATOR)
    shown = messages.message(Activity(UUID(body["id"]), body, now, now, "till"), reader, "")
    assert (shown.name, shown.event) == (earned, activity_pb2.ACTIVITY_EVENT_CREATED)


async def test_a_stream_records_it_together_with_a_purchase_or_neither(club: Club) -> None:
    """A booking that is paid at the till is one act; a forged login among a night's items is denied alone, and seen."""
    bought, booked = ingest_pb2.Item(record=purchase(10, account())), ingest_pb2.Item(activity=visit())
    forged = ingest_pb2.Item(activity=visit(action="session.opened", type=activity_pb2.ACTIVITY_TYPE_AUTH))
    together = ingest_pb2.BatchIngestRequest(items=[bought, booked, forged], all_or_nothing=True)
    alone = ingest_pb2.BatchIngestRequest(items=[bought, booked, forged])
    answers = [list(answer.results) async for answer in club.till.ingest.BatchIngest(iter([together, alone]))]
    reasons = [[refusal_of(one).reason if one.HasField("refused") else "" for one in results] for results in answers]
    assert reasons == [["GROUP_REFUSED", "GROUP_REFUSED", "PERMISSION_MISSING"], ["", "", "PERMISSION_MISSING"]]
    assert (await club.balance()).active == 10
    assert len(await timeline(club, action="visit.started")) == 1
    denied = await timeline(club, outcome=activity_pb2.ACTIVITY_OUTCOME_DENIED)
    assert [(one.action, one.subject) for one in denied] == [("activity.recorded", ADA)] * 2


async def test_the_same_request_by_call_and_by_stream_is_recorded_once(club: Club) -> None:
    """A door that was offline sends the night's visits again, and nobody came twice."""
    request = visit(facts={"door": "north"}, source=activity_pb2.ACTIVITY_SOURCE_PHYSICAL)
    first = await club.till.audit.RecordActivity(request)
    [again] = await results(club.till, [request])
    assert again.activity_recorded.receipt.replayed
    assert again.activity_recorded.activity == first.activity
    request.facts["door"] = "south"
    [other] = await results(club.till, [request])
    assert refusal_of(other).reason == "REQUEST_ID_REUSED"
    assert len(await timeline(club, action="visit.started")) == 1
