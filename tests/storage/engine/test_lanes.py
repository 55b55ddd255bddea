"""Lanes: none waits for another, none for ever, and what one is refused costs the others little."""

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from storage.engine import database as engine
from storage.engine import lanes
from storage.engine.database import AnswerLate, Connection, Database, StorageUnavailable, connection
from storage.engine.lanes import Lane, LaneFull, LaneRules
from storage.engine.session import Session, Statement
from storage.engine.threads import ThreadLane, ThreadRules
from storage.ledger.limits import PATIENT, READER, WRITER

# They wait by the clock.
pytestmark = pytest.mark.long

RULES = LaneRules("test", {"application_name": "lane"}, answer_limit_s=0.5, weight_max=64, waiting_max=200)
ECHO = Statement("SELECT $1", ["text"])
DIVIDE = Statement("SELECT (100 / $1)::text", ["integer"])

Result = TypeVar("Result")


class Work:
    """Answers each item by the database, and remembers the size of each group."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.gate: asyncio.Event | None = None

    async def run(self, session: Session, items: Sequence[Any]) -> list[bytes]:
        """The items as bytes; one that is 0 has the whole group refused."""
        self.groups.append(len(items))
        if self.gate is not None:
            await self.gate.wait()
        for item in items:
            await session.run(DIVIDE, [b"%d" % item])
        return [b"%d" % item for item in items]


def on_loop(
    database: Database, use: Callable[[Lane[Any, Any], Work], Coroutine[Any, Any, Result]], **rules: Any
) -> Result:
    """Uses a lane on an event loop of its own."""

    async def run() -> Result:
        work = Work()
        lane: Lane[Any, Any] = Lane(database, replace(RULES, **rules), work.run)
        try:
            return await use(lane, work)
        finally:
            await lane.close()

    return asyncio.run(run())


def backend(database: Database) -> int:
    """The process of PostgreSQL that serves the lane."""
    with connection(database) as books:
        [(pid,)] = books.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'lane'").fetchall()
    return int(pid)


def test_a_database_that_falls_silent_is_given_up_in_time_and_asked_anew(database: Database) -> None:
    """A host that vanished, or a proxy that swallows what it is sent, would hold up every write for good."""

    async def use(lane: Lane[Any, Any], _: Work) -> None:
        assert await lane.submit([1]) == [b"1"]
        silent = backend(database)
        os.kill(silent, signal.SIGSTOP)
        try:
            began = time.monotonic()
            outcomes = await lane.submit([1, 2])
            assert [type(outcome) for outcome in outcomes] == [AnswerLate, AnswerLate]
            assert time.monotonic() - began < 20 * RULES.answer_limit_s
            assert await lane.submit([3]) == [b"3"]
        finally:
            os.kill(silent, signal.SIGCONT)

    on_loop(database, use)


def test_while_the_database_is_away_calls_are_told_at_once_and_it_is_found_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for a connection that does not come hears nothing before its own deadline, and retries run into it."""
    monkeypatch.setattr(lanes, "REDIAL_PAUSE_S", 0.05)
    real = engine.dial
    tried: list[int] = []

    def unreachable(*_: Any) -> Connection:
        tried.append(1)
        raise StorageUnavailable("connection refused")

    async def use(lane: Lane[Any, Any], work: Work) -> None:
        monkeypatch.setattr(lanes, "dial", unreachable)
        for _ in range(20):
            [outcome] = await lane.submit([1])
            assert isinstance(outcome, StorageUnavailable)
        assert len(tried) < 20
        monkeypatch.setattr(lanes, "dial", real)
        for _ in range(100):
            [outcome] = await lane.submit([1])
            if outcome == b"1":
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it is not found again")

    on_loop(database, use)


def test_a_server_that_accepts_and_says_nothing_costs_no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of a silent proxy would otherwise use up PostgreSQL's connections, and the outage outlive it."""
    monkeypatch.setattr(engine, "CONNECT_TIMEOUT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        unanswered = engine.open_database(f"postgresql://somebody@127.0.0.1:{port}/nothing")
        gc.collect()
        gc.disable()
        try:
            before = len(os.listdir("/proc/self/fd"))
            with pytest.raises(StorageUnavailable):
                engine.dial(unanswered, {}, 1.0)
            assert len(os.listdir("/proc/self/fd")) == before
        finally:
            gc.enable()


def test_a_lane_tells_for_how_long_it_has_not_moved(database: Database) -> None:
    """A process that answers its probes while nothing is written is worse than one that is dead."""

    async def use(lane: Lane[Any, Any], work: Work) -> None:
        work.gate = asyncio.Event()
        assert lane.state == ("test", 0, 0.0)
        waiting = [lane.submit([number]) for number in (1, 2, 3)]
        await asyncio.sleep(0.1)
        assert lane.state.waiting == 3
        assert lane.state.stalled_s >= 0.05
        work.gate.set()
        await asyncio.gather(*waiting)
        assert lane.state == ("test", 0, 0.0)

    on_loop(database, use)


def test_a_stop_does_not_wait_for_a_database_that_is_silent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM must end a server also on the day on which everything else is broken."""
    monkeypatch.setattr(lanes, "CLOSE_TIMEOUT_S", 0.2)
    stopped: list[int] = []

    async def use(lane: Lane[Any, Any], _: Work) -> "asyncio.Future[Any]":
        await lane.submit([1])
        stopped.append(backend(database))
        os.kill(stopped[0], signal.SIGSTOP)
        waiting = lane.submit([1])
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await lane.close()
        assert time.monotonic() - began < 10
        return waiting

    try:
        waiting = on_loop(database, use, answer_limit_s=60.0)
        assert "stops" in str(waiting.result()[0])
    finally:
        with suppress(ProcessLookupError):
            os.kill(stopped[0], signal.SIGCONT)


def test_a_group_that_is_refused_is_halved_until_the_poison_is_alone(database: Database) -> None:
    """One by one, 64 callers would wait for 64 transactions; by halves it is a dozen."""

    async def use(lane: Lane[Any, Any], work: Work) -> None:
        outcomes = await lane.submit([0 if number == 23 else number + 1 for number in range(64)])
        assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Exception)] == [23]
        assert len(work.groups) <= 1 + 2 * 6

    on_loop(database, use)


def test_a_fault_of_ours_ends_a_group_and_not_its_lane(database: Database) -> None:
    """A lane that has ended takes everything and answers nothing: every later call would wait for ever."""

    class Faulty(Lane[Any, Any]):
        def _deliver(self, slot: Any, outcome: Any) -> None:
            if slot.item == 7:
                raise ZeroDivisionError
            super()._deliver(slot, outcome)

    async def run() -> None:
        lane = Faulty(database, RULES, Work().run)
        [outcome] = await lane.submit([7])
        assert isinstance(outcome, ZeroDivisionError)
        assert await lane.submit([2]) == [b"2"]
        await lane.close()

    asyncio.run(run())


def test_what_arrives_while_a_group_is_at_work_shares_the_next(database: Database) -> None:
    """Groups grow by themselves under load; alone, a call waits for no company."""

    async def use(lane: Lane[Any, Any], work: Work) -> None:
        work.gate = asyncio.Event()
        first = lane.submit([1])
        await asyncio.sleep(0.05)
        rest = [lane.submit([number]) for number in range(1, 101)]
        work.gate.set()
        await asyncio.gather(first, *rest)
        assert work.groups == [1, 64, 36]

    on_loop(database, use)


def test_no_more_may_wait_than_a_lane_allows(database: Database) -> None:
    """A late answer helps nobody: an early no is better."""

    async def use(lane: Lane[Any, Any], work: Work) -> None:
        work.gate = asyncio.Event()
        waiting = [lane.submit([1]) for _ in range(RULES.waiting_max)]
        with pytest.raises(LaneFull):
            lane.submit([1])
        work.gate.set()
        await asyncio.gather(*waiting)

    on_loop(database, use)


def test_what_nobody_waits_for_any_more_is_not_done(database: Database) -> None:
    """A caller that went away hears of nothing; a change that it never hears of is a surprise."""

    async def use(lane: Lane[Any, Any], work: Work) -> None:
        work.gate = asyncio.Event()
        first = lane.submit([1])
        await asyncio.sleep(0.05)
        gone, stays = lane.submit([2, 3]), lane.submit([4])
        gone.cancel()
        work.gate.set()
        assert await first == [b"1"]
        assert await stays == [b"4"]
        assert work.groups == [1, 1]

    on_loop(database, use)


def test_a_heavy_item_counts_for_what_it_weighs(database: Database) -> None:
    """An all-or-nothing of 500 that counted as one would put thousands of purchases into one transaction."""

    async def run() -> list[int]:
        work = Work()
        work.gate = asyncio.Event()
        lane: Lane[Any, Any] = Lane(database, RULES, work.run, weigh=lambda item: int(item))
        first = lane.submit([1])
        await asyncio.sleep(0.05)
        rest = lane.submit([30, 30, 30, 100, 1])
        work.gate.set()
        await asyncio.gather(first, rest)
        await lane.close()
        return work.groups

    assert asyncio.run(run()) == [1, 2, 1, 1, 1]


def test_paced_groups_begin_no_sooner_than_agreed_unless_many_wait(database: Database) -> None:
    """A group costs the same whatever is in it: two small ones in a row are a waste of everybody's time."""

    async def use(lane: Lane[Any, Any], work: Work) -> None:
        paced = [lane.submit([1]) for _ in range(3)]
        await asyncio.gather(*paced)
        began = time.monotonic()
        await lane.submit([1])
        assert time.monotonic() - began >= 0.1
        await asyncio.gather(*(lane.submit([1]) for _ in range(3)))
        began = time.monotonic()
        await asyncio.gather(*(lane.submit([1]) for _ in range(10)))
        assert work.groups[-1] == 10

    on_loop(database, use, paced_from=3, pace_s=0.2, rush=8)


def test_one_callers_reports_leave_a_thread_to_the_others(database: Database) -> None:
    """An auditor with two hundred reports in flight must not be the only one who gets any."""
    rules = ThreadRules("reports", 2, share=1, waiting_max=8, waiting_share=2, settings={}, answer_limit_s=10.0)

    def slow(books: Connection) -> str:
        books.execute("SELECT pg_sleep(0.3)")
        return "slow"

    async def run() -> None:
        lane = ThreadLane(database, rules)
        many = [lane.run("auditor", slow) for _ in range(3)]
        with pytest.raises(LaneFull):
            lane.run("auditor", slow)
        other = lane.run("other", lambda books: "quick")
        done, _ = await asyncio.wait([*many, other], return_when=asyncio.FIRST_COMPLETED)
        assert done == {other}
        assert await asyncio.gather(*many) == ["slow"] * 3
        await lane.close()

    asyncio.run(run())


def test_the_settings_of_a_lane_stay_with_it(database: Database) -> None:
    """A plan forced on look-ups by key makes a merge of two customers read whole tables row by row."""
    forced = ThreadRules("lists", 1, 1, 8, 8, {"enable_hashjoin": "off"}, 10.0)
    plain = ThreadRules("cold", 1, 1, 8, 8, {}, 10.0)

    def hash_joins(books: Connection) -> Any:
        return books.execute("SHOW enable_hashjoin").fetchone()

    async def run() -> None:
        lists, cold = ThreadLane(database, forced), ThreadLane(database, plain)
        assert await lists.run("somebody", hash_joins) == ("off",)
        assert await cold.run("somebody", hash_joins) == ("on",)
        await asyncio.gather(lists.close(), cold.close())

    asyncio.run(run())


@pytest.mark.parametrize("rules", [WRITER, PATIENT, READER], ids=lambda rules: str(rules.name))
def test_a_hot_lane_gives_up_before_its_callers_do(rules: LaneRules) -> None:
    """The database ends a statement first, else the lane gives up; a caller of 30 s still gets an answer."""
    assert int(rules.settings["statement_timeout"]) / 1000 < rules.answer_limit_s < 10
