"""Clients that speak HTTP/2 and no manners: calls that are opened and never said, and floods of them."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from attack import limits
from bench.frames import WireError
from bench.load import Unary
from bench.wire import Connection

Fields = list[tuple[str, str]]

# How often a client looks for answers. A held call needs none; a flood is as fast as its answers are seen.
HOLD_TICK_S, FLOOD_TICK_S = 0.05, 0.001


def headers(target: str, path: str, token: str = "") -> Fields:
    """The request headers of a call; without a token it is nobody's."""
    return Unary(target, path, lambda _: b"", token).headers()


def hold(target: str, fields: Fields, calls: int, connections: int, seconds: float) -> str:
    """Holds so many calls open, over some connections, that never get a message; answers what became of them."""
    width = calls // connections
    most = width * limits.OPENED_FACTOR_MAX
    lines = [_Line(target, fields, width, most, lambda line: line.open()) for _ in range(connections)]
    held_max = _keep(lines, seconds, HOLD_TICK_S, limits.REOPEN_S)
    held = sum(line.in_hand for line in lines)
    return f"held {held_max:,} at most, {held:,} at the end; ended: {counted(_ended(lines))}"


def flood(target: str, path: str, message: bytes, more: Callable[[], bytes], seconds: float) -> str:
    """Calls with header fields of their own, as fast as they are answered; answers what became of them."""

    def call(line: Connection) -> int:
        stream = line.open(more())
        line.send(stream, message, end=True)
        return stream

    fields, connections = headers(target, path), limits.FLOOD_CONNECTIONS
    width, most = limits.FLOOD_IN_FLIGHT // connections, limits.FLOOD_CALLS_MAX // connections
    lines = [_Line(target, fields, width, most, call) for _ in range(connections)]
    _keep(lines, seconds, FLOOD_TICK_S, 0.0)
    ended = _ended(lines)
    return f"{ended.total() / seconds:,.0f} a second; ended: {counted(ended)}"


def counted(what: Counter[str]) -> str:
    """A count in words."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(what.items())) or "none"


class _Line:
    """Keeps `width` calls in hand on one connection, `most` in all; where they are ended, it opens others."""

    def __init__(self, target: str, fields: Fields, width: int, most: int, begin: Callable[[Connection], int]) -> None:
        self.ended: Counter[str] = Counter()
        self._target, self._fields, self._width, self._left, self._begin = target, fields, width, most, begin
        self._streams: set[int] = set()
        self._connection: Connection | None = None
        self._connect_at = 0.0

    @property
    def in_hand(self) -> int:
        return len(self._streams)

    def fill(self) -> None:
        """Begin what is missing; on a new connection where the server cut the last one off, after a pause."""
        try:
            if self._connection is None:
                if time.monotonic() < self._connect_at:
                    return
                self._connection = Connection(self._target, self._fields)
            for _ in range(min(self._width - self.in_hand, self._left)):
                self._streams.add(self._begin(self._connection))
                self._left -= 1
        except WireError:
            self._lost()

    def talk(self) -> None:
        """Write what is queued, read what has come, and count the calls that were ended."""
        if self._connection is None:
            return
        try:
            self._connection.flush()
            for stream, reply in self._connection.receive():
                if stream in self._streams:  # an answer may be followed by a RST_STREAM
                    self._streams.discard(stream)
                    self.ended[reply.status] += 1
        except WireError:
            self._lost()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _lost(self) -> None:
        self.ended["cut off"] += max(1, self.in_hand)
        self._streams.clear()
        self.close()
        self._connection = None
        self._connect_at = time.monotonic() + limits.REOPEN_S


def _keep(lines: Sequence[_Line], seconds: float, tick_s: float, refill_s: float) -> int:
    """Keeps all lines going for so long, each filled every `refill_s`; answers how many calls they had at most."""
    until, refill_at, most = time.monotonic() + seconds, 0.0, 0
    try:
        while (now := time.monotonic()) < until:
            if now >= refill_at:
                refill_at = now + refill_s
                for line in lines:
                    line.fill()
            for line in lines:
                line.talk()
            most = max(most, sum(line.in_hand for line in lines))
            time.sleep(tick_s)
    finally:
        for line in lines:
            line.close()
    return most


def _ended(lines: Sequence[_Line]) -> Counter[str]:
    return sum((line.ended for line in lines), Counter[str]())
