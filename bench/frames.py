"""The words of HTTP/2 and gRPC that a client needs: frames, settings, and how a call ended.

Numbers are those of RFC 9113 (sections 6 and 7) and of the gRPC HTTP/2 protocol document.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import unquote

from hpack import Decoder, HPACKError

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 1, 2, 3, 4, 5

DEFAULT_WINDOW = 65_535
DEFAULT_FRAME = 16_384
DEFAULT_TABLE = 4_096

HEAD = struct.Struct(">HBBBL")  # length (24 bits, as 16 and 8), type, flags, stream
SETTING = struct.Struct(">HL")
MESSAGE_HEAD = struct.Struct(">BL")  # gRPC's own prefix: compressed or not, length

H2Error = IntEnum(  # RFC 9113, 7
    "H2Error",
    "NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR "
    "REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED",
    start=0,
)
Status = IntEnum(  # written out, as `grpc` stays out of the client's process, where its threads would cost
    "Status",
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED "
    "RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS "
    "UNAUTHENTICATED",
    start=0,
)

REPLIES_REMEMBERED = 1_024
"""Answers are a few different blocks; only error messages vary, and they must not fill memory."""


class WireError(Exception):
    """The load cannot go on: refused, closed, going away, silent, or not HTTP/2 as we know it."""


class Reply(NamedTuple):
    """How a call ended: a status by name ("OK", "NOT_FOUND") or what stood in its place, and its message."""

    status: str
    message: str = ""


NO_TRAILERS = Reply("NO_TRAILERS", "the stream ended on a DATA frame")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One whole frame."""
    return frame_head(len(payload), kind, flags, stream) + payload


def frame_head(length: int, kind: int, flags: int, stream: int) -> bytes:
    """The nine octets before a payload of this length."""
    return HEAD.pack(length >> 8, length & 255, kind, flags, stream)


def settings(values: dict[int, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(*pair) for pair in values.items()))


def without_padding(flags: int, payload: bytes) -> bytes:
    """What is left of a DATA or HEADERS payload without padding and priority (RFC 9113, 6.1 and 6.2)."""
    if flags & PADDED:
        payload = payload[1 : len(payload) - payload[0]]
    return payload[5:] if flags & PRIORITY else payload


def error_name(number: int) -> str:
    """The name of an HTTP/2 error code."""
    return H2Error(number).name if number in set(H2Error) else f"error {number}"


class Replies:
    """Reads header blocks of one connection. Equal blocks cost one dictionary look-up.

    A block means the same as before for as long as the peer's dynamic table is the same (RFC 7541,
    2.3.2), so what was read is forgotten when a block changes the table: the first few only.
    """

    def __init__(self) -> None:
        self.known: dict[bytes, Reply] = {}
        self._decoder = Decoder()

    def read(self, block: bytes) -> Reply:
        """The reply in a block; meaningful only if the block ended its stream."""
        known = self.known.get(block)
        if known is not None:
            return known
        entries = self._decoder.header_table.dynamic_entries
        before = list(entries)
        try:
            fields = {bytes(name): bytes(value) for name, value in self._decoder.decode(block, raw=True)}
        except HPACKError as error:
            raise WireError(f"the server sent a header block we cannot read: {error!r}") from error
        reply = _reply(fields)
        if list(entries) != before or len(self.known) >= REPLIES_REMEMBERED:
            self.known.clear()
        else:
            self.known[block] = reply
        return reply


def _reply(fields: dict[bytes, bytes]) -> Reply:
    status = fields.get(b"grpc-status", b"").decode("latin-1")
    if not status.isdecimal():
        return Reply("NO_STATUS", f"HTTP {fields.get(b':status', b'?').decode('latin-1')}, no grpc-status")
    number = int(status)
    name = Status(number).name if number in set(Status) else f"status {number}"
    return Reply(name, unquote(fields.get(b"grpc-message", b"").decode("latin-1")))
