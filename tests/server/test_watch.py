"""The stream of activities: all of them, in order, from a cursor on, for those who may see them and no longer."""

import asyncio
import base64
from collections.abc import Sequence

import pytest
from grpc import StatusCode

from fealty.v1 import activity_pb2, audit_pb2, ingest_pb2, points_pb2
from rules.access import PERMISSIONS, Permission, Role
from server import limits
from server.paging import Pages
from storage.access.commands import create_key, revoke_key
from storage.engine.unit import run
from tests.server.serving import PLAIN, Served, activities, customer, program, purchase
from tests.server.serving import told as refused
from tests.server.watching import COFFEE, Stream, ends, rest, told, watching

# Streams that are quiet for a while.
pytestmark = pytest.mark.long

ADA = "programs/coffee/customers/ada"


async def _enrol(server: Served, *names: str) -> list[str]:
    for name in names:
        await server.till.customers.CreateCustomer(customer(name))
    return [f"{COFFEE}/customers/{name}" for name in names]


async def test_a_stream_begins_with_the_log_and_goes_on_with_what_comes(server: Served) -> None:
    """Nothing else has to run: no worker, no clock."""
    async with watching(server.admin) as stream:
        assert (await stream.until(COFFEE, ADA))[0] == COFFEE
        [ben] = await _enrol(server, "ben")
        await stream.until(ben)
        [cyd, dan] = await _enrol(server, "cyd", "dan")
        assert await stream.until(cyd, dan) == [cyd, dan]


async def test_what_is_streamed_is_what_is_listed(server: Served) -> None:
    """Two views of one log must not differ in a word."""
    await _enrol(server, "ben")
    async with watching(server.admin) as stream:
        streamed = await stream.message()
    listed = await activities(server.admin, parent=COFFEE)
    assert streamed == [activity for activity in reversed(listed) if activity in streamed]
    assert {activity.action for activity in streamed} == {"program.created", "customer.created", "activity.watched"}


async def test_a_cursor_resumes_right_after_what_arrived_with_it(server: Served) -> None:
    """A watcher that was away has missed nothing and sees nothing twice."""
    async with watching(server.admin) as stream:
        await stream.until(ADA)
    names = await _enrol(server, *(f"c{number}" for number in range(5)))
    async with watching(server.admin, cursor=stream.cursor) as resumed:
        seen = await resumed.until(*names)
    assert [subject for subject in seen if subject != COFFEE] == names
    assert not await _seen_again(server, resumed.cursor, names)


async def test_small_messages_show_the_same_as_large_ones(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a message ends is no business of the log's; each can be resumed from."""
    names = await _enrol(server, *(f"c{number}" for number in range(7)))
    seen: list[str] = []
    for what, most in (("WATCH_ACTIVITIES_MAX", 2), ("WATCH_BYTES_MAX", 1)):
        with monkeypatch.context() as patched:
            patched.setattr(limits, what, most)
            cursor = ""
            seen = []
            while names[-1] not in seen:
                async with watching(server.admin, cursor=cursor) as stream:
                    found = await stream.message()
                    assert 1 <= len(found) <= most
                    seen += [activity.subject for activity in found]
                    cursor = stream.cursor
            assert [subject for subject in seen if subject in names] == names


async def test_only_new_leaves_out_all_that_was_there(server: Served) -> None:
    """The first message comes at once, so that there is a cursor before there is anything new."""
    await _enrol(server, "ben")
    async with watching(server.admin, only_new=True) as stream:
        assert await stream.message() == []
        assert stream.cursor
        [cyd] = await _enrol(server, "cyd")
        assert await stream.until(cyd) == [cyd]
    assert (await told(server.admin, only_new=True, cursor=stream.cursor)).reason == "INVALID_REQUEST"


async def test_a_stream_of_a_customer_shows_that_customer_only(server: Served) -> None:
    """And one of a program nothing of another."""
    await server.admin.programs.CreateProgram(program("tea"))
    await _enrol(server, "ben")
    async with watching(server.admin, ADA) as of_ada, watching(server.admin, "programs/tea") as of_tea:
        assert {activity.subject for activity in await of_ada.message()} == {ADA}
        assert {activity.subject for activity in await of_tea.message()} == {"programs/tea"}


async def test_a_quiet_stream_says_that_it_lives(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the newest cursor: what others did meanwhile need not be looked through again."""
    monkeypatch.setattr(limits, "WATCH_HEARTBEAT_S", 0.1)
    async with watching(server.admin, ADA, only_new=True) as stream:
        assert await stream.message() == []
        first = stream.cursor
        await _enrol(server, "ben")
        while stream.cursor == first:
            assert await stream.message() == []


async def test_a_stream_is_recorded_once_and_before_it_shows_anything(server: Served) -> None:
    """A record for each message would be an activity itself, and so on without end."""
    async with watching(server.admin) as stream:
        await stream.until(ADA)
        for name in ("ben", "cyd", "dan"):
            await stream.until(*await _enrol(server, name))
        [recorded] = await activities(server.admin, action="activity.watched")
        assert (recorded.subject, recorded.outcome) == (COFFEE, activity_pb2.ACTIVITY_OUTCOME_SUCCEEDED)
    for _ in range(2):
        async with watching(server.admin, ADA, cursor="") as again:
            await again.message()
    assert len(await activities(server.admin, action="activity.watched")) == 3


async def test_a_cursor_that_we_did_not_make_for_this_stream_is_refused(server: Served) -> None:
    """Continued elsewhere it would skip without a word; one that anybody could write would be worse."""
    async with watching(server.admin) as stream:
        await stream.until(ADA)
    raw = base64.urlsafe_b64decode(stream.cursor + "=" * (-len(stream.cursor) % 4))
    altered = base64.urlsafe_b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode().rstrip("=")
    await server.admin.programs.CreateProgram(program("tea"))
    for parent, cursor in ((COFFEE, altered), (COFFEE, "x"), (ADA, stream.cursor), ("programs/tea", stream.cursor)):
        answer = await told(server.admin, parent, cursor=cursor)
        assert (answer.code, answer.reason) == (StatusCode.INVALID_ARGUMENT, "CURSOR_MISMATCH")


async def test_a_cursor_that_is_ahead_of_the_books_is_refused(server: Served) -> None:
    """The books were restored from yesterday's copy: that position will be another activity's."""
    [(secret,)] = server.rows("SELECT value FROM server_secret WHERE name = 'page-token'")
    request = audit_pb2.WatchActivitiesRequest(parent=COFFEE)
    ahead = Pages(bytes(secret)).token(request, "1000000")
    assert len(ahead) <= 64
    assert (await told(server.admin, cursor=ahead)).reason == "CURSOR_MISMATCH"


@pytest.mark.parametrize(
    ("parent", "reason"),
    [
        ("programs/cocoa", "PROGRAM_NOT_FOUND"),
        ("programs/cocoa/customers/ada", "PROGRAM_NOT_FOUND"),
        ("programs/coffee/customers/eve", "CUSTOMER_NOT_FOUND"),
        ("-", "INVALID_REQUEST"),
    ],
)
async def test_who_cannot_be_watched_is_named(server: Served, parent: str, reason: str) -> None:
    """And recorded, like any refused call."""
    assert (await told(server.admin, parent)).reason == reason
    recorded = (await activities(server.admin, action="activity.watched"))[0]
    assert recorded.details["reason"].text == reason


@pytest.mark.parametrize("role", [role for role in Role if Permission.ACTIVITIES_WATCH in PERMISSIONS[role]])
async def test_a_stream_is_only_for_those_who_see_that_program(server: Served, role: Role) -> None:
    """What is not yours is not found; of its own program a service follows the changes too: there is no other way to
    hear of them."""
    await server.admin.programs.CreateProgram(program("tea"))
    stranger = server.client(server.key("stranger", role, "tea"))
    assert (await told(stranger)).reason == "PROGRAM_NOT_FOUND"
    async with watching(stranger, "programs/tea") as stream:
        assert "coffee" not in str(await stream.message())


async def test_a_key_that_is_revoked_ends_the_stream(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream lasts long: a stolen key must not last as long."""
    monkeypatch.setattr(limits, "KEY_BELIEVED_S", 0.0)
    made = run(server.database, lambda unit: create_key(unit, "stolen", Role.AUDITOR))
    async with watching(server.client(made.key.text)) as stream:
        await stream.until(ADA)
        assert run(server.database, lambda unit: revoke_key(unit, made.key.id))
        answer = await ends(stream)
    assert (answer.code, answer.reason) == (StatusCode.UNAUTHENTICATED, "KEY_INVALID")


async def test_a_stream_ends_well_after_its_time(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Longer than any call may take; then without an error, and the cursor goes on."""
    monkeypatch.setattr(limits, "DEADLINE_MAX_S", 0.1)
    monkeypatch.setattr(limits, "WATCH_MAX_S", 0.5)
    async with watching(server.admin) as stream:
        await stream.until(ADA)
        assert await rest(stream) == []
        assert await stream.call.code() is StatusCode.OK


async def test_many_watchers_see_the_same(server: Served) -> None:
    """They share the looks, not what they have seen."""
    streams = [audit_pb2.WatchActivitiesRequest(parent=COFFEE, only_new=True) for _ in range(8)]
    calls = [Stream(server.admin.audit.WatchActivities(request)) for request in streams]
    for stream in calls:
        assert all(activity.action == "activity.watched" for activity in await stream.message())
    names = await _enrol(server, *(f"c{number}" for number in range(6)))
    for seen in await asyncio.gather(*(stream.until(*names) for stream in calls)):
        assert [subject for subject in seen if subject in names] == names
    for stream in calls:
        stream.call.cancel()


async def test_a_server_that_stops_ends_its_streams_at_once(server: Served) -> None:
    """A deployment must not wait for those who would stay; they resume at the next process."""
    async with watching(server.admin) as stream:
        await stream.until(ADA)
        stopping = asyncio.ensure_future(server.app.drain())
        assert await asyncio.wait_for(rest(stream), limits.DRAIN_GRACE_S / 2) == []
        assert await stream.call.code() is StatusCode.OK
        await stopping


async def _seen_again(server: Served, cursor: str, names: Sequence[str]) -> list[str]:
    async with watching(server.admin, cursor=cursor) as stream:
        return [activity.subject for activity in await stream.message() if activity.subject in names]


async def test_a_stranger_does_not_show_up_in_a_log_that_it_may_not_read(server: Served) -> None:
    """Refused there, it would leave its name and address with another business, and write into its stream at will."""
    await server.admin.programs.CreateProgram(program("tea"))
    stranger = server.client(server.key("tea-till", Role.SERVICE, "tea"))
    own = server.client(server.key("coffee-till", Role.SERVICE, "coffee"))
    asked = points_pb2.GetBalanceRequest(account=PLAIN)
    assert (await refused(stranger.points.GetBalance(asked))).reason == "PROGRAM_NOT_FOUND"
    item = ingest_pb2.Item(record=purchase(1))
    sent = stranger.ingest.BatchIngest(iter([ingest_pb2.BatchIngestRequest(items=[item])]))
    [[result]] = [answer.results async for answer in sent]
    assert result.HasField("refused")
    names = await _enrol(server, "last")
    async with watching(own) as stream:
        seen = [await stream.message()]
        while names[-1] not in {activity.subject for activity in seen[-1]}:
            seen.append(await stream.message())
    shown = [activity for message in seen for activity in message]
    assert "tea-till" not in {activity.actor.display_name for activity in shown}
    recorded = [one for one in await activities(server.admin, parent="-") if one.actor.display_name == "tea-till"]
    assert {one.action for one in recorded} == {"balance.read", "transaction.recorded"}


async def test_a_till_sees_who_acted_and_not_from_where(server: Served) -> None:
    """The address of an administrator's desk is for those who search the log."""
    own = server.client(server.key("coffee-till", Role.SERVICE, "coffee"))
    await _enrol(server, "last")
    for client, sees in ((own, False), (server.admin, True)):
        shown: list[audit_pb2.Activity] = []
        async with watching(client) as stream:
            while f"{COFFEE}/customers/last" not in {activity.subject for activity in shown}:
                shown += await stream.message()
        assert any(activity.actor.ip_address for activity in shown) == sees
        assert "till" in {activity.actor.display_name for activity in shown}
