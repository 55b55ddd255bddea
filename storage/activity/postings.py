"""Sets of positions in the log, in blocks: a whole number whose bit 3 says that position 3 of the block is in it.

What two words have in common is one `&`. Kept are few positions as numbers of two bytes, many as the bits themselves,
so that a block is never more than a kilobyte, and stays in its row.
"""

from collections.abc import Iterable, Iterator, Sequence

# Positions of a block: as bits they are a kilobyte, which PostgreSQL does not put elsewhere.
BLOCK = 1 << 13
# Blocks of a segment, 262,144 positions. Words come in no order: those of one segment, some 100 MB, are written in
# memory, and older ones stay as they are. Shorter ones would each be looked into for a word that is seldom.
SEGMENT_BLOCKS = 1 << 5

_BITS_BYTES = BLOCK // 8


def add(kept: bytes, places: Sequence[int]) -> bytes:
    """What is kept of a set once it has further places, in order and behind those it had."""
    if len(kept) == _BITS_BYTES:
        return _with_bits(kept, places)
    longer = kept + b"".join(place.to_bytes(2, "little") for place in places)
    # As many numbers take as much room as the bits.
    return longer if len(longer) < _BITS_BYTES else _with_bits(bytes(_BITS_BYTES), _numbers(longer))


def remove(kept: bytes, places: int) -> bytes:
    """What is kept of a set without some places; nothing where none is left."""
    left = list(each(unpack(kept) & ~places, ascending=True))
    return add(b"", left)


def unpack(kept: bytes) -> int:
    """A set that was kept."""
    return int.from_bytes(kept, "little") if len(kept) == _BITS_BYTES else of(_numbers(kept))


def of(places: Iterable[int]) -> int:
    """The set of these places in a block."""
    return int.from_bytes(_with_bits(bytes(_BITS_BYTES), places), "little")


def each(places: int, ascending: bool) -> Iterator[int]:
    """The places of a set, in order or in reverse."""
    while places:
        place = (places & -places if ascending else places).bit_length() - 1
        yield place
        places ^= 1 << place


def between(first: int, last: int) -> int:
    """The set of all places from one to another, both included; of none where there are none between."""
    return (1 << last + 1) - (1 << first) if last >= first else 0


def _numbers(kept: bytes) -> Iterator[int]:
    return (kept[at] | kept[at + 1] << 8 for at in range(0, len(kept), 2))


def _with_bits(kept: bytes, places: Iterable[int]) -> bytes:
    bits = bytearray(kept)
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)
