"""Ids made by us: UUIDv7 inside (RFC 9562), so that keys grow with time; TypeIDs outside, so that a reader sees of
what."""

import random
import time
from uuid import UUID

# Crockford's base 32, as the TypeID specification 0.3 has it.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 26
_FIFTY = (1 << 50) - 1

# Of the 62 bits of chance, those that count where many are made at once; the others tell makers apart.
COUNTED_MAX = 1 << 20


def new_uuid() -> UUID:
    """A fresh UUIDv7: later ones of this process are greater."""
    return UUID(int=_fresh())


def new_uuid_text() -> str:
    """The same as text, for where it is only written: the hot path makes thousands a second."""
    digits = f"{_fresh():032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def new_uuids(count: int) -> range:
    """As many at once, as numbers, each greater than the one before: their last bits count. Cheap where a million are
    made, and as many as COUNTED_MAX at most."""
    assert count <= COUNTED_MAX
    first = _fresh() & -COUNTED_MAX
    return range(first, first + count)


_last = 0


def _fresh() -> int:
    # 48 bits of milliseconds, 12 of their 4096ths (RFC 9562, 6.2, method 3), 62 of chance. A clock that is read twice
    # in one step counts on: acts of one transaction keep their order. Ids must differ, not be hard to guess: no id
    # opens anything, so the process's own generator serves.
    global _last
    nanoseconds = time.time_ns()
    stamp = (nanoseconds // 1_000_000 << 12) | (nanoseconds % 1_000_000 * 4096 // 1_000_000)
    _last = stamp = max(stamp, _last + 1)
    high = (stamp >> 12 << 16) | 0x7000 | (stamp & 0xFFF)
    return (high << 64) | 0x8000_0000_0000_0000 | random.getrandbits(62)


def typeid(prefix: str, value: int) -> str:
    """`prefix_` and 26 letters that sort as the 128 bits of the uuid do."""
    # Ten letters at a time: shifting a number of 128 bits thirteen times costs more than it says.
    high, middle, low = value >> 100, value >> 50 & _FIFTY, value & _FIFTY
    return f"{prefix}_{_letters(high)[4:]}{_letters(middle)}{_letters(low)}"


def _letters(value: int) -> str:
    """The ten letters of fifty bits."""
    return (
        _PAIRS[value >> 40]
        + _PAIRS[value >> 30 & 0x3FF]
        + _PAIRS[value >> 20 & 0x3FF]
        + _PAIRS[value >> 10 & 0x3FF]
        + _PAIRS[value & 0x3FF]
    )


def parse_typeid(prefix: str, text: str) -> UUID | None:
    """The uuid inside, or None where `text` is no TypeID of that prefix."""
    start, _, letters = text.rpartition("_")
    if start != prefix or len(letters) != _LENGTH or letters[0] > "7":
        return None
    value = 0
    for letter in letters:
        if letter not in _VALUES:
            return None
        value = value << 5 | _VALUES[letter]
    return UUID(int=value)
