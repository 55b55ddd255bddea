"""Pages of the activity log, totals, times where somebody reads them, and what belongs to the same request."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fealty.v1 import activity_pb2, audit_pb2, points_pb2
from rules.access import Role
from server import limits
from tests.server.club import ADA, BEN, Club, account
from tests.server.logged import Activity, answer, listed, lived, until
from tests.server.serving import fresh, spending, told


async def test_a_page_that_has_looked_at_enough_is_short_and_the_next_goes_on(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that few entries answer must not keep the database from everybody else."""
    log = await lived(club)
    line = f"{until(log)} AND subject_kind = programs"
    whole = await listed(club.admin, filter_text=line)
    monkeypatch.setattr(limits, "LOG_LOOKED_MAX", 3)
    found: list[list[Activity]] = []
    token = ""
    while not found or token:
        page = await answer(club.admin, filter_text=line, page_token=token)
        found.append(list(page.activities))
        token = page.next_page_token
    assert [one for page in found for one in page] == whole
    assert [] in found
    assert 1 < len(whole) < len(found)


async def test_a_total_is_counted_only_where_it_is_asked_for(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting costs more than the page; whoever turns to the next does not ask again."""
    log = await lived(club)
    line = until(log)
    first = await answer(club.admin, filter_text=line, want_total=True, page_size=2)
    assert (first.total, first.total_is_lower_bound) == (len(log), False)
    second = await answer(club.admin, filter_text=line, page_size=2, page_token=first.next_page_token)
    assert not second.HasField("total")
    assert list(second.activities) == log[::-1][2:4]
    monkeypatch.setattr(limits, "LOG_COUNTED_MAX", 5)
    more = await answer(club.admin, filter_text=line, want_total=True)
    assert (more.total, more.total_is_lower_bound) == (5, True)
    monkeypatch.setattr(limits, "LOG_COUNT_LOOKED_MAX", 3)
    less = await answer(club.admin, filter_text=line, want_total=True)
    assert (less.total, less.total_is_lower_bound) == (3, True)


async def test_a_program_that_ends_meanwhile_is_listed_to_its_end(club: Club) -> None:
    """The log outlives what it is about; and what it says of the end is at its end."""
    first = await answer(club.admin, ascending=True, page_size=1)
    await club.archive()
    rest = await answer(club.admin, ascending=True, page_token=first.next_page_token)
    assert "program.archived" in [one.action for one in rest.activities]
    nothing = audit_pb2.ActivityFilter(customers=[ADA], actions=["customer.closed"])
    assert await listed(club.admin, filter=nothing) == []


async def test_times_are_shown_in_the_zone_that_is_asked_for(club: Club) -> None:
    """Where a person reads: their own clock, with the offset by which it differs from UTC."""
    await club.earn(100)
    for zone in ("Asia/Kathmandu", "America/St_Johns"):
        name = (await listed(club.admin))[0].name
        read = await club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=name, time_zone=zone))
        for one in ((await listed(club.admin, time_zone=zone))[0], read.activity):
            for instant, local in ((one.occur_time, one.local_occur_time), (one.record_time, one.local_record_time)):
                at = datetime.fromisoformat(local)
                assert at == instant.ToDatetime(UTC)
                assert at.utcoffset() == at.astimezone(ZoneInfo(zone)).utcoffset() != timedelta(0)
    assert (await listed(club.admin))[0].local_record_time == ""


async def test_an_activity_shows_what_else_the_same_request_did(club: Club) -> None:
    """What was refused at first and done when it was sent again belongs together; another caller's id does not."""
    request = spending(10, account(), request_id="order-7")
    await told(club.till.points.SpendPoints(request))
    await club.earn(100)
    done = (await club.till.points.SpendPoints(request)).receipt.activity
    other = club.served.client(club.served.key("desk", Role.SERVICE))
    await other.points.SpendPoints(spending(1, account(), request_id="order-7"))
    found = await club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=done))
    [refused] = found.same_request
    assert (found.activity.action, refused.action) == ("points.spent", "points.spent")
    assert refused.outcome == activity_pb2.ACTIVITY_OUTCOME_REFUSED
    again = await club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=refused.name))
    assert [one.name for one in again.same_request] == [done]
    assert again.activity == refused


async def test_both_sides_of_a_transfer_are_of_the_same_request(club: Club) -> None:
    """One call may be an entry in the timelines of several customers."""
    await club.earn(100)
    moved = points_pb2.TransferPointsRequest(
        account=account(), to_account=account(customer=BEN), points=40, request_id=fresh()
    )
    given = (await club.till.points.TransferPoints(moved)).receipt.activity
    found = await club.admin.audit.GetActivity(audit_pb2.GetActivityRequest(name=given))
    assert [one.subject for one in (found.activity, *found.same_request)] == [account(), account(customer=BEN)]
