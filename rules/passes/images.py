"""Images of passes: a PNG is what it says it is, or is refused; how large each may be for what it is for.

Written by hand: of an image only its header counts, and whoever decodes more than is asked for has bugs to fear.
Source: ISO/IEC 15948 (PNG), clauses 5, 7, 8 and 11.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from rules.passes.designs import Image, ImageRole
from rules.passes.refusals import PassImageInvalid

# A strip at three pixels a point is 1,125 wide. Wallets scale what is larger down; phones would have to hold it.
PIXELS_MAX = 2_048
BYTES_MAX = 524_288
# Each is looked at by itself; encoders make one of 8 to 32 KiB, or one of all.
CHUNKS_MAX = 1_024

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
# Bits of a sample, by the colour type, and how many samples a pixel has.
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Of the passes of an interlaced image: the first column and row, and the steps between them (clause 8.2).
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# Of an animation (APNG).
_ANIMATED = {b"acTL", b"fcTL", b"fdAT"}
_AT_ONCE = 65_536


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


def check_png(content: bytes) -> Size:
    """How large an image is. Raises PassImageInvalid where it is no PNG, damaged, animated, too large, or not what its
    header says."""
    if len(content) > BYTES_MAX:
        raise PassImageInvalid(what=f"it has {len(content):,} bytes; make it one of at most {BYTES_MAX:,}")
    if not content.startswith(SIGNATURE):
        raise PassImageInvalid(what="it is no PNG; save it as one")
    chunks = _chunks(content)
    kind, header = next(chunks)
    if kind != b"IHDR" or len(header) != _HEADER.size:
        raise _damaged("it does not begin with a header")
    size, lengths = _read_header(header)
    inflated = _Inflating(sum(lengths))
    kind, palette = b"", False
    for kind, data in chunks:
        if kind in _ANIMATED:
            raise PassImageInvalid(what="it is animated; save one picture of it")
        palette |= kind == b"PLTE"
        if kind == b"IDAT":
            inflated.take(data)
    if kind != b"IEND":
        raise _damaged("it ends too early")
    if header[9] == 3 and not palette:
        raise _damaged("its colours are missing")
    inflated.check_whole()
    return size


def _damaged(how: str) -> PassImageInvalid:
    return PassImageInvalid(what=f"it is damaged: {how}; save it anew")


def _read_header(header: bytes) -> tuple[Size, list[int]]:
    """How large the image is, and how many bytes each of its passes has."""
    width, height, depth, color, compression, filtering, interlace = _HEADER.unpack(header)
    if not width or not height or max(width, height) > PIXELS_MAX:
        what = f"it is {width} x {height} pixels; make it one of 1 to {PIXELS_MAX:,} a side"
        raise PassImageInvalid(what=what)
    if depth not in _DEPTHS.get(color, ()) or compression or filtering or interlace > 1:
        raise _damaged("its header says what no PNG is")
    bits = depth * _SAMPLES[color]
    if not interlace:
        return Size(width, height), [_rows(width, height, bits)]
    steps = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in _ADAM7]
    return Size(width, height), [_rows(columns, rows, bits) for columns, rows in steps]


def _rows(columns: int, rows: int, bits: int) -> int:
    # Each row begins with a byte that says how it is filtered; a pass without columns has no rows.
    return rows * (1 + -(-columns * bits // 8)) if columns > 0 and rows > 0 else 0


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk up to IEND, its kind and its data, whose checksum is right; behind IEND is nothing."""
    at = len(SIGNATURE)
    for _ in range(CHUNKS_MAX):
        if at + 12 > len(content):
            raise _damaged("it ends too early")
        length, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(content):
            raise _damaged("it ends too early")
        if zlib.crc32(content[at + 4 : end - 4]) != int.from_bytes(content[end - 4 : end]):
            raise _damaged("a checksum in it is wrong")
        yield kind, content[at + 8 : end - 4]
        at = end
        if kind == b"IEND":
            if at != len(content):
                raise _damaged("something follows its end")
            return
    raise _damaged(f"it has more than {CHUNKS_MAX:,} parts")


class _Inflating:
    """The pixels as they come, counted and thrown away: a small file can say that it is a large one."""

    def __init__(self, wanted: int) -> None:
        self._left = wanted
        self._stream = zlib.decompressobj()

    def take(self, data: bytes) -> None:
        """The next piece. Raises PassImageInvalid where it is more than the header says."""
        while True:
            try:
                found = self._stream.decompress(data, _AT_ONCE)
            except zlib.error as error:
                raise _damaged("its pixels cannot be read") from error
            self._left -= len(found)
            if self._left < 0:
                raise _damaged("it has more pixels than its header says")
            data = self._stream.unconsumed_tail
            if not data and len(found) < _AT_ONCE:
                return

    def check_whole(self) -> None:
        """Raises PassImageInvalid where there were fewer."""
        if self._left or not self._stream.eof:
            raise _damaged("it has fewer pixels than its header says")
        if self._stream.unused_data:
            raise _damaged("it has more pixels than its header says")


class Room(NamedTuple):
    """In points, what a wallet shows of an image at most; `is_square` where it may not be much longer than wide."""

    width: int
    height: int
    is_square: bool = False


# Apple, "Pass Design and Creation" (archived), which has icons of 29 points; a little more is scaled down. Google asks
# for a hero of 1032 x 336 pixels.
ROOMS = {
    ImageRole.ICON: Room(40, 40, is_square=True),
    ImageRole.LOGO: Room(160, 50),
    ImageRole.STRIP: Room(375, 144),
    ImageRole.THUMBNAIL: Room(90, 90),
    ImageRole.HERO: Room(1_032, 336),
}
# A square may be that much longer than wide: artwork is seldom cut to the pixel.
_SQUARE_PERCENT = 10


def fault_of(image: Image) -> str:
    """What is wrong with the size of an image for what it is for; empty: nothing."""
    room = ROOMS[image.role]
    width, height = room.width * image.scale, room.height * image.scale
    called, is_so = f"the {image.role.lower()}", f"is {image.width} x {image.height} pixels"
    if image.width > width or image.height > height:
        return f"{called} {is_so}; at scale {image.scale} make it one of at most {width} x {height}"
    short, long = sorted((image.width, image.height))
    if room.is_square and long * 100 > short * (100 + _SQUARE_PERCENT):
        return f"{called} {is_so}; make it a square"
    return ""
