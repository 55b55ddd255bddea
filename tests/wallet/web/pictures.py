"""Codes as they are drawn: out of the SVG of a page, and out of a picture of it."""

import re
import struct
import zlib
from collections.abc import Sequence

import segno

# What stands around a code, in modules.
BORDER = 4
_MOVE = re.compile(r"([Mmh])(-?[\d.]+)(?: ?(-?[\d.]+))?")

Modules = tuple[tuple[bool, ...], ...]


def code_of(text: str) -> Modules:
    """How a text looks as a QR code."""
    return tuple(tuple(bool(module) for module in row) for row in segno.make(text, error="m", micro=False).matrix)


def code_in(svg: str) -> Modules:
    """The code that an SVG draws: one path, of horizontal lines as wide as a module."""
    path = re.search(r'<path[^>]* d="([^"]+)"', svg)
    assert path
    size = round(float(re.search(r'viewBox="0 0 (\d+)', svg)[1]))  # type: ignore[index]
    dark = [[False] * size for _ in range(size)]
    x, y = 0.0, 0.0
    for kind, first, second in _MOVE.findall(path[1]):
        if kind == "h":
            for module in range(int(first)):
                dark[int(y)][int(x) + module] = True
            x += float(first)
        elif kind == "M":
            x, y = float(first), float(second)
        else:
            x, y = x + float(first), y + float(second)
    return _within(dark)


def code_seen(png: bytes, modules: int) -> Modules:
    """The code of so many modules a side that a picture shows: the middle of each."""
    width, height, pixels = _pixels(png)
    size = modules + 2 * BORDER
    step_x, step_y = width / size, height / size
    dark = [
        [pixels[int((row + 0.5) * step_y)][int((column + 0.5) * step_x)] < 128 for column in range(size)]
        for row in range(size)
    ]
    return _within(dark)


def _within(dark: Sequence[Sequence[bool]]) -> Modules:
    return tuple(tuple(row[BORDER:-BORDER]) for row in dark[BORDER:-BORDER])


def _pixels(png: bytes) -> tuple[int, int, list[list[int]]]:
    """How bright each pixel of a PNG is; of 8 bits a colour, not interlaced (PNG, 2nd edition, 9)."""
    at, packed, head = 8, b"", b""
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        packed += data if kind == b"IDAT" else b""
        head = data if kind == b"IHDR" else head
        at += 12 + length
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", head)
    channels = {2: 3, 6: 4}[colour]
    assert (depth, interlaced) == (8, 0)
    raw, stride = zlib.decompress(packed), width * channels
    rows: list[bytearray] = []
    for number in range(height):
        start = number * (stride + 1)
        above = rows[-1] if rows else bytearray(stride)
        rows.append(_unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above, channels))
    return width, height, [[sum(row[x : x + 3]) // 3 for x in range(0, stride, channels)] for row in rows]


def _unfiltered(kind: int, row: bytearray, above: bytearray, channels: int) -> bytearray:
    for at in range(len(row)):
        left = row[at - channels] if at >= channels else 0
        corner = above[at - channels] if at >= channels else 0
        up = above[at]
        if kind == 1:
            row[at] = (row[at] + left) & 255
        elif kind == 2:
            row[at] = (row[at] + up) & 255
        elif kind == 3:
            row[at] = (row[at] + (left + up) // 2) & 255
        elif kind == 4:
            guess = left + up - corner
            nearest = min((left, up, corner), key=lambda one: abs(guess - one))
            row[at] = (row[at] + nearest) & 255
    return row
