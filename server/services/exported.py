"""An exported file on its way to its caller, and the place in it by which another stream goes on.

A SHA-256 that was begun cannot be gone on with elsewhere: so each stream has one of what it sent, and a place those of
the streams before it.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, json

from storage.activity.exporting.pieces import Bound, Piece
from storage.activity.look import Position


class Part(Struct, frozen=True, array_like=True):
    """What a stream sent of a file."""

    bytes: int
    sha256: str


class ResumePoint(Struct, frozen=True):
    """What a token says: whose file it is, where that ends, how far it is there, and in which parts."""

    caller: str
    bound: Bound
    after: Position | None = None
    rows: int = 0
    parts: tuple[Part, ...] = ()


class File:
    """A file on its way, and what this stream has sent of it: up to `after`. The next page is read from `following`."""

    def __init__(self, begun: ResumePoint) -> None:
        self._begun = begun
        self._sent = hashlib.sha256()
        self._bytes = 0
        self.after = self.following = begun.after
        self.rows = begun.rows

    @property
    def bound(self) -> Bound:
        """Where it ends."""
        return self._begun.bound

    @property
    def bytes(self) -> int:
        """How long it is by now."""
        return sum(part.bytes for part in self.parts)

    @property
    def parts(self) -> Sequence[Part]:
        """Those before this stream's, and this one's, where it has sent anything or nobody else has."""
        if not self._bytes and self._begun.parts:
            return self._begun.parts
        return (*self._begun.parts, Part(self._bytes, self._sent.hexdigest()))

    def add(self, piece: Piece) -> None:
        """Takes note of a piece that is about to be sent."""
        self._sent.update(piece.data)
        self._bytes += len(piece.data)
        self.rows += piece.rows
        self.after = piece.after

    def place(self) -> str:
        """The token's text."""
        parts = tuple(self.parts) if self.bytes else ()
        place = ResumePoint(self._begun.caller, self.bound, self.after, self.rows, parts)
        return json.encode(place).decode()

    def details(self) -> dict[str, Any]:
        """What the record says of it."""
        parts = [{"bytes": part.bytes, "sha256": part.sha256} for part in self.parts]
        return {"bytes": self.bytes, "count": self.rows, "parts": parts}


def read_place(text: str) -> ResumePoint:
    """The place in a token. Raises MsgspecError where another release wrote it, in other words."""
    return json.decode(text, type=ResumePoint)
