"""Loads an HTTP server on this host from a process of its own, and says what it took, as bench/load.py does of gRPC."""

import asyncio
import gc
import itertools
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from time import perf_counter_ns
from typing import Any

import uvloop

from bench.lanes import Tally
from bench.load import SILENT_S, Load, merged

CONNECTIONS = 128


@dataclass(frozen=True)
class Gets:
    """Requests without a body, in turns, each of which must be answered with `status`; one in flight on each of
    CONNECTIONS. An element of `requests` is a request as it is sent."""

    port: int
    requests: Sequence[bytes]
    status: int
    warmup_s: float
    duration_s: float
    watched: Mapping[str, Sequence[int]] = field(default_factory=dict)


def request(path: str, address: str) -> bytes:
    """As a proxy hands it on that got it from that address."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {address}\r\n\r\n".encode()


def load(work: Gets) -> Load:
    """Does the work. Raises ConnectionError where the server ends a connection, TimeoutError where it falls silent."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    client = context.Process(target=_client, args=(work, theirs), daemon=True)
    client.start()
    theirs.close()
    try:
        found = ours.recv()
    finally:
        client.terminate()
        client.join()
    if isinstance(found, Exception):
        raise found
    return merged([found])


def _client(work: Gets, pipe: Pipe) -> None:
    gc.disable()  # a collection would show as the server's latency
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            pipe.send(runner.run(_work(work)))
    except Exception as error:
        pipe.send(error)


async def _work(work: Gets) -> Tally:
    loop = asyncio.get_running_loop()
    tally, numbers = Tally(work.watched), itertools.count()
    callers = [_Caller(work, tally, numbers, loop.create_future()) for _ in range(CONNECTIONS)]
    for caller in callers:
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", work.port)  # type: ignore[misc]
    loop.call_later(work.warmup_s, tally.begin)
    loop.call_later(work.warmup_s + work.duration_s, tally.end)
    async with asyncio.timeout(work.warmup_s + work.duration_s + SILENT_S):
        await asyncio.gather(*(caller.over for caller in callers))
    return tally


class _Caller(asyncio.Protocol):
    """One connection: asks, reads the answer to its end, asks again."""

    def __init__(self, work: Gets, tally: Tally, numbers: Iterator[int], over: "asyncio.Future[None]") -> None:
        self.over = over
        self._work = work
        self._tally = tally
        self._numbers = numbers
        self._wanted = f"HTTP/1.1 {work.status} ".encode()
        self._read = b""
        self._asked_at = 0

    def connection_made(self, transport: Any) -> None:
        """Asks first."""
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Part of an answer, or all of it."""
        self._read += data
        head, end, rest = self._read.partition(b"\r\n\r\n")
        if not end or len(rest) < _length(head):
            return
        if not head.startswith(self._wanted):
            self._tally.failed[head.partition(b"\r\n")[0].decode()] += 1
        elif self._tally.measuring:
            self._tally.latencies_ns.append(perf_counter_ns() - self._asked_at)
        self._read = b""
        if self._tally.running:
            self._ask()
        else:
            self.over.set_result(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """That is an error while it waits for an answer."""
        if not self.over.done():
            self.over.set_exception(ConnectionError("the server ended a connection"))

    def _ask(self) -> None:
        requests = self._work.requests
        self._asked_at = perf_counter_ns()
        self._transport.write(requests[next(self._numbers) % len(requests)])


def _length(head: bytes) -> int:
    _, found, value = head.lower().partition(b"\r\ncontent-length:")
    return int(value.partition(b"\r\n")[0]) if found else 0
