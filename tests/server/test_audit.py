"""The activity log at the edge: who looked, who was turned away, and nothing that must not be in it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode

from fealty import plain
from fealty.v1 import activity_pb2, audit_pb2, customers_pb2, points_pb2, programs_pb2, receipt_pb2
from rules.access import Role
from storage.programs import queries
from tests.server.serving import (
    PLAIN,
    SLOW,
    START,
    Served,
    activities,
    customer,
    fresh,
    program,
    purchase,
    spending,
    timestamp,
    told,
)

ADA = "programs/coffee/customers/ada"
CRM = customers_pb2.ExternalId(source="crm", external_id="FEATHER-77")
PERSON: dict[str, Any] = {
    "display_name": "Gwendolyn Featherstone",
    "email": "gwen@featherstone.example",
    "phone_number": "+420601123456",
    "language_code": "cy",
    "external_ids": [CRM],
}
WORDS = ("Gwendolyn", "Featherstone", "featherstone", "601123456", "FEATHER-77")


async def test_each_look_at_personal_data_is_recorded_with_who_looked(server: Served) -> None:
    """ "Who opened my record?" has an answer: the viewer, the time, and whose record it was."""
    customers = server.till.customers
    await customers.CreateCustomer(customer("gwen", **PERSON))
    gwen = "programs/coffee/customers/gwen"
    await customers.GetCustomer(customers_pb2.GetCustomerRequest(name=gwen))
    await customers.LookupCustomer(customers_pb2.LookupCustomerRequest(parent="programs/coffee", external_id=CRM))
    await customers.ListCustomers(customers_pb2.ListCustomersRequest(parent="programs/coffee"))
    await server.admin.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="programs/coffee"))
    seen = {activity.action: activity for activity in await activities(server.admin)}
    [[till]] = server.rows("SELECT id FROM caller WHERE name = 'till'")
    for action, subject in (
        ("customer.read", gwen),
        ("customer.looked_up", gwen),
        ("customer.listed", "programs/coffee"),
        ("activity.listed", "programs/coffee"),
    ):
        assert seen[action].subject == subject
        assert seen[action].outcome == activity_pb2.ACTIVITY_OUTCOME_SUCCEEDED
        assert (seen[action].actor.name == f"callers/{till}") == action.startswith("customer")
        assert seen[action].event == activity_pb2.ACTIVITY_EVENT_UNSPECIFIED
    details = plain(seen["customer.listed"].details)
    shown = ["display_name", "email", "external_ids.external_id", "language_code", "phone_number"]
    fields = details.pop("fields")
    assert fields == [f"customers.{field}" for field in shown]
    assert details == {"count": 2, "customers": ["ada", "gwen"]}
    assert plain(seen["customer.read"].details) == {"fields": [f"customer.{field}" for field in shown]}
    of_gwen = await activities(server.admin, parent=gwen)
    assert {activity.action for activity in of_gwen} == {"customer.created", "customer.read", "customer.looked_up"}


async def test_what_was_made_changed_and_ended_is_told_apart(server: Served) -> None:
    """Whoever asks the log what is gone must not read every act's name; what time does changes what is there."""
    await server.till.transactions.RecordTransaction(purchase(100, SLOW, request_id=fresh()))
    await server.admin.programs.AdvanceTestClock(
        programs_pb2.AdvanceTestClockRequest(
            name="programs/coffee", to_time=timestamp(START + timedelta(days=20)), request_id=fresh()
        )
    )
    await server.till.transactions.RecordTransaction(purchase(1, SLOW, request_id=fresh()))
    why = receipt_pb2.Reason(code="LEFT")
    await server.admin.customers.CloseCustomer(
        customers_pb2.CloseCustomerRequest(name=ADA, reason=why, request_id=fresh())
    )
    found = await activities(server.admin)
    events = {one.action: activity_pb2.ActivityEvent.Name(one.event).rpartition("_")[2] for one in found}
    assert (
        events.items()
        >= {
            "program.created": "CREATED",
            "transaction.recorded": "CREATED",
            "program.clock_advanced": "UPDATED",
            "points.activated": "UPDATED",
            "customer.closed": "DELETED",
        }.items()
    )


async def test_reads_of_figures_are_not_recorded(server: Served) -> None:
    """A thousand balances a second would bury the few entries that matter."""
    before = server.rows("SELECT count(*) FROM activity")
    await server.till.points.GetBalance(points_pb2.GetBalanceRequest(account=PLAIN))
    await server.till.points.ListEntries(points_pb2.ListEntriesRequest(account=PLAIN))
    await server.till.programs.GetProgram(programs_pb2.GetProgramRequest(name="programs/coffee"))
    await server.till.programs.ListPrograms(programs_pb2.ListProgramsRequest())
    assert server.rows("SELECT count(*) FROM activity") == before


async def test_what_cannot_be_recorded_is_not_shown(server: Served) -> None:
    """A look that leaves no trace is worth more to a thief than the data."""
    await server.till.customers.CreateCustomer(customer("gwen", **PERSON))
    server.execute("ALTER TABLE activity ADD CHECK (action <> 'customer.read') NOT VALID")
    request = customers_pb2.GetCustomerRequest(name="programs/coffee/customers/gwen")
    answer = await told(server.till.customers.GetCustomer(request))
    assert answer.reason == "INTERNAL"
    assert not any(word in str(vars(answer)) for word in WORDS)


async def test_a_failure_that_cannot_be_recorded_is_still_answered_with_its_own_reason(server: Served) -> None:
    """The caller hears of its own failure; an operator finds the other one in the log, never the caller."""
    server.execute("ALTER TABLE activity ADD CONSTRAINT secret CHECK (outcome <> 'REFUSED') NOT VALID")
    with structlog.testing.capture_logs() as logged:
        answer = await told(server.till.points.SpendPoints(spending(10)))
    assert answer.reason == "INSUFFICIENT_POINTS"
    assert "secret" not in str(vars(answer))
    assert [line["event"] for line in logged if line["log_level"] != "debug"] == ["activity spooled"]
    assert len(list(server.settings.spool_dir.iterdir())) == 1


async def test_nothing_about_persons_gets_into_the_log_whatever_the_outcome(server: Served) -> None:
    """Also of calls that were refused, invalid or denied: their content is not what is recorded."""
    customers = server.till.customers
    auditor = server.client(server.key("auditor", Role.AUDITOR))
    await customers.CreateCustomer(customer("gwen", **PERSON))
    await told(customers.CreateCustomer(customer("again", **PERSON)))
    await told(customers.CreateCustomer(customer("wrong", **{**PERSON, "email": "gwen@featherstone@example"})))
    await told(auditor.customers.CreateCustomer(customer("denied", **PERSON)))
    changed = customers_pb2.Customer(**{"name": "programs/coffee/customers/gwen", **PERSON, "phone_number": ""})
    await customers.UpdateCustomer(customers_pb2.UpdateCustomerRequest(customer=changed, request_id=fresh()))
    changed.etag = "stale"
    await told(customers.UpdateCustomer(customers_pb2.UpdateCustomerRequest(customer=changed, request_id=fresh())))
    lookup = customers_pb2.LookupCustomerRequest(parent="programs/coffee", external_id=CRM)
    await customers.LookupCustomer(lookup)
    lookup.external_id.source = "shop"
    await told(customers.LookupCustomer(lookup))
    kept = str(server.rows("SELECT * FROM activity"))
    shown = str(await activities(server.admin))
    assert kept.count("customer.") >= 7
    for word in WORDS:
        assert word not in kept
        assert word not in shown


async def test_of_a_fault_of_ours_the_caller_learns_a_number_and_the_log_the_rest(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback is a map of the house; the operator needs it, the caller only the number to ask about."""

    def fail(*_: object) -> None:
        raise RuntimeError("password=hunter2 at /srv/fealty/storage/queries.py")

    monkeypatch.setattr(queries, "page", fail)
    with structlog.testing.capture_logs() as logged:
        answer = await told(server.admin.programs.ListPrograms(programs_pb2.ListProgramsRequest()))
    assert (answer.code, answer.reason) == (StatusCode.INTERNAL, "INTERNAL")
    assert "hunter2" not in str(vars(answer))
    assert "/srv" not in str(vars(answer))
    incident = answer.facts["incident"]
    assert incident in answer.message
    [line] = [line for line in logged if line.get("incident") == incident]
    assert "hunter2" in str(line["exc_info"])
    recorded = (await activities(server.admin))[0]
    assert recorded.outcome == activity_pb2.ACTIVITY_OUTCOME_FAILED
    assert "hunter2" not in str(server.rows("SELECT body FROM activity"))


async def test_every_act_has_a_sentence_that_people_can_read(server: Served) -> None:
    """Plain English: who, what, whom, from what to what, and why not."""
    await _lives(server)
    sentences = [activity.description for activity in await activities(server.admin)]
    refused = "refused, because there were not enough points"
    assert "Time zone updated from Europe/Prague → Asia/Tokyo (Administrator admin)." in sentences
    assert "10 points (Plain) of customer ada spent (Service till)." in sentences
    assert f"Service till tried to spend points of customer ada: {refused}." in sentences
    assert "Service till tried to create a program: denied, because the role does not permit it." in sentences
    assert "70 points (Slow) of customer ada became active." in sentences
    assert "70 points (Slow) of customer ada expired." in sentences
    assert "Email of customer ada changed (Service till)." in sentences
    assert "Email of customer ada read (Service till)." in sentences
    for sentence in sentences:
        assert sentence.endswith(".")
        assert "None" not in sentence


_FILTERS: dict[str, Callable[[audit_pb2.Activity], Any]] = {
    "category": lambda activity: activity.category,
    "type": lambda activity: activity.type,
    "source": lambda activity: activity.source,
    "outcome": lambda activity: activity.outcome,
    "action": lambda activity: activity.action,
}


@pytest.mark.parametrize("name", _FILTERS)
async def test_each_filter_shows_exactly_what_matches(server: Served, name: str) -> None:
    """Compared with what a reader would pick by hand from the whole list."""
    await _lives(server)
    request = audit_pb2.ListActivitiesRequest(parent="programs/coffee", page_size=1000)
    everything = list((await server.admin.audit.ListActivities(request)).activities)
    value_of = _FILTERS[name]
    values = {value_of(activity) for activity in everything}
    assert len(values) > 1
    for value in values:
        found = await activities(server.admin, parent="programs/coffee", **{name: value})
        wanted = [activity for activity in everything if value_of(activity) == value]
        # Each look at the log is an entry of its own.
        assert [activity for activity in found if activity in everything] == wanted
        assert all(value_of(activity) == value for activity in found)


async def test_filters_of_time_are_half_open_and_all_filters_must_match(server: Served) -> None:
    """From one midnight to the next without counting either twice."""
    await _lives(server)
    everything = await activities(server.admin)
    instants = sorted({activity.record_time.ToNanoseconds() for activity in everything})
    start, end = instants[len(instants) // 3], instants[2 * len(instants) // 3]
    between: dict[str, Any] = {"start_time": Timestamp(), "end_time": Timestamp()}
    between["start_time"].FromNanoseconds(start)
    between["end_time"].FromNanoseconds(end)
    wanted = [activity for activity in everything if start <= activity.record_time.ToNanoseconds() < end]
    assert wanted
    assert await activities(server.admin, **between) == wanted
    orders = activity_pb2.ACTIVITY_CATEGORY_ORDERS
    found = await activities(server.admin, **between, category=orders)
    assert found == [activity for activity in wanted if activity.category == orders]


async def test_the_newest_comes_first_and_a_customer_has_a_timeline_of_its_own(server: Served) -> None:
    """Support looks at one person, from now backwards."""
    await server.till.customers.CreateCustomer(customer("ben"))
    await _lives(server)
    everything = await activities(server.admin)
    instants = [activity.record_time.ToNanoseconds() for activity in everything]
    assert instants == sorted(instants, reverse=True)
    timeline = await activities(server.admin, parent=ADA)
    assert timeline == [activity for activity in everything if activity.subject.startswith(ADA)]
    of_ben = await activities(server.admin, parent="programs/coffee/customers/ben")
    assert {activity.action for activity in of_ben} == {"customer.created"}


async def _lives(server: Served) -> None:
    """A program in which things of many kinds happen, some of them refused."""
    points = server.till.points
    await server.till.transactions.RecordTransaction(purchase(70, SLOW))
    await server.till.transactions.RecordTransaction(purchase(30))
    await points.SpendPoints(spending(10))
    await told(points.SpendPoints(spending(1000)))
    await told(points.SpendPoints(spending(-1)))
    await told(server.till.programs.CreateProgram(program("tea")))
    customers = server.till.customers
    changed = customers_pb2.Customer(name=ADA, email="ada@example.com")
    await customers.UpdateCustomer(customers_pb2.UpdateCustomerRequest(customer=changed, request_id=fresh()))
    await customers.GetCustomer(customers_pb2.GetCustomerRequest(name=ADA))
    zone = programs_pb2.Program(name="programs/coffee", time_zone="Asia/Tokyo")
    await server.admin.programs.UpdateProgram(programs_pb2.UpdateProgramRequest(program=zone, request_id=fresh()))
    await server.admin.programs.AdvanceTestClock(
        programs_pb2.AdvanceTestClockRequest(
            name="programs/coffee", to_time=timestamp(START + timedelta(days=100)), request_id=fresh()
        )
    )
    await server.till.transactions.RecordTransaction(purchase(1, SLOW))
