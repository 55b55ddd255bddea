"""A stream of activities with a filter: the same message as lists have, and the same meaning."""

import pytest
from grpc import StatusCode

from fealty.v1 import audit_pb2
from server import limits
from tests.server.club import ADA, NAME, Club
from tests.server.logged import answer, listed, lived, until
from tests.server.watching import told, watching


async def test_what_is_streamed_is_what_is_listed_with_the_same_filter(club: Club) -> None:
    """Who follows the log must not see other entries than who lists it; a filter and a line must both match."""
    log = await lived(club)
    wanted = audit_pb2.ActivityFilter(events=["ACTIVITY_EVENT_CREATED"], end_time=log[-1].record_time)
    for parent in (NAME, ADA):
        line = "category = (ORDERS OR CUSTOMERS) AND type = (ORDER OR VISIT)"
        found = await listed(club.admin, parent, filter=wanted, filter_text=line, ascending=True)
        async with watching(club.admin, parent, filter=wanted, filter_text=line) as stream:
            assert await stream.message() == found
        assert len({one.type for one in found}) == 2


async def test_what_does_not_match_is_passed_over_and_never_looked_at_again(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watcher for what is rare must get to the end of a long log, and its cursor with it."""
    log = await lived(club)
    monkeypatch.setattr(limits, "WATCH_ACTIVITIES_MAX", 3)
    monkeypatch.setattr(limits, "WATCH_HEARTBEAT_S", 0.0)
    line = "action = (program.created OR visit.started)"
    seen: list[audit_pb2.Activity] = []
    cursors = set()
    async with watching(club.admin, NAME, filter_text=line, time_zone="Asia/Kathmandu") as stream:
        while len(seen) < 3:
            seen += await stream.message()
            cursors.add(stream.cursor)
    # Of no one customer, they come in the order of their positions, which need not be that of the list.
    wanted = [one.name for one in log if one.action in ("program.created", "visit.started")]
    assert sorted(one.name for one in seen) == sorted(wanted)
    assert all(one.local_record_time.endswith("+05:45") for one in seen)
    assert len(cursors) > 2
    # It belongs to its filter: with another it would skip what was passed over.
    refused = await told(club.admin, NAME, cursor=stream.cursor)
    assert refused.reason == "CURSOR_MISMATCH"


async def test_who_is_not_shown_addresses_cannot_find_them_out_by_trying(club: Club) -> None:
    """A till may follow the log, and sees nobody's address: 256 filters would tell it."""
    line = "address = 127.0.0.1"
    denied = await told(club.till, NAME, filter_text=line)
    assert (denied.code, denied.reason) == (StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
    async with watching(club.admin, NAME, filter_text=line) as stream:
        assert await stream.message()


@pytest.mark.parametrize(
    ("line", "zone", "reason"),
    [
        ("category = ORDERS AND", "", "INVALID_REQUEST"),
        ("customer = programs/coffee/customers/eve", "", "INVALID_REQUEST"),
        ("customer = programs/club/customers/nobody", "", "CUSTOMER_NOT_FOUND"),
        ("time_zone = Mars/Olympus", "", "TIME_ZONE_UNKNOWN"),
        ("time_zone = UTC", "Mars/Olympus", "TIME_ZONE_UNKNOWN"),
    ],
)
async def test_a_filter_that_is_none_ends_the_stream_before_it_begins(
    club: Club, line: str, zone: str, reason: str
) -> None:
    """As it does a list; in the middle it would be too late to tell."""
    assert (await told(club.admin, NAME, filter_text=line, time_zone=zone)).reason == reason
    assert (await listed(club.admin, filter_text="action = activity.watched AND outcome = SUCCEEDED")) == []


async def test_until_where_a_filter_matched_is_where_it_was_asked(club: Club) -> None:
    """What was recorded before and after an end that is named is not sent."""
    log = await lived(club)
    async with watching(club.admin, NAME, filter_text=until(log[:5])) as stream:
        assert await stream.message() == log[:5]
    assert (await answer(club.admin, filter_text=until(log[:5]))).activities == log[:5][::-1]
