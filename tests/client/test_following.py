"""The change stream as the client gives it: it resumes by itself, says where it stands, and ends when it is told to."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import grpc
import pytest

from fealty import Fealty, Refused, connect, connect_async, v1
from fealty.following import AsyncFollowing, Following
from rules.access import Role
from server import limits
from server.app import build
from tests.server.serving import Served, customer

# Streams that are quiet for a while.
pytestmark = pytest.mark.long

COFFEE = "programs/coffee"
REQUEST = v1.WatchActivitiesRequest(parent=COFFEE)


class Follower:
    """A blocking caller in a thread of its own; `subjects` are of the customers that it saw made."""

    def __init__(self, fealty: Fealty, request: v1.WatchActivitiesRequest = REQUEST) -> None:
        self.subjects: list[str] = []
        self.stream: Following = fealty.activities.follow(request)
        self._came = threading.Condition()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    async def until(self, *subjects: str) -> None:
        """Waits for all of them."""

        def wait() -> None:
            with self._came:
                assert self._came.wait_for(lambda: set(subjects) <= set(self.subjects), 30), self.subjects

        await asyncio.to_thread(wait)

    async def ended(self) -> bool:
        """Whether it ends now."""
        await asyncio.to_thread(self._thread.join, 5)
        return not self._thread.is_alive()

    def _follow(self) -> None:
        for activity in self.stream:
            if activity.action == "customer.created":
                with self._came:
                    self.subjects.append(activity.subject)
                    self._came.notify_all()


@pytest.fixture
def admin_key(server: Served) -> str:
    """The key of somebody who may read the log."""
    return server.key("watcher", Role.ADMINISTRATOR)


async def enrol(server: Served, *names: str) -> list[str]:
    """Makes customers."""
    for name in names:
        await server.till.customers.CreateCustomer(customer(name))
    return [f"{COFFEE}/customers/{name}" for name in names]


async def restarted(server: Served) -> None:
    """Another process on the same port, after a while without any."""
    await server.app.server.stop(0)
    await server.app.books.close()
    await asyncio.sleep(0.5)
    server.app = await build(server.settings)


async def created(stream: AsyncFollowing, until: str) -> list[str]:
    """The customers that an asyncio stream shows, up to one; all of them where it ends before."""
    seen: list[str] = []
    async for activity in stream:
        if activity.action == "customer.created":
            seen.append(activity.subject)
        if until in seen:
            break
    return seen


async def test_a_stream_survives_a_server_that_goes_and_comes(server: Served, admin_key: str) -> None:
    """A deployment must not need anybody to restart what follows."""
    with connect(server.address, admin_key) as fealty:
        follower = Follower(fealty)
        async with connect_async(server.address, admin_key) as calls, calls.activities.follow(REQUEST) as stream:
            [ada] = await created(stream, f"{COFFEE}/customers/ada")
            await follower.until(ada)
            await restarted(server)
            [ben] = await enrol(server, "ben")
            assert await asyncio.wait_for(created(stream, ben), 30) == [ben]
            await follower.until(ben)
    assert follower.subjects == [ada, ben]


async def test_a_stream_that_the_server_ends_goes_on_and_does_not_hurry(
    server: Served, admin_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every stream is ended after its time; one that were opened again at once, always, would be an attack."""
    monkeypatch.setattr(limits, "WATCH_MAX_S", 0.05)
    names = [f"c{number}" for number in range(8)]
    with connect(server.address, admin_key) as fealty:
        follower = Follower(fealty)
        async with connect_async(server.address, admin_key) as calls, calls.activities.follow(REQUEST) as stream:
            began = asyncio.get_running_loop().time()
            seen = asyncio.ensure_future(created(stream, f"{COFFEE}/customers/{names[-1]}"))
            for name in names:
                await enrol(server, name)
                await asyncio.sleep(0.1)
            assert (await asyncio.wait_for(seen, 30))[1:] == [f"{COFFEE}/customers/{name}" for name in names]
            await follower.until(*await seen)
            lasted_s = asyncio.get_running_loop().time() - began
    assert follower.subjects == await seen
    [(opened,)] = server.rows("SELECT count(*) FROM activity WHERE action = 'activity.watched'")
    assert 4 <= opened <= 2 * (lasted_s / 0.1 + 2)


async def test_who_starts_again_from_a_stored_cursor_misses_nothing(server: Served, admin_key: str) -> None:
    """The cursor passes a message with the last of its activities: killed in the middle, one sees some again."""
    names = await enrol(server, *(f"c{number}" for number in range(5)))
    async with connect_async(server.address, admin_key) as fealty:
        stream = fealty.activities.follow(REQUEST)
        await created(stream, names[1])
        assert stream.cursor == ""
        while not stream.cursor:
            await anext(stream)
        cursor = stream.cursor
        [late] = await enrol(server, "late")
        # The process dies here, and begins again with what it stored: before, or after the message.
        for stored, missed in (("", names), (cursor, [])):
            request = v1.WatchActivitiesRequest(parent=COFFEE, cursor=stored)
            async with fealty.activities.follow(request) as again:
                assert (await created(again, late))[-len(missed) - 1 :] == [*missed, late]
            assert request.cursor == stored
        await stream.close()


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        (lambda: v1.WatchActivitiesRequest(parent=COFFEE, cursor="x"), grpc.StatusCode.INVALID_ARGUMENT),
        (lambda: v1.WatchActivitiesRequest(parent="programs/tea"), grpc.StatusCode.NOT_FOUND),
    ],
)
async def test_a_refusal_is_raised_and_not_asked_for_again(
    server: Served, admin_key: str, request_of: Callable[[], v1.WatchActivitiesRequest], code: grpc.StatusCode
) -> None:
    """A cursor of other books will be wrong tomorrow as well: somebody must know."""
    with connect(server.address, admin_key) as fealty:
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(next, fealty.activities.follow(request_of()))
        assert refused.value.code is code
    async with connect_async(server.address, admin_key) as calls:
        with pytest.raises(Refused) as refused:
            await anext(calls.activities.follow(request_of()))
        assert refused.value.code is code


async def test_who_gives_up_waiting_for_an_activity_may_ask_again(server: Served, admin_key: str) -> None:
    """Waiting with a limit is how one looks after other things as well; it must not end the stream."""
    async with connect_async(server.address, admin_key) as fealty, fealty.activities.follow(REQUEST) as stream:
        await created(stream, f"{COFFEE}/customers/ada")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await created(stream, "nobody")
        [ben] = await enrol(server, "ben")
        assert await asyncio.wait_for(created(stream, ben), 10) == [ben]


async def test_a_stream_ends_when_it_or_its_connection_is_closed(server: Served, admin_key: str) -> None:
    """A process that stops is not kept by a thread that waits for what may never come."""
    fealty = connect(server.address, admin_key)
    ada = f"{COFFEE}/customers/ada"
    followers = [Follower(fealty) for _ in range(2)]
    for follower in followers:
        await follower.until(ada)
    followers[0].stream.close()
    assert await followers[0].ended()
    fealty.close()
    assert await followers[1].ended()
    calls = connect_async(server.address, admin_key)
    streams = [calls.activities.follow(REQUEST) for _ in range(2)]
    rests = []
    for stream in streams:
        assert await created(stream, ada) == [ada]
        rests.append(asyncio.ensure_future(created(stream, "nobody")))
    await asyncio.sleep(0.1)
    await streams[0].close()
    assert await asyncio.wait_for(rests[0], 5) == []
    await calls.close()
    assert await asyncio.wait_for(rests[1], 5) == []


async def test_a_stream_that_waits_for_a_server_ends_at_once_too(server: Served, admin_key: str) -> None:
    """Pauses grow to ten seconds; nobody who stops wants to wait for one."""
    ada = f"{COFFEE}/customers/ada"
    fealty, calls = connect(server.address, admin_key), connect_async(server.address, admin_key)
    follower, stream = Follower(fealty), calls.activities.follow(REQUEST)
    await follower.until(ada)
    assert await created(stream, ada) == [ada]
    rest = asyncio.ensure_future(created(stream, "nobody"))
    await server.app.server.stop(0)
    await asyncio.sleep(3)
    began = asyncio.get_running_loop().time()
    fealty.close()
    await calls.close()
    assert await follower.ended()
    assert await asyncio.wait_for(rest, 5) == []
    assert asyncio.get_running_loop().time() - began < 1


async def test_a_stream_that_is_closed_while_it_opens_is_left_open_nowhere(server: Served, admin_key: str) -> None:
    """A server has few places for watchers, and a stream that nobody reads holds one."""
    with connect(server.address, admin_key) as fealty:
        watch = fealty.activities.WatchActivities
        opened = []

        def closing(request: v1.WatchActivitiesRequest) -> Any:
            opened.append(watch(request))
            following.close()
            return opened[-1]

        following = Following(closing, REQUEST, WeakSet())
        assert await asyncio.to_thread(list, following) == []
        [stream] = opened
        assert await asyncio.to_thread(list, stream) == []
