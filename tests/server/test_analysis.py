"""What happened how often, as whoever runs a program asks it: the same numbers as the list has, and who may ask."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from grpc import StatusCode

from fealty.v1 import activity_pb2, audit_pb2
from fealty.v1.audit_pb2 import AnalyzeActivitiesResponse
from rules.access import ActorType, Role
from rules.activity import METHOD_UNKNOWN, Kind, Origin
from server import limits
from server.convert import filter_text
from storage.activity.commands import Outcome
from storage.activity.recorder import Act
from tests.server.club import ADA, NAME, Club
from tests.server.logged import Activity, listed, lived, until
from tests.server.serving import Client, fresh, told
from tests.storage.activity.positioning import assign
from tests.storage.activity.summing import advance_all

PARTS: dict[str, Callable[[Activity], int]] = {
    "events": lambda one: one.event,
    "types": lambda one: one.type,
    "categories": lambda one: one.category,
    "modules": lambda one: one.module,
    "sources": lambda one: one.source,
    "outcomes": lambda one: one.outcome,
}


async def _analyzed(client: Client, parent: str = NAME, **fields: Any) -> AnalyzeActivitiesResponse:
    return await client.audit.AnalyzeActivities(audit_pb2.AnalyzeActivitiesRequest(**{"parent": parent, **fields}))


async def _record(club: Club, action: str, kind: str = "AUTH", outcome: str = "SUCCEEDED", **more: Any) -> None:
    await club.admin.audit.RecordActivity(
        audit_pb2.RecordActivityRequest(
            parent=ADA,
            action=action,
            category="ACTIVITY_CATEGORY_SYSTEM",
            type=f"ACTIVITY_TYPE_{kind}",
            outcome=f"ACTIVITY_OUTCOME_{outcome}",
            request_id=fresh(),
            **more,
        )
    )


def _sum_up(club: Club) -> None:
    """As a clock does, some times a second."""
    assign(club.served.database)
    advance_all(club.served.database, 1000)


@pytest.mark.parametrize("summed", [False, True], ids=["counted in the log", "counted ahead"])
async def test_numbers_are_those_of_the_list(club: Club, summed: bool) -> None:
    """Seven answers to one question, and each adds up to the same."""
    await lived(club)
    await _record(club, "visit.ended", "VISIT", event="ACTIVITY_EVENT_CREATED")
    if summed:
        _sum_up(club)
    await _record(club, "visit.begun", "VISIT")
    log = await listed(club.admin, ascending=True)
    asked = f"{until(log)} AND outcome = (SUCCEEDED OR DENIED OR REFUSED) AND category = (ORDERS OR SYSTEM)"
    for line in (until(log), asked, f"{until(log)} AND event = CREATED", f"{until(log)} AND actor = till"):
        picked = await listed(club.admin, filter_text=line)
        found = await _analyzed(club.admin, filter_text=line)
        assert found.total == len(picked) > 0
        for part, value in PARTS.items():
            shown = {getattr(one, str(one.WhichOneof("value"))): one.count for one in getattr(found, part)}
            assert shown == Counter(value(one) for one in picked)
            assert [one.count for one in getattr(found, part)] == sorted(shown.values(), reverse=True)
        assert {(one.actor.name, one.actor.type, one.actor.display_name): one.count for one in found.actors} == Counter(
            (one.actor.name, one.actor.type, one.actor.display_name) for one in picked
        )
        touched = Counter(one.subject for one in picked)
        assert found.subjects[0].count == max(touched.values())
        assert all(touched[one.subject] == one.count for one in found.subjects)
        assert sum(bar.count for bar in found.trend) == found.total
        assert found.basis.is_all
        assert found.ranks_basis.is_all


async def test_an_answer_tells_what_was_asked_for(club: Club) -> None:
    """A screen of bars need not wait for who did the most."""
    await club.earn(100)
    every = {audit_pb2.AnalysisPart.Name(part): part for part in audit_pb2.AnalysisPart.values() if part}
    always = {"total", "basis", "as_of_time"}
    for name, part in every.items():
        found = await _analyzed(club.admin, parts=[part])
        word = name.removeprefix("ANALYSIS_PART_").lower()
        ranks = {"ranks_basis"} if word in ("actors", "subjects") else set()
        assert {field.name for field, _ in found.ListFields()} == {word, *always, *ranks}
    whole = await _analyzed(club.admin, ranks=2)
    assert {field.name for field, _ in whole.ListFields()} == {field.name for field in whole.DESCRIPTOR.fields}
    assert len(whole.actors) == len(whole.subjects) == 2


@pytest.mark.parametrize("zone", ["", "Asia/Kathmandu", "Pacific/Kiritimati"])
async def test_bars_have_no_gaps_and_the_last_is_marked_until_it_has_ended(club: Club, zone: str) -> None:
    """A bar of today that is lower than yesterday's is no decline."""
    now = datetime.now(UTC)
    here = ZoneInfo(zone or "UTC")
    for period, length in (("HOUR", timedelta(hours=30)), ("DAY", timedelta(days=9)), ("MONTH", timedelta(days=100))):
        wanted = audit_pb2.ActivityFilter()
        wanted.start_time.FromDatetime(now - length)
        found = await _analyzed(
            club.admin, parts=["ANALYSIS_PART_TREND"], period=f"TREND_PERIOD_{period}", time_zone=zone, filter=wanted
        )
        begins = [bar.start_time.ToDatetime(UTC) for bar in found.trend]
        assert begins == sorted(set(begins))
        assert begins[0] <= now - length < begins[1]
        assert begins[-1] <= found.as_of_time.ToDatetime(UTC)
        assert [bar.is_ongoing for bar in found.trend] == [False] * (len(begins) - 1) + [True]
        assert [bar.count for bar in found.trend][:-2] == [0] * (len(begins) - 2)
        for bar, begin in zip(found.trend, begins, strict=True):
            local = begin.astimezone(here)
            assert datetime.fromisoformat(bar.local_start_time) == local
            assert datetime.fromisoformat(bar.local_start_time).utcoffset() == local.utcoffset()
            day = (bar.local_date.year, bar.local_date.month, bar.local_date.day)
            assert day == (local.year, local.month, local.day)
            assert (local.minute, local.hour if period != "HOUR" else 0) == (0, 0)


async def test_more_bars_than_there_may_be_are_an_error_that_says_so(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody chose hours for ten years: cut off, the answer would show the wrong ones."""
    ago = datetime.now(UTC) - timedelta(days=limits.ANALYSIS_BARS_MAX / 24 + 1)
    wanted = filter_text.parse(f"record_time >= {ago.date()}")
    refused = await told(_analyzed(club.admin, filter=wanted, period="TREND_PERIOD_HOUR"))
    assert (refused.code, refused.reason, refused.fields) == (
        StatusCode.INVALID_ARGUMENT,
        "INVALID_REQUEST",
        ["period"],
    )
    assert "2,400" in refused.message
    assert len((await _analyzed(club.admin, filter=wanted)).trend) == limits.ANALYSIS_BARS_MAX / 24 + 2
    # Where no bars are wanted there cannot be too many.
    assert (await _analyzed(club.admin, filter=wanted, period="TREND_PERIOD_HOUR", parts=["ANALYSIS_PART_TYPES"])).types
    monkeypatch.setattr(limits, "ANALYSIS_BARS_MAX", 1)
    assert len((await _analyzed(club.admin, period="TREND_PERIOD_MONTH")).trend) == 1


async def test_what_was_looked_through_is_said(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of the newest entries are no numbers of all of them."""
    log = await lived(club)
    _sum_up(club)
    monkeypatch.setattr(limits, "ANALYSIS_LOOKED_MAX", 8)
    exact = await _analyzed(club.admin)
    assert (exact.total, exact.basis.is_all) == (len(log) + 1, True)
    assert exact.basis.looked < 8
    assert (exact.ranks_basis.looked, exact.ranks_basis.is_all) == (8, False)
    assert sum(one.count for one in exact.actors) == 8
    kinds = "subject_kind = (customers OR programs)"
    less = await _analyzed(club.admin, filter_text=f"{until(log)} AND {kinds}")
    assert (less.basis.looked, less.basis.is_all) == (8, False)
    assert less.basis.since_time == log[-8].record_time
    picked = await listed(club.admin, filter_text=f"{until(log)} AND {kinds}")
    assert less.total == sum(one in picked for one in log[-8:]) > 0


async def test_logins_failures_and_codes_are_counted_by_what_they_are_called(club: Club) -> None:
    """Somebody who tries many codes is seen here first."""
    for action, outcome, times in (
        ("member.logged_in", "SUCCEEDED", 3),
        ("user.logged_in", "DENIED", 2),
        ("user.login_failed", "SUCCEEDED", 1),
        ("user.logged_out", "SUCCEEDED", 1),
        ("user.code_requested", "SUCCEEDED", 4),
        ("user.code_requested", "FAILED", 1),
        ("user.code_verified", "SUCCEEDED", 2),
        ("user.code_verified", "REFUSED", 5),
    ):
        for _ in range(times):
            await _record(club, action, outcome=outcome)
    # Of another type it is something else.
    await _record(club, "card.logged_in", "SCAN")
    stranger = club.served.client("fealty_wrong")
    await told(stranger.audit.ListActivities(audit_pb2.ListActivitiesRequest(parent="-")))
    for summed in (False, True):
        if summed:
            _sum_up(club)
        found = (await _analyzed(club.admin, "-", parts=["ANALYSIS_PART_AUTHENTICATION"])).authentication
        assert found == audit_pb2.AuthenticationCounts(
            logins=3,
            failed_logins=3,
            logouts=1,
            codes_requested=4,
            codes_verified=2,
            failed_codes=5,
            unknown_callers=1,
        )


async def test_logins_of_users_are_counted_by_what_fealty_calls_them(club: Club) -> None:
    """The figures that were promised: logins, logouts, failed attempts, one-time codes requested and verified."""
    by_itself = Origin(ActorType.STAFF, "user_1", "PLATFORM", METHOD_UNKNOWN)
    stranger = Origin(ActorType.ANONYMOUS, "", "API", METHOD_UNKNOWN)
    acts = [
        _auth(origin, action, outcome)
        for origin, action, outcome, times in (
            (by_itself, "login.succeeded", Outcome.SUCCEEDED, 4),
            (by_itself, "login.ended", Outcome.SUCCEEDED, 2),
            (by_itself, "login.failed", Outcome.DENIED, 3),
            # Of an account that there is not; and one that was not heard.
            (stranger, "login.failed", Outcome.DENIED, 2),
            (stranger, "login.begun", Outcome.REFUSED, 1),
            (by_itself, "login.begun", Outcome.SUCCEEDED, 5),
            (by_itself, "code.requested", Outcome.SUCCEEDED, 3),
            (by_itself, "code.requested", Outcome.REFUSED, 1),
            (by_itself, "code.verified", Outcome.SUCCEEDED, 2),
            (by_itself, "code.failed", Outcome.DENIED, 7),
            (stranger, "code.verified", Outcome.REFUSED, 1),
            # Somebody without a key who asked to be logged out.
            (stranger, "login.ended", Outcome.DENIED, 1),
        )
        for _ in range(times)
    ]
    assert not [one for one in await club.served.app.books.record(acts) if isinstance(one, Exception)]
    for summed in (False, True):
        if summed:
            _sum_up(club)
        found = (await _analyzed(club.admin, "-", parts=["ANALYSIS_PART_AUTHENTICATION"])).authentication
        assert found == audit_pb2.AuthenticationCounts(
            logins=4, failed_logins=6, logouts=2, codes_requested=3, codes_verified=2, failed_codes=8, unknown_callers=1
        )


def _auth(origin: Origin, action: str, outcome: Outcome) -> Act:
    return Act(origin._replace(kind=Kind(action, "SYSTEM", "AUTH", "ACCESS_CONTROL", "")), outcome, "")


async def test_only_those_count_who_may_read_and_only_what_they_see(club: Club) -> None:
    """Numbers tell, too: how much a competitor sells."""
    refused = await told(_analyzed(club.till))
    assert (refused.code, refused.reason) == (StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    bound = club.served.client(club.served.key("auditor of club", Role.AUDITOR, "club"))
    _sum_up(club)
    everything, own = await _analyzed(club.admin, "-"), await _analyzed(bound, "-")
    assert 0 < own.total < everything.total
    assert own.total == len(await listed(bound, "-", filter_text=f"record_time <= {own.as_of_time.ToJsonString()}"))
    assert (await told(_analyzed(bound, "programs/coffee"))).reason == "PROGRAM_NOT_FOUND"
    assert (await told(_analyzed(club.admin, f"{NAME}/customers/eve"))).reason == "CUSTOMER_NOT_FOUND"
    assert (await told(_analyzed(club.admin, time_zone="Mars/Olympus"))).reason == "TIME_ZONE_UNKNOWN"


async def test_counting_is_an_entry_of_the_log(club: Club) -> None:
    """With how much was counted, and not with what was asked."""
    for _ in range(2):
        await club.earn(100)
    found = await _analyzed(club.admin, filter_text="actor = Featherstone OR actor = till")
    [entry] = await listed(club.admin, filter_text="action = activity.analyzed")
    assert entry.details["count"].number == found.total == 2
    assert entry.description == "2 activities of program Coffee club counted (Administrator admin)."
    assert entry.outcome == activity_pb2.ACTIVITY_OUTCOME_SUCCEEDED
    assert "Featherstone" not in str(club.served.rows("SELECT body FROM activity WHERE action = 'activity.analyzed'"))
