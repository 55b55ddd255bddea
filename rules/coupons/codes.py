"""Codes of coupons: what of what people type is compared, how codes are made, and how many bear being guessed at.

A code is 4 to 40 of A-Z and 0-9. Made codes are of the 30 symbols that nobody takes for each other, and mostly end with
a check symbol: Luhn's, modulo 30.
"""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from rules.coupons.refusals import CodeMalformed, KeyspaceTooSmall, PatternInvalid

# Without 0 and O, 1, I and L, U (which is read as V).
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
DEFAULT_PATTERN = "####-####-####@"

# With fewer, everybody finds one by trying; nobody types more.
LENGTH_MIN, LENGTH_MAX = 4, 40
# Of what is typed, separators and all: what is longer was not meant for this field.
TYPED_MAX = 100
# One guess of a million finds a code.
GUESSES = 1_000_000
# Codes drawn at a time: half a megabyte at most, and more at a time are no faster.
DRAWN_MAX = 10_000

_BASE = len(ALPHABET)
_SEPARATORS = b" -_."
_CODE = re.compile(rb"[A-Z0-9]{%d,%d}" % (LENGTH_MIN, LENGTH_MAX))
_UPPER = bytes(range(256)).upper()

# Tables of what becomes of a byte. What a symbol counts, once and double (the sum of the digits that twice it has to
# the base); a symbol of each sum that makes it a multiple of the base; a random byte's symbol, and the bytes that would
# make the first symbols more frequent than the last.
_ONCE = bytes(max(ALPHABET.find(chr(byte)), 0) for byte in range(256))
_TWICE = bytes(sum(divmod(2 * value, _BASE)) for value in _ONCE)
_REMAINDER = bytes(byte % _BASE for byte in range(256))
_COMPLETING = bytes(ord(ALPHABET[-byte % _BASE]) for byte in range(256))
_SYMBOL = bytes(ord(ALPHABET[byte % _BASE]) for byte in range(256))
_UNFAIR = bytes(range(256 - 256 % _BASE, 256))


class Code:
    """A code as it is compared. What is printed, logged or formatted of it is no more than `last_four`; and it is of no
    type that an encoder knows, so that it comes into no message or record by accident."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def last_four(self) -> str:
        """By what a person recognizes it: its last four symbols, and of a short code no more than half."""
        return self.text[-min(4, len(self.text) // 2) :]

    def __repr__(self) -> str:
        return f"•••{self.last_four}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Code) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def normalise(typed: str) -> Code:
    """The code in what somebody typed: upper case, without spaces, `-`, `_` and `.`. Raises CodeMalformed."""
    # What is no ASCII is refused first: upper case would make an I of a Turkish i, and SS of an ß.
    if len(typed) > TYPED_MAX or not typed.isascii():
        raise CodeMalformed(shortest=LENGTH_MIN, longest=LENGTH_MAX)
    text = typed.encode().translate(_UPPER, _SEPARATORS)
    if not _CODE.fullmatch(text):
        raise CodeMalformed(shortest=LENGTH_MIN, longest=LENGTH_MAX)
    return Code(text.decode())


class Pattern(NamedTuple):
    """How a campaign's codes look: `#` is a random symbol, `@` the check symbol at the end, `-` parts the groups in
    which a code is shown, and A-Z and 0-9 stand for themselves. Made by `parse`."""

    text: str = DEFAULT_PATTERN

    @classmethod
    def parse(cls, text: str) -> "Pattern":
        """Raises PatternInvalid."""
        for what in _faults(text):
            raise PatternInvalid(what=what)
        return cls(text)

    @property
    def symbols(self) -> str:
        """One for each symbol of a code."""
        return self.text.replace("-", "")

    @property
    def random_symbols(self) -> int:
        """How many are random."""
        return self.text.count("#")

    @property
    def keyspace(self) -> int:
        """How many different codes there are."""
        return int(_BASE**self.random_symbols)

    @property
    def has_check_symbol(self) -> bool:
        """Whether its codes end with one."""
        return self.text.endswith("@")

    def shown(self, code: Code) -> str:
        """The code in its groups; one of another length, which was imported, as it is."""
        if len(code.text) != len(self.symbols):
            return code.text
        left = iter(code.text)
        return "".join("-" if symbol == "-" else next(left) for symbol in self.text)


def check_symbol_is_right(code: Code, pattern: Pattern) -> bool:
    """Whether somebody who typed a code of that pattern typed it right, as far as its check symbol tells."""
    return not pattern.has_check_symbol or carries_right_check_symbol(code)


def carries_right_check_symbol(code: Code) -> bool:
    """The same of a code that is known to end with a check symbol, whatever its pattern is.

    All of the code is covered: every second symbol, from the one before the last, counts double. One that the alphabet
    lacks, as literals may be, has its place and counts nothing, as 2 does. So it finds each symbol of the alphabet that
    became another, each that became one outside it but for a 2, and any two neighbours of the alphabet that changed
    places but for 2 and Z.
    """
    text = code.text.encode()
    total = sum(text[-1::-2].translate(_ONCE)) + sum(text[-2::-2].translate(_TWICE))
    return total % _BASE == 0 and code.text[-1] in ALPHABET


def check_density(pattern: Pattern, existing: int, wanted: int) -> None:
    """Raises KeyspaceTooSmall where so many more codes, beside those `existing` of this pattern, could be found by
    guessing. Nobody has them yet: until one is assigned, whoever knows it may use it."""
    needed = (existing + wanted) * GUESSES
    if needed > pattern.keyspace:
        enough = next(symbols for symbols in range(LENGTH_MAX) if _BASE**symbols >= needed)
        allowed, keyspace = pattern.keyspace // GUESSES, pattern.keyspace
        raise KeyspaceTooSmall(existing=existing, wanted=wanted, keyspace=keyspace, allowed=allowed, enough=enough)


def make(pattern: Pattern, count: int) -> list[str]:
    """So many codes, no two the same, as `normalise` has their text; from the system's own source of randomness."""
    assert count <= pattern.keyspace
    made: dict[str, None] = {}
    while len(made) < count:
        made.update(dict.fromkeys(_drawn(pattern.symbols, min(count - len(made), DRAWN_MAX))))
    return list(made)


def _drawn(symbols: str, count: int) -> list[str]:
    """Codes that may be the same. Made a column at a time, a million take half a second."""
    width = len(symbols)
    rows = bytearray(symbols.encode() * count)
    for place, symbol in enumerate(symbols):
        if symbol == "#":
            rows[place::width] = _random_symbols(count)
    if symbols.endswith("@"):
        rows[width - 1 :: width] = _check_symbols(rows, width, count)
    text = rows.decode()
    return [text[start : start + width] for start in range(0, len(text), width)]


def _random_symbols(count: int) -> bytes:
    drawn = b""
    while len(drawn) < count:
        drawn += os.urandom(2 * (count - len(drawn))).translate(_SYMBOL, _UNFAIR)
    return drawn[:count]


def _check_symbols(rows: bytearray, width: int, count: int) -> bytes:
    sums = bytes(count)
    for place in range(width - 1):
        counted = rows[place::width].translate(_TWICE if (width - place) % 2 == 0 else _ONCE)
        # Two columns as two large numbers: what is below the base never carries into the next byte.
        added = int.from_bytes(sums) + int.from_bytes(counted)
        sums = added.to_bytes(count).translate(_REMAINDER)
    return sums.translate(_COMPLETING)


def _faults(text: str) -> Iterator[str]:
    """What is wrong with the text of a pattern, the first of it first."""
    if wrong := re.search(r"[^A-Z0-9#@-]", text):
        # By its place: a control character would be obeyed by terminals.
        yield f"what stands at place {wrong.start() + 1} is none of A-Z, 0-9, # for random, @ for check and -"
    if not re.fullmatch(r"[^-]+(-[^-]+)*", text):
        yield "a - stands between two symbols; at an end, or beside another, it parts nothing"
    symbols = text.replace("-", "")
    if not LENGTH_MIN <= len(symbols) <= LENGTH_MAX:
        yield f"a code has {LENGTH_MIN} to {LENGTH_MAX} symbols; this one would have {len(symbols)}"
    if "#" not in symbols:
        yield "no symbol is random; write # for each that is"
    if "@" in symbols[:-1]:
        yield "@ is the check symbol: one, and the last"
