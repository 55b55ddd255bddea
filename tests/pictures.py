"""Pictures to test with: PNGs of one colour, of any size, whole or wrong in one way."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """One part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int, depth: int = 8, color: int = 2, interlace: int = 0) -> bytes:
    """The part that says how large a picture is."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace))


def pixels(data: bytes) -> bytes:
    """The part that has the pixels."""
    return chunk(b"IDAT", zlib.compress(data, 9))


def png(width: int = 29, height: int = 29, color: tuple[int, int, int] = (74, 44, 18)) -> bytes:
    """A picture of one colour."""
    rows = (b"\0" + bytes(color) * width) * height
    return SIGNATURE + header(width, height) + pixels(rows) + chunk(b"IEND")
