"""Loads a gRPC server from client processes of their own and says what it took: the benchmark's meter.

    run(Unary("127.0.0.1:50051", "/fealty.v1.Points/Earn", Payload(request), token=token))

Clients are spawned, so a script that calls `run` keeps its own work under `if __name__ == "__main__"`.
"""

from __future__ import annotations

import gc
import itertools
import math
import multiprocessing
import select
import time
from abc import ABC, abstractmethod
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError

from bench.frames import WireError
from bench.lanes import MESSAGES_KEPT, Lane, StreamLane, Tally, UnaryLane
from bench.tls import SCHEME

SILENT_S = 30.0
"""A server that answers none of the calls in flight for so long is hung: longer than any deadline Fealty grants."""

START_S = 60.0
"""Client processes start together; on a busy machine an interpreter takes seconds to come up."""

GATHER_S = 0.000_5
"""At `GATHER_FROM` calls in flight a client looks for answers this often, not at each: waking for every answer costs
it twice the processor time, taken from the server. The server has other calls to serve meanwhile, so the rate is the
same, and the latency, which is calls in flight by rate (Little's law), too. With fewer in flight it never waits."""

GATHER_FROM = 32

TICK_S = 0.05
"""How late the measured time may begin or end when no answer comes."""

READ, WRITE = select.EPOLLIN, select.EPOLLOUT


@dataclass(frozen=True)
class Work(ABC):
    """What to ask of a server, and for how long. All fields can be pickled; the totals hold over all processes.

    `make` gives the serialised request message of call number `i`; numbers are unique within a run. `watched` names
    processes (each with all it has started) whose processor time is to be measured meanwhile.
    """

    target: str
    path: str
    make: Callable[[int], bytes]
    token: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    in_flight: int = 64
    connections: int = 8
    warmup_s: float = 1.0
    duration_s: float = 5.0
    watched: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def headers(self) -> list[tuple[str, str]]:
        """The request headers, in the order gRPC over HTTP/2 asks for."""
        bearer = [("authorization", f"Bearer {self.token}")] if self.token else []
        return [
            (":method", "POST"),
            (":scheme", "https" if self.target.startswith(SCHEME) else "http"),
            (":path", self.path),
            (":authority", self.target.removeprefix(SCHEME)),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            *bearer,
            *self.metadata,
        ]

    @abstractmethod
    def lane(self, numbers: Iterator[int], width: int, tally: Tally) -> Lane:
        """One connection's part of the work, with `width` in flight."""


@dataclass(frozen=True)
class Unary(Work):
    """Unary calls, `in_flight` of them at any time."""

    def lane(self, numbers: Iterator[int], width: int, tally: Tally) -> Lane:
        return UnaryLane(self.target, self.headers(), self.make, numbers, width, tally)


@dataclass(frozen=True)
class Stream(Work):
    """One bidirectional stream a connection, `in_flight` messages unanswered over all of them; a call is a message.

    `inspect` is shown each answer and names what failed in it, each name counted in `Load.failed`.
    """

    inspect: Callable[[bytes], Iterable[str]] | None = None

    def lane(self, numbers: Iterator[int], width: int, tally: Tally) -> Lane:
        return StreamLane(self.target, self.headers(), self.make, numbers, width, tally, self.inspect)


@dataclass(frozen=True)
class Load:
    """What a server did under load: `calls` answered OK in `seconds`, and all that failed, warm-up included."""

    calls: int
    seconds: float
    per_s: float
    p50_ms: float
    p99_ms: float
    failed: dict[str, int]
    client_cpu_share: float
    messages: tuple[str, ...] = ()
    processor_us: Mapping[str, float] = field(default_factory=dict)
    """For one call, of each of those watched."""


def run(work: Work, processes: int = 1) -> Load:
    """Do the work from this many client processes at once; return what they saw together.

    Raises WireError when the server cannot be reached, closes a connection, goes away or falls silent.
    """
    [load] = beside(work, processes=processes)
    return load


def beside(*works: Work, processes: int = 1) -> list[Load]:
    """Do different work at the same time, each from client processes of its own that begin together; otherwise as
    `run`."""
    if not all(processes <= work.connections <= work.in_flight for work in works):
        raise ValueError("each process needs a connection, and each connection a call")
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(len(works) * processes)
    clients, pipes = [], []
    try:
        for work, index in itertools.product(works, range(processes)):
            ours, theirs = context.Pipe(duplex=False)
            client = context.Process(target=_client, args=(work, index, processes, gate, theirs), daemon=True)
            client.start()
            theirs.close()
            clients.append(client)
            pipes.append(ours)
        tallies = _tallies([_result(pipe) for pipe in pipes])
        return [merged(tallies[at : at + processes]) for at in range(0, len(tallies), processes)]
    finally:
        for client in clients:
            client.terminate()
            client.join()


def drive(work: Work, index: int, processes: int, ready: Callable[[], object]) -> Tally:
    """Do one process's share of the work in this process, once `ready` returns."""
    tally = Tally(work.watched if index == 0 else {})
    numbers = itertools.count(index, processes)
    widths = [_share(work.in_flight, lane, work.connections) for lane in range(work.connections)]
    lanes = [work.lane(numbers, width, tally) for width in widths[index::processes]]
    try:
        ready()
        _loop(lanes, tally, work)
    finally:
        for lane in lanes:
            lane.connection.close()
    return tally


def _loop(lanes: list[Lane], tally: Tally, work: Work) -> None:
    by_number = {lane.connection.fileno(): lane for lane in lanes}
    pause_s = GATHER_S if work.in_flight >= GATHER_FROM else 0.0
    with select.epoll() as poller:  # `selectors` would make objects of each event
        unsent = set(by_number)  # connections to wait for until they can be written to
        for number, lane in by_number.items():
            poller.register(number, READ | WRITE)
            lane.begin()
        heard = time.perf_counter()
        mark = heard + work.warmup_s
        while tally.running or any(lane.in_flight for lane in lanes):
            if pause_s:
                time.sleep(pause_s)
            events = poller.poll(TICK_S)
            now = time.perf_counter()
            if now >= mark and not tally.measuring and tally.running:
                tally.begin()
                mark = now + work.duration_s
            elif now >= mark and tally.measuring:
                tally.end()
                for number, lane in by_number.items():
                    lane.finish()
                    unsent.add(number)
                    poller.modify(number, READ | WRITE)
            if events:
                heard = now
            elif now - heard > SILENT_S and (waiting := sum(lane.in_flight for lane in lanes)):
                raise WireError(f"the server has been silent for {SILENT_S:.0f} s with {waiting} answers to come")
            for number, _ in events:
                lane = by_number[number]
                lane.read()
                if lane.connection.flush() == (number in unsent):  # one of them is news
                    unsent ^= {number}
                    poller.modify(number, READ | WRITE if number in unsent else READ)


def _share(total: int, index: int, parts: int) -> int:
    """How much of a total falls to one of some parts, as evenly as whole numbers go."""
    return total * (index + 1) // parts - total * index // parts


def _client(work: Work, index: int, processes: int, gate: Barrier, pipe: Pipe) -> None:
    gc.disable()  # the loop makes no cycles, and a collection would show as the server's latency
    try:
        pipe.send(drive(work, index, processes, lambda: gate.wait(START_S)))
    except Exception as error:
        gate.abort()
        pipe.send(error)


def _result(pipe: Pipe) -> Tally | Exception:
    try:
        result: Tally | Exception = pipe.recv()
    except EOFError:
        return WireError("a client process died before it could report")
    return result


def _tallies(results: list[Tally | Exception]) -> list[Tally]:
    errors = [result for result in results if isinstance(result, Exception)]
    for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):  # one breaks it for the rest
        raise error
    return [result for result in results if isinstance(result, Tally)]


def merged(tallies: list[Tally]) -> Load:
    """All processes as one: percentiles over all latencies, not means of percentiles."""
    per_s = sum(len(tally.latencies_ns) / tally.seconds for tally in tallies)
    latencies = array("Q", sorted(itertools.chain.from_iterable(tally.latencies_ns for tally in tallies)))
    return Load(
        calls=len(latencies),
        seconds=max(tally.seconds for tally in tallies),
        per_s=per_s,
        p50_ms=_percentile_ms(latencies, 0.50),
        p99_ms=_percentile_ms(latencies, 0.99),
        failed=dict(sum((tally.failed for tally in tallies), Counter())),
        client_cpu_share=sum(tally.cpu_s / tally.seconds for tally in tallies),
        messages=tuple(message for tally in tallies for message in tally.messages)[:MESSAGES_KEPT],
        # Only the first process looks; all began together.
        processor_us={
            name: used_s / tallies[0].seconds / per_s * 1e6 if per_s else math.nan
            for name, used_s in tallies[0].used_s.items()
        },
    )


def _percentile_ms(ordered: array[int], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1] / 1e6 if ordered else math.nan
