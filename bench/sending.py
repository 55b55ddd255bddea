"""What a client sends on one connection: calls as prebuilt frames, within what the server lets it send."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from hpack import Encoder

from bench.frames import (
    DATA,
    DEFAULT_FRAME,
    DEFAULT_TABLE,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    HEADER_TABLE_SIZE,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    frame,
    frame_head,
)

LITERAL_CHARS_MAX = 126
"""A length up to it is one octet (RFC 7541, 5.1)."""


def literal(name: str, value: str) -> bytes:
    """A header field that stands for itself and is remembered by nobody (RFC 7541, 6.2.3)."""
    if max(len(name), len(value)) > LITERAL_CHARS_MAX:
        raise ValueError(f"{name} or its value is longer than {LITERAL_CHARS_MAX} characters")
    return b"\x10%c%b%c%b" % (len(name), name.encode("ascii"), len(value), value.encode("ascii"))


class Sending:
    """Queues frames in `_out`. Everything it queues may be written at once; what may not yet, waits here.

    Messages leave in the order they were queued, so one that waits for its stream's window holds up
    the rest: servers that read all their streams, as gRPC's do, always let it go on.
    """

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        self.streams_max = 1 << 31  # these four hold until the server's SETTINGS say otherwise (RFC 9113, 6.5.2)
        self._frame_max = DEFAULT_FRAME
        self._window_initial = DEFAULT_WINDOW
        self._table = DEFAULT_TABLE
        self._window = DEFAULT_WINDOW
        self._windows: dict[int, int] = {}  # of the streams with more to send
        self._waiting: deque[tuple[int, memoryview, bool]] = deque()
        self._out: list[bytes | memoryview] = []
        self._next_stream = 1
        self._headers = list(headers)
        self._block = b""
        self._heads: dict[int, tuple[bytes, bytes, bytes]] = {}

    def start(self, message: bytes) -> int:
        """Queue a unary call of this serialised message; return its stream."""
        stream, size = self._next_stream, len(message) + 5
        heads = self._heads.get(size) or self._heads_for(size)
        if heads is None or size > self._window or self._waiting:
            self.send(self.open(), message, end=True)
            return stream
        self._next_stream = stream + 2
        self._window -= size
        head, between, prefix = heads
        number = stream.to_bytes(4, "big")
        self._out.append(b"%b%b%b%b%b%b" % (head, number, between, number, prefix, message))
        return stream

    def open(self, more: bytes = b"") -> int:
        """Queue the request headers of a new stream; return it. `more` are fields of its own, encoded by `literal`."""
        stream = self._next_stream
        self._next_stream = stream + 2
        self._out.append(frame(HEADERS, END_HEADERS, stream, (self._block or self._first_block()) + more))
        self._windows[stream] = self._window_initial
        return stream

    def send(self, stream: int, message: bytes | None, *, end: bool = False) -> None:
        """Queue a message of an open stream (None: only its end) for when the server's windows let it go."""
        data = b"" if message is None else b"\0%b%b" % (len(message).to_bytes(4, "big"), message)
        self._waiting.append((stream, memoryview(data), end))
        self._push()

    def _first_block(self) -> bytes:
        """The first header block, which fills the server's table; all later ones only refer to it, as a stub's do."""
        encoder = Encoder()
        encoder.header_table_size = min(self._table, DEFAULT_TABLE)
        first, self._block = (encoder.encode(self._headers, huffman=False) for _ in range(2))
        return first

    def _heads_for(self, size: int) -> tuple[bytes, bytes, bytes] | None:
        """The constant bytes around the stream numbers of a call whose framed message has this size, if it fits."""
        if not self._block or size > min(self._window_initial, self._frame_max):
            return None
        head = frame_head(len(self._block), HEADERS, END_HEADERS, 0)[:5]
        between = self._block + frame_head(size, DATA, END_STREAM, 0)[:5]
        self._heads[size] = head, between, b"\0" + (size - 5).to_bytes(4, "big")
        return self._heads[size]

    def _set(self, name: int, value: int) -> None:
        """Heed one of the server's settings."""
        if name == INITIAL_WINDOW_SIZE:  # also moves the windows of open streams (RFC 9113, 6.9.2)
            for stream in self._windows:
                self._windows[stream] += value - self._window_initial
            self._window_initial = value
        elif name == MAX_FRAME_SIZE:
            self._frame_max = value
        elif name == MAX_CONCURRENT_STREAMS:
            self.streams_max = value
        elif name == HEADER_TABLE_SIZE:
            self._table = value
        self._heads.clear()

    def _push(self) -> None:
        """Queue DATA frames of what waits, as far as frame size and both windows allow (RFC 9113, 6.9)."""
        while self._waiting:
            stream, data, end = self._waiting[0]
            if stream not in self._windows:  # it ended before all was said
                self._waiting.popleft()
                continue
            length = max(0, min(len(data), self._frame_max, self._window, self._windows[stream]))
            if data and not length:
                return
            last = length == len(data)
            self._out.append(frame_head(length, DATA, END_STREAM if end and last else 0, stream))
            self._out.append(data[:length])
            self._window -= length
            self._windows[stream] -= length
            if not last:
                self._waiting[0] = (stream, data[length:], end)
                continue
            self._waiting.popleft()
            if end:
                del self._windows[stream]
