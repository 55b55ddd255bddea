"""Files of codes: whatever is in them and in whatever pieces they come, each line is read as it stands."""

import csv
import io
import json
import random
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rules.coupons.importing import lines
from rules.coupons.importing.files import LINE_BYTES_MAX, BadLine, File, RawLine
from rules.coupons.importing.lines import Line
from rules.coupons.terms import Benefit, Terms

PRAGUE = ZoneInfo("Europe/Prague")
NOW = datetime(2026, 5, 1, tzinfo=UTC)
GIFT = Terms(Benefit.BALANCE, amount_minor=500, currency_code="EUR")
PLAIN = Terms(Benefit.FREE_SHIPPING)
HEADER = b"code,customer,balance_minor,last_day\n"


def read(data: bytes, form: str = "CSV", piece: int = 0) -> tuple[list[RawLine | BadLine], File]:
    """What a file says that comes in pieces of a size, and the file."""
    file = File(form)
    found = []
    for start in range(0, len(data), piece or len(data) or 1):
        found += file.read(data[start : start + (piece or len(data))])
    return found + file.end(), file


def told(data: bytes, form: str = "CSV") -> list[Any]:
    """The codes of the lines that can be read, and of others the number and the reason."""
    return [one.code if isinstance(one, RawLine) else (one.line, one.reason) for one in read(data, form)[0]]


def test_a_file_is_read_as_the_csv_module_reads_it_whole_in_whatever_pieces_it_comes() -> None:
    """Spreadsheets quote as they like, and the network cuts where it likes."""
    chance = random.Random(11)
    for _ in range(200):
        rows = [[_text(chance) for _ in range(4)] for _ in range(chance.randrange(8))]
        written = io.StringIO(newline="")
        ends = chance.choice(["\n", "\r\n"])
        quoting: Any = chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        csv.writer(written, lineterminator=ends, quoting=quoting).writerows([*csv.reader([HEADER.decode()]), *rows])
        text = written.getvalue()
        data = chance.choice([b"", b"\xef\xbb\xbf"]) + text.encode()
        data = data if chance.random() < 0.5 else data.removesuffix(ends.encode())
        whole = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1:]
        expected = [[field.strip() for field in row] for row in whole if any(field.strip() for field in row)]
        found, file = read(data, piece=chance.choice([1, 3, 7, 10_000]))
        said = [list(one[1:]) for one in found if isinstance(one, RawLine)]
        assert [row for row in said if any(row)] == expected, data
        assert len(found) == file.lines


def _text(chance: random.Random) -> str:
    return "".join(chance.choice(["a", "Ř", ",", '"', " ", "4", ";"]) for _ in range(chance.randrange(5)))


@pytest.mark.parametrize("piece", [1, 2, 5, 1_000])
def test_numbers_are_those_that_an_editor_shows(piece: int) -> None:
    """Whoever corrects the file goes to that line: empty ones are counted too."""
    data = b'code\n\nAAAA\n"BBBB\nCCCC,1\n\xff\xff\nDDDD'
    found, file = read(data, piece=piece)
    assert [one[0] for one in found] == [3, 4, 5, 6, 7]
    assert [type(one) for one in found] == [RawLine, BadLine, BadLine, BadLine, RawLine]
    assert (file.lines, file.number, file.bytes) == (5, 7, len(data))


def test_a_line_that_cannot_be_read_is_named_and_those_behind_it_are_read() -> None:
    """A million good lines need not be sent again for one."""
    assert told(HEADER + b"AAAA,,,\nBBBB\nCCCC,,,,\nDDDD,,,\n") == ["AAAA", (3, "MALFORMED"), (4, "MALFORMED"), "DDDD"]
    assert told(b'code\n"AAAA"x\nBBBB\n') == [(2, "MALFORMED"), "BBBB"]
    assert told(b"code\nAA\x80AA\nBBBB") == [(2, "MALFORMED"), "BBBB"]
    assert told(b"code\nAA\rAA\nBBBB\r\n") == ["AA\rAA", "BBBB"]


def test_a_quote_that_is_not_closed_costs_its_own_line_and_no_other() -> None:
    """Else hundreds of good codes behind it are lost as one bad line, and nobody hears of them."""
    good = [f"BBBB{number:04}" for number in range(500)]
    found, file = read(b'code\n"AAAA\n' + "\n".join(good).encode())
    assert [one if isinstance(one, BadLine) else one.code for one in found[1:]] == good
    assert found[0][:2] == (2, "MALFORMED")
    assert "quotes" in found[0][2]
    assert file.lines == 501


@pytest.mark.parametrize("form", ["CSV", "NDJSON"])
@pytest.mark.parametrize("piece", [1_000, 1 << 20])
def test_a_line_without_end_is_one_bad_line_and_is_not_kept(form: str, piece: int) -> None:
    """A gigabyte without a line end is an attack, or another file."""
    start = b"code\n" if form == "CSV" else b""
    good = b"AAAA" if form == "CSV" else b'{"code": "AAAA"}'
    found, file = read(start + b"x" * 300_000 + b"\n" + good, form, piece)
    assert [(type(one), one[0]) for one in found] == [(BadLine, file.number - 1), (RawLine, file.number)]
    assert read(start + b"x" * 300_000, form, piece)[0][0][1] == "TOO_LONG"


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"code,colour,customer,size", "number 2, 4 is none of code, customer"),
        (b"customer", "no field code"),
        (b"code,CODE", "a field twice"),
        (b"\xff", "not UTF-8"),
        (b'"code', "quotes"),
        (b"code;customer", "semicolons; commas are wanted"),
        (b"Customer\tCode", "tabs; commas are wanted"),
        (b"AAAA-1111,ada", "header missing"),
        (b'{"code": "AAAA-1111"}', "NDJSON"),
        (b"x" * (LINE_BYTES_MAX + 1), "more than"),
    ],
)
def test_where_the_header_cannot_be_used_it_is_the_one_bad_line(header: bytes, said: str) -> None:
    """What the fields of the others mean nobody knows, and a report of a million equal lines helps nobody. What stands
    in it may be a code, and is not repeated."""
    found, file = read(header + b"\nAAAA,x\nBBBB\n")
    assert [(one[0], one[1]) for one in found] == [(1, "HEADER_INVALID")]
    assert said in found[0][2]
    assert not {"AAAA", "colour", "xxx"} & set(re.findall("[A-Za-z]+", found[0][2]))
    assert file.lines == 2


def test_fields_may_stand_in_any_order_and_be_left_out() -> None:
    """A file with nothing but codes is the usual one, and spreadsheets write capital letters."""
    assert read(b"Last_Day, CODE\n2026-01-01, AAAA \n")[0] == [RawLine(2, "AAAA", last_day="2026-01-01")]
    assert read(b'{"last_day": "2026-01-01", "customer": null, "balance_minor": 7, "code": "AAAA"}', "NDJSON")[0] == [
        RawLine(1, "AAAA", "", "7", "2026-01-01")
    ]


@pytest.mark.parametrize("form", ["CSV", "NDJSON"])
def test_a_file_without_lines_says_nothing(form: str) -> None:
    """It is no error to read."""
    for data in (b"", b"\n\r\n", b"\xef\xbb\xbf"):
        found, file = read(data, form)
        assert (found, file.lines) == ([], 0)


def test_an_object_a_line_is_read_by_its_names_and_all_else_is_no_object() -> None:
    """Of whatever kind it is."""
    bad = [b"[]", b"1", b"nope", b'{"code": 1}', b'{"customer": "ada"}', b'{"code": "A", "balance_minor": 1.5}']
    bad += [b'{"code": "A", "balance_minor": true}', b'{"code": "A", "last_day": {}}', b"[" * 4_000, b"\xff"]
    data = b"\n".join([*bad, b'{"code": "A", "AAAABBBB": 1}', b' {"code": "AAAA"}\r'])
    found, file = read(data, "NDJSON")
    assert [one[1] for one in found] == ["MALFORMED"] * len(bad) + ["UNKNOWN_FIELD", "AAAA"]
    assert file.lines == len(bad) + 2
    assert "AAAABBBB" not in str(found)


def _line(terms: Terms = GIFT, **given: str) -> Line | BadLine:
    raw = RawLine(7, given.pop("code", "AAAA-BBBB"), **given)
    return lines.read(raw, "coffee", terms, PRAGUE, NOW)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"code": ""}, "CODE_MALFORMED"),
        ({"code": "AAA"}, "CODE_MALFORMED"),
        ({"code": "ÄÄÄÄ"}, "CODE_MALFORMED"),
        ({"balance_minor": "0"}, "BALANCE_INVALID"),
        ({"balance_minor": "-1"}, "BALANCE_INVALID"),
        ({"balance_minor": "12.50"}, "BALANCE_INVALID"),
        ({"balance_minor": "1000000000001"}, "BALANCE_INVALID"),
        ({"balance_minor": "1" * 3_000}, "BALANCE_INVALID"),
        ({"balance_minor": "٣"}, "BALANCE_INVALID"),
        ({"balance_minor": "5", "terms": PLAIN}, "BALANCE_INVALID"),
        ({"last_day": "2026-02-30"}, "DAY_INVALID"),
        ({"last_day": "20260228"}, "DAY_INVALID"),
        ({"last_day": "1969-12-31"}, "DAY_INVALID"),
        ({"last_day": "9999-12-31"}, "DAY_INVALID"),
        ({"last_day": "tomorrow"}, "DAY_INVALID"),
    ],
)
def test_what_a_line_may_not_say_is_named(given: Any, reason: str) -> None:
    """By a word for programs, and a sentence for people in which no code stands."""
    found = _line(**given)
    assert isinstance(found, BadLine)
    assert (found.line, found.reason) == (7, reason)
    assert "AAAA" not in found.message


def test_a_line_says_what_its_coupon_is() -> None:
    """What it does not say is as the campaign has it."""
    found = _line(balance_minor="1000000000000", last_day="2026-05-31", customer="ada")
    assert isinstance(found, Line)
    assert (found.code.text, found.customer, found.balance_minor) == ("AAAABBBB", "ada", 1_000_000_000_000)
    assert found.expires_at == datetime(2026, 5, 31, 22, tzinfo=UTC)
    plain = _line(PLAIN)
    assert isinstance(plain, Line)
    assert (plain.customer, plain.balance_minor, plain.expires_at) == ("", None, None)
    assert isinstance(gift := _line(), Line)
    assert gift.balance_minor == 500


def test_a_coupon_for_somebody_ends_with_their_days_or_the_line_whichever_is_first() -> None:
    """As if it had been assigned now."""
    weekly = Terms(Benefit.FREE_SHIPPING, days_from_assignment=7)
    ends = [_line(weekly, customer="ada"), _line(weekly, customer="ada", last_day="2026-05-03"), _line(weekly)]
    ends.append(_line(weekly, customer="ada", last_day="2026-06-30"))
    found = [one.expires_at for one in ends if isinstance(one, Line)]
    days = [None if at is None else at.astimezone(PRAGUE).date().isoformat() for at in found]
    assert days == [days[0], "2026-05-04", None, days[0]]
    assert found[0] is not None


def test_ndjson_is_read_as_json_reads_it_line_by_line() -> None:
    """Any text that JSON can write, in any pieces."""
    chance = random.Random(12)
    for _ in range(100):
        objects = [{"code": _text(chance), "customer": _text(chance)} for _ in range(chance.randrange(6))]
        data = "\n".join(json.dumps(one, ensure_ascii=chance.random() < 0.5) for one in objects).encode()
        found, _ = read(data, "NDJSON", chance.choice([1, 4, 1_000]))
        assert [(one[1], one[2]) for one in found] == [
            (one["code"].strip(), one["customer"].strip()) for one in objects
        ]
