"""Request messages that carry fresh request ids, at well under a microsecond an id."""

from __future__ import annotations

import secrets
import uuid

PLACEHOLDER = "00000000-0000-4000-8000-000000000000"
"""Serialise a request with this as its request id: all ids have its length, so the bytes around it stay as they are."""

_SCATTER = 0x9E3779B1  # odd, so that multiplying by it modulo 2**32 gives each number once


class Payload:
    """Makes messages out of `variants` in turn, with a fresh UUIDv4 in place of each PLACEHOLDER.

    No id comes twice, neither from one object (for 2**32 ids) nor from any other, in this process or
    another: a copy that was pickled draws its own 90 random bits. The ids of a run are spread over the
    whole range, as a random generator's are, so an index on them costs what it costs in earnest.
    """

    def __init__(self, *variants: bytes) -> None:
        self._variants = variants
        self._parts = [variant.split(PLACEHOLDER.encode()) for variant in variants]
        if not variants or any(len(parts) < 2 for parts in self._parts):
            raise ValueError("each variant needs at least one PLACEHOLDER")
        self._count = secrets.randbits(32)
        self._tail = str(uuid.uuid4())[8:].encode()

    def __call__(self, i: int) -> bytes:
        """The message of call number `i`: variant `i` modulo their number, all its ids fresh."""
        parts = self._parts[i % len(self._parts)]
        if len(parts) == 2:
            self._count += 1
            return b"%b%08x%b%b" % (parts[0], self._count * _SCATTER & 0xFFFFFFFF, self._tail, parts[1])
        pieces = [parts[0]]
        for count, part in enumerate(parts[1:], self._count + 1):
            pieces.append(b"%08x%b" % (count * _SCATTER & 0xFFFFFFFF, self._tail))
            pieces.append(part)
        self._count += len(parts) - 1
        return b"".join(pieces)

    def __reduce__(self) -> tuple[type[Payload], tuple[bytes, ...]]:
        return type(self), self._variants


class Exhausted(Exception):
    """Every message that was prepared has been sent, and the load goes on: prepare more."""


class Once:
    """Messages of which each may be sent once, since each uses up what it names; with fresh ids, as Payload's.

    Raises Exhausted when there is none left: a load that ran dry has no speed.
    """

    def __init__(self, *variants: bytes) -> None:
        self._payload = Payload(*variants)
        self._size = len(variants)

    def __call__(self, i: int) -> bytes:
        """The message of call number `i`. Numbers are unique within a run, whichever process sends it."""
        if i >= self._size:
            raise Exhausted(f"all {self._size} messages were sent before the time was over: prepare more")
        return self._payload(i)
