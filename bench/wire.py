"""One HTTP/2 connection that speaks gRPC from prebuilt frames, at a few microseconds a call.

A Python gRPC stub costs as much as the server it calls, and so would measure itself. This does what
RFC 9113 and the gRPC HTTP/2 protocol ask of a client that sends messages and reads statuses, no more.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable

from bench.frames import (
    ACK,
    CONTINUATION,
    DATA,
    DEFAULT_FRAME,
    DEFAULT_WINDOW,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    NO_TRAILERS,
    PING,
    PREFACE,
    RST_STREAM,
    SETTING,
    SETTINGS,
    WINDOW_UPDATE,
    Replies,
    Reply,
    WireError,
    error_name,
    frame,
    settings,
    without_padding,
)
from bench.sending import Sending
from bench.tls import SCHEME, TlsSocket

CONNECT_S = 10.0
"""A server on loopback that has not greeted us by then never will."""

RECEIVE_WINDOW = 16 << 20
"""A stub refuses messages over 4 MiB by default, so a unary answer fits without replenishing its stream's window."""

READ_BYTES = 64 << 10
"""One read holds what the calls of a connection answer at once; longer answers take a few reads."""


class Connection(Sending):
    """One client connection: queue with `start` or `open` and `send`, then `flush`, then `receive`. It never blocks.

    `on_data` is given the payload of every DATA frame; who sets it opens one stream only.
    """

    def __init__(
        self, target: str, headers: Iterable[tuple[str, str]], on_data: Callable[[bytes], None] | None = None
    ) -> None:
        super().__init__(headers)
        self._on_data = on_data
        self._replies = Replies()
        self._rest = b""
        self._split: tuple[int, int, bytes] | None = None  # a header block that goes on in CONTINUATION frames
        self._unreplenished = 0
        self._greeted = False
        host, _, port = target.removeprefix(SCHEME).rpartition(":")
        try:
            plain = socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S)
            self._socket = TlsSocket(plain) if target.startswith(SCHEME) else plain
        except OSError as error:
            raise WireError(f"cannot connect to {target}: {error}") from error
        try:
            self._greet()
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def flush(self) -> bool:
        """Write what is queued; return whether the kernel took it all. If not, `flush` when the socket is writable."""
        out = self._out
        if not out:
            return True
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise WireError(f"the server closed the connection: {error}") from error
        if sent == len(data):
            return True
        out.append(memoryview(data)[sent:])
        return False

    def receive(self) -> list[tuple[int, Reply]]:
        """Read what has come, and queue what it asks for; return the streams that ended, each with its reply."""
        ended: list[tuple[int, Reply]] = []
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return ended
        except OSError as error:
            raise WireError(f"the server closed the connection: {error}") from error
        if not data:
            raise WireError("the server closed the connection")
        if self._rest:
            data = self._rest + data
        known, unpack = self._replies.known, HEAD.unpack_from
        at, size = 0, len(data)
        while size - at >= 9:
            high, low, kind, flags, stream = unpack(data, at)
            start = at + 9
            end = start + (high << 8 | low)
            if end > size:
                if end - start > DEFAULT_FRAME:
                    raise WireError("the server sent a frame longer than we allow: is it HTTP/2?")
                break
            at = end
            if kind == HEADERS and (flags == END_HEADERS or flags == END_HEADERS | END_STREAM):
                block = data[start:end]
                reply = known.get(block) or self._replies.read(block)
                if flags & END_STREAM:
                    ended.append((stream, reply))
            elif kind == DATA and not flags:
                self._unreplenished += end - start
                if self._on_data is not None:
                    self._on_data(data[start:end])
            elif kind == WINDOW_UPDATE and not stream:
                self._window += int.from_bytes(data[start:end], "big")
                if self._waiting:
                    self._push()
            else:
                self._take(kind, flags, stream, data[start:end], ended)
        self._rest = data[at:]
        if self._windows:
            for stream, _ in ended:
                self._windows.pop(stream, None)
        if self._unreplenished >= RECEIVE_WINDOW // 2:
            self._replenish()
        return ended

    def _greet(self) -> None:
        # Calls are written in one piece; waiting for the acknowledgement of the piece before would be the latency.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wider = (RECEIVE_WINDOW - DEFAULT_WINDOW).to_bytes(4, "big")
        ours = settings({ENABLE_PUSH: 0, INITIAL_WINDOW_SIZE: RECEIVE_WINDOW})
        self._socket.sendall(PREFACE + ours + frame(WINDOW_UPDATE, 0, 0, wider))
        while not self._greeted:  # the server's first frame is its SETTINGS (RFC 9113, 3.4)
            self.receive()
        self._socket.setblocking(False)

    def _take(self, kind: int, flags: int, stream: int, payload: bytes, ended: list[tuple[int, Reply]]) -> None:
        """Act on a frame that is not part of the usual answer."""
        if kind == DATA:
            self._unreplenished += len(payload)  # padding counts too (RFC 9113, 6.9.1)
            if self._on_data is not None:
                self._on_data(without_padding(flags, payload))
            if flags & END_STREAM:
                ended.append((stream, NO_TRAILERS))
        elif kind == HEADERS:
            self._continue(flags, (flags & END_STREAM, stream, without_padding(flags, payload)), ended)
        elif kind == CONTINUATION and self._split is not None:
            last, stream, block = self._split
            self._continue(flags, (last, stream, block + payload), ended)
        elif kind == SETTINGS and not flags & ACK:
            for name, value in SETTING.iter_unpack(payload):
                self._set(name, value)
            self._greeted = True
            self._out.append(frame(SETTINGS, ACK, 0))
            self._push()
        elif kind == WINDOW_UPDATE and stream in self._windows:
            self._windows[stream] += int.from_bytes(payload, "big")
            self._push()
        elif kind == PING and not flags & ACK:
            self._out.append(frame(PING, ACK, 0, payload))
        elif kind == RST_STREAM:
            ended.append((stream, Reply(f"RST_STREAM {error_name(int.from_bytes(payload, 'big'))}")))
        elif kind == GOAWAY:
            said = payload[8:].decode("utf-8", "replace")
            name = error_name(int.from_bytes(payload[4:8], "big"))
            raise WireError(f"the server is going away (GOAWAY {name}): {said or 'no reason given'}")

    def _continue(self, flags: int, split: tuple[int, int, bytes], ended: list[tuple[int, Reply]]) -> None:
        """Read a header block once its last frame is here; its END_STREAM stands on the first (RFC 9113, 6.10)."""
        if not flags & END_HEADERS:
            self._split = split
            return
        self._split = None
        last, stream, block = split
        reply = self._replies.read(block)
        if last:
            ended.append((stream, reply))

    def _replenish(self) -> None:
        octets = self._unreplenished.to_bytes(4, "big")
        self._out.append(frame(WINDOW_UPDATE, 0, 0, octets))
        if self._on_data is not None:  # all of it was the one stream's
            self._out.append(frame(WINDOW_UPDATE, 0, self._next_stream - 2, octets))
        self._unreplenished = 0
