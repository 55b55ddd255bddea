"""What orchestrators and monitors are told: by a process that answers itself, and that watches its lanes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from server import limits
from server.listening import PortTaken
from server.probes import Probes
from server.readiness import Readiness
from storage.books import Books
from storage.engine.lanes import LaneState
from tests.server.serving import Served, free_port

# They wait by the clock.
pytestmark = pytest.mark.long


@contextmanager
def _probes() -> Iterator[Probes]:
    probes = Probes("127.0.0.1", free_port())
    try:
        yield probes
    finally:
        probes.close()


@asynccontextmanager
async def _watching(server: Served) -> AsyncIterator[tuple[Probes, Readiness]]:
    """The probes of a server that listens."""
    readiness = Readiness(asyncio.get_running_loop(), server.app.own_port)
    with _probes() as probes:
        probes.watch(readiness, server.app.books)
        yield probes, readiness


async def _ask(probes: Probes, path: str) -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        try:
            with urlopen(f"http://127.0.0.1:{probes.port}/{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(ask)


async def test_a_process_is_ready_while_it_answers_a_call_of_its_own(server: Served) -> None:
    """A balancer that sends calls to a process that answers none of them loses them."""
    async with _watching(server) as (probes, _):
        assert await _ask(probes, "readyz") == (200, "ready\n")


async def test_a_process_that_does_not_listen_any_more_is_not_ready(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its probes may well live on: they answer on a thread of their own."""
    monkeypatch.setattr(limits, "READY_BELIEVED_S", 0.0)
    async with _watching(server) as (probes, _):
        assert (await _ask(probes, "readyz"))[0] == 200
        await server.app.server.stop(0)
        code, said = await _ask(probes, "readyz")
    assert (code, said) == (503, "not ready: a call of its own failed: UNAVAILABLE\n")


async def test_a_process_whose_loop_stands_still_is_not_ready(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """To callers a process that hangs is one that is dead; only that nobody takes it out of the balancer."""
    monkeypatch.setattr(limits, "READY_ANSWER_MAX_S", 0.2)
    readiness = Readiness(asyncio.get_running_loop(), server.app.own_port)
    # On the loop's own thread: while it waits here, the loop does nothing.
    assert readiness.missing() == "this process does not answer a call of its own"


async def test_who_asks_often_is_given_the_same_answer(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes are open to whoever reaches their port: they are no way to make calls."""
    monkeypatch.setattr(limits, "READY_BELIEVED_S", 1000.0)
    async with _watching(server) as (probes, _):
        assert (await _ask(probes, "readyz"))[0] == 200
        await server.app.server.stop(0)
        assert {await _ask(probes, "readyz") for _ in range(5)} == {(200, "ready\n")}


async def test_a_process_that_is_told_to_stop_is_not_ready_from_then_on(server: Served) -> None:
    """Also where it was asked a moment before: balancers have little time to notice."""
    async with _watching(server) as (probes, readiness):
        assert (await _ask(probes, "readyz"))[0] == 200
        readiness.stop()
        assert await _ask(probes, "readyz") == (503, "not ready: this process is stopping\n")
        assert await _ask(probes, "livez") == (200, "ok\n")


async def test_a_process_that_starts_lives_and_is_not_ready(server: Served) -> None:
    """Waiting for its books it is not to be killed, nor to be sent calls."""
    with _probes() as probes:
        assert await _ask(probes, "livez") == (200, "ok\n")
        assert await _ask(probes, "readyz") == (503, "not ready: this process is starting\n")


async def test_a_lane_that_has_not_moved_for_long_is_named(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that waits in it waits for ever, while every other answer looks well; only a restart helps."""
    longest = limits.LANE_STALLED_MAX_S
    lanes = [LaneState("reader", 0, 0.0), LaneState("writer", 12, longest)]
    monkeypatch.setattr(Books, "lanes", lanes)
    async with _watching(server) as (probes, _):
        assert await _ask(probes, "livez") == (200, "ok\n")
        lanes[1] = LaneState("writer", 12, longest + 5)
        assert await _ask(probes, "livez") == (503, "12 wait in lane writer, which has not moved for 65 s\n")
        _, figures = await _ask(probes, "metrics")
    assert 'fealty_lane_waiting{lane="writer"} 12.0' in figures
    assert 'fealty_lane_stalled_seconds{lane="writer"} 65.0' in figures
    assert 'fealty_lane_stalled_seconds{lane="reader"} 0.0' in figures
    assert "fealty_calls_total{" in figures


async def test_a_port_of_probes_that_is_taken_is_named(server: Served) -> None:
    """With the setting that chooses another."""
    with _probes() as probes, pytest.raises(PortTaken, match=f"{probes.port} is taken; .* FEALTY_PROBE_PORT"):
        Probes("127.0.0.1", probes.port)
