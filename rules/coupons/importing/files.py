"""Parts a file into its lines, and each into its fields: as it comes, with no more in hand than a line."""

import csv
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import DecodeError, json

# Nothing that a line may say takes a tenth of it.
LINE_BYTES_MAX = 4_096

FIELDS = ("code", "customer", "balance_minor", "last_day")
_BOM = b"\xef\xbb\xbf"


class Flaw(NamedTuple):
    """Why a line cannot be taken: a word of the contract, and a sentence that holds nothing of the line."""

    reason: str
    message: str


class BadLine(NamedTuple):
    """A line that cannot be taken, by its number from 1, the header counted."""

    line: int
    reason: str
    message: str


class RawLine(NamedTuple):
    """What a line says, as it says it; empty where it does not."""

    number: int
    code: str
    customer: str = ""
    balance_minor: str = ""
    last_day: str = ""


TOO_LONG = Flaw("TOO_LONG", f"The line has more than {LINE_BYTES_MAX:,} bytes.")
NOT_UTF8 = Flaw("MALFORMED", "The line is not UTF-8.")
NOT_CLOSED = Flaw("MALFORMED", "The quotes of the line do not match; what is quoted ends in its line.")
NO_OBJECT = Flaw("MALFORMED", "The line is no JSON object whose values are texts, and whole numbers for balances.")
NO_CODE = Flaw("MALFORMED", "There is no field code.")
NOT_AS_HEADER = Flaw("MALFORMED", "The line has more or fewer fields than the header.")
UNKNOWN_FIELD = Flaw("UNKNOWN_FIELD", f"A field is none of {', '.join(FIELDS)}.")


class Csv:
    """Lines of comma-separated values, the first with the names of the fields, in capital letters or small ones. A
    quoted field ends in its line: nothing that a line may say has line ends in it, and a quote that somebody forgot to
    close costs that line and no other.

    `lines` counts those behind the header that are not empty. Where the header cannot be used, it is the one bad line,
    and no other is read.
    """

    def __init__(self) -> None:
        self.lines = 0
        self._columns: Sequence[str] | None = None
        self._is_usable = True

    def take(self, number: int, line: bytes | None) -> RawLine | BadLine | None:
        """What a line says; None: nothing. A line of None was too long to be kept."""
        if line is not None and not line.strip():
            return None
        row = _fields(line)
        if self._columns is None:
            return self._header(number, row)
        self.lines += 1
        if not self._is_usable:
            return None
        if isinstance(row, Flaw):
            return BadLine(number, *row)
        if len(row) != len(self._columns):
            return BadLine(number, *NOT_AS_HEADER)
        return RawLine(number, **dict(zip(self._columns, row, strict=True)))

    def _header(self, number: int, row: Sequence[str] | Flaw) -> BadLine | None:
        names = () if isinstance(row, Flaw) else [name.lower() for name in row]
        said = row.message if isinstance(row, Flaw) else _header_fault(names)
        self._columns, self._is_usable = names, said is None
        return None if said is None else BadLine(number, "HEADER_INVALID", said)


class Ndjson:
    """Lines of which each is a JSON object. `lines` counts those that are not empty."""

    def __init__(self) -> None:
        self.lines = 0

    def take(self, number: int, line: bytes | None) -> RawLine | BadLine | None:
        """What a line says; None: it is empty. A line of None was too long to be kept."""
        if line is not None and not line.strip():
            return None
        self.lines += 1
        found = TOO_LONG if line is None else _object(line)
        return BadLine(number, *found) if isinstance(found, Flaw) else RawLine(number, **found)


class File:
    """A CSV or NDJSON file on its way. `number` is that of its last line, `bytes` how long it is by now."""

    def __init__(self, form: str) -> None:
        self.number = self.bytes = 0
        self._form: Csv | Ndjson = Csv() if form == "CSV" else Ndjson()
        self._rest = b""
        self._is_cut = False

    @property
    def lines(self) -> int:
        """How many lines it has but for its header and empty ones."""
        return self._form.lines

    def read(self, data: bytes) -> list[RawLine | BadLine]:
        """What is said in the lines that end in the next bytes of the file."""
        self.bytes += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [one for line in lines if (one := self._line(line)) is not None]
        if len(self._rest) > LINE_BYTES_MAX:
            # What is left of it is not kept: it may be all that is left of the file.
            self._rest, self._is_cut = b"", True
        return found

    def end(self) -> list[RawLine | BadLine]:
        """The same of a last line that did not end."""
        last = self._line(self._rest) if self._rest or self._is_cut else None
        return [] if last is None else [last]

    def _line(self, line: bytes) -> RawLine | BadLine | None:
        if not self.number:
            line = line.removeprefix(_BOM)
        self.number += 1
        is_whole, self._is_cut = not self._is_cut and len(line) <= LINE_BYTES_MAX, False
        return self._form.take(self.number, line if is_whole else None)


def _fields(line: bytes | None) -> Sequence[str] | Flaw:
    if line is None:
        return TOO_LONG
    try:
        text = line.decode().removesuffix("\r")
        row = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
    except UnicodeDecodeError:
        return NOT_UTF8
    except csv.Error:
        return NOT_CLOSED
    return [field.strip() for field in row]


def _header_fault(names: Sequence[str]) -> str | None:
    """What is wrong with it, by the places of its fields: where a header is missing, its first line holds a code."""
    known = f"{', '.join(FIELDS[:-1])} and {FIELDS[-1]}"
    if names[0].startswith("{"):
        return "The file begins with a JSON object: it is NDJSON, and no CSV."
    if not set(names) & set(FIELDS):
        for separator, called in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if {name.strip() for name in names[0].split(separator)} & set(FIELDS):
                return f"The fields are parted by {called}; commas are wanted."
        return f"Is the header missing? The first line names the fields, of {known}; this one names none of them."
    unknown = [str(place) for place, name in enumerate(names, 1) if name not in FIELDS]
    if unknown:
        return f"Of the header's fields, number {', '.join(unknown)} is none of {known}."
    if "code" not in names:
        return "The header names no field code."
    return "The header names a field twice." if len(set(names)) < len(names) else None


def _object(line: bytes) -> dict[str, str] | Flaw:
    try:
        found = json.decode(line)
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return NO_OBJECT
    if not isinstance(found, dict):
        return NO_OBJECT
    given = {name: value for name, value in found.items() if value is not None}
    if not given.keys() <= set(FIELDS):
        return UNKNOWN_FIELD
    if type(given.get("balance_minor")) is int:
        given["balance_minor"] = str(given["balance_minor"])
    if not all(isinstance(value, str) for value in given.values()):
        return NO_OBJECT
    return {name: value.strip() for name, value in given.items()} if "code" in given else NO_CODE
