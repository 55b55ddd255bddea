"""What one connection does during a load: unary calls side by side, or messages on one stream."""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter, perf_counter_ns, process_time
from typing import Protocol

from bench.frames import MESSAGE_HEAD, Reply, WireError
from bench.processor import spent_s
from bench.wire import Connection

MESSAGES_KEPT = 5
"""The first few say what is wrong; the count says how often."""


@dataclass
class Tally:
    """What one client process saw. Latencies only while `measuring`; failures from first call to last.

    `used_s` is the processor time of each of those `watched` while it measured, `cpu_s` its own.
    """

    watched: Mapping[str, Sequence[int]] = field(default_factory=dict)
    running: bool = True
    measuring: bool = False
    latencies_ns: array[int] = field(default_factory=lambda: array("Q"))
    failed: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cpu_s: float = 0.0
    used_s: dict[str, float] = field(default_factory=dict)

    def begin(self) -> None:
        """From now on it counts."""
        self.measuring = True
        self._read(-1)

    def end(self) -> None:
        """What still comes does not count."""
        self.measuring = self.running = False
        self._read(1)

    def _read(self, sign: int) -> None:
        for name, processes in self.watched.items():
            self.used_s[name] = self.used_s.get(name, 0.0) + sign * spent_s(processes)
        self.seconds += sign * perf_counter()
        self.cpu_s += sign * process_time()

    def fail(self, reply: Reply) -> None:
        """Count a failure, and keep its message if it is among the first."""
        self.failed[reply.status] += 1
        if len(self.messages) < MESSAGES_KEPT:
            self.messages.append(f"{reply.status}: {reply.message}")


class Lane(Protocol):
    """One connection's part of a load."""

    connection: Connection

    @property
    def in_flight(self) -> int:
        """How many answers are still to come."""

    def begin(self) -> None:
        """Queue the first calls."""

    def read(self) -> None:
        """Take what has come, and queue as many calls as were answered while the load is running."""

    def finish(self) -> None:
        """Queue what tells the server that nothing more comes."""


class UnaryLane:
    """Keeps `width` unary calls in flight."""

    def __init__(
        self,
        target: str,
        headers: Iterable[tuple[str, str]],
        make: Callable[[int], bytes],
        numbers: Iterator[int],
        width: int,
        tally: Tally,
    ) -> None:
        self.connection = Connection(target, headers)
        if width > self.connection.streams_max:
            raise WireError(f"{width} in flight on one connection, the server allows {self.connection.streams_max}")
        self._make, self._numbers, self._width, self._tally = make, numbers, width, tally
        self._started: dict[int, int] = {}

    @property
    def in_flight(self) -> int:
        return len(self._started)

    def begin(self) -> None:
        for _ in range(self._width):
            self._started[self.connection.start(self._make(next(self._numbers)))] = perf_counter_ns()

    def read(self) -> None:
        tally, started, start = self._tally, self._started, self.connection.start
        ended = self.connection.receive()
        now = perf_counter_ns()
        for stream, reply in ended:
            since = started.pop(stream, None)
            if since is None:  # RST_STREAM after the trailers of a call answered early (RFC 9113, 8.1)
                continue
            if reply.status != "OK":
                tally.fail(reply)
            elif tally.measuring:
                tally.latencies_ns.append(now - since)
            if tally.running:
                started[start(self._make(next(self._numbers)))] = now

    def finish(self) -> None:
        """Nothing: each call ended with its message."""


class StreamLane:
    """Keeps `width` messages unanswered on one bidirectional stream; each message is answered by one, in order."""

    def __init__(
        self,
        target: str,
        headers: Iterable[tuple[str, str]],
        make: Callable[[int], bytes],
        numbers: Iterator[int],
        width: int,
        tally: Tally,
        inspect: Callable[[bytes], Iterable[str]] | None = None,
    ) -> None:
        self.connection = Connection(target, headers, self._on_data)
        self._make, self._numbers, self._width, self._tally, self._inspect = make, numbers, width, tally, inspect
        self._started: deque[int] = deque()
        self._unread = b""
        self._stream = 0
        self._ended = False

    @property
    def in_flight(self) -> int:
        return 0 if self._ended else max(1, len(self._started))  # the trailers are to come as well

    def begin(self) -> None:
        self._stream = self.connection.open()
        for _ in range(self._width):
            self._say()

    def read(self) -> None:
        for stream, reply in self.connection.receive():
            if self._ended or stream != self._stream:
                continue
            self._ended = True
            if reply.status != "OK":
                self._tally.fail(reply)
            elif self._tally.running or self._started:
                self._tally.fail(Reply("ENDED_EARLY", f"the server ended the stream, {len(self._started)} unanswered"))

    def finish(self) -> None:
        if not self._ended:
            self.connection.send(self._stream, None, end=True)

    def _say(self) -> None:
        self._started.append(perf_counter_ns())
        self.connection.send(self._stream, self._make(next(self._numbers)))

    def _on_data(self, data: bytes) -> None:
        """Cut messages out of DATA frames, whose borders mean nothing (gRPC over HTTP/2, "Data Frames")."""
        data = self._unread + data
        at = 0
        while len(data) - at >= 5:
            compressed, length = MESSAGE_HEAD.unpack_from(data, at)
            if compressed:
                raise WireError("the server compressed an answer though we did not offer to read that")
            if len(data) - at < 5 + length:
                break
            self._answered(data[at + 5 : at + 5 + length])
            at += 5 + length
        self._unread = data[at:]

    def _answered(self, message: bytes) -> None:
        if not self._started:
            raise WireError("the server answered more messages than were sent")
        tally, since = self._tally, self._started.popleft()
        if tally.measuring:
            tally.latencies_ns.append(perf_counter_ns() - since)
        if self._inspect is not None:
            for failure in self._inspect(message):
                tally.fail(Reply(failure, "in an answer"))
        if tally.running:
            self._say()
