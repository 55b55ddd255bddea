"""Codes of coupons: typed in any way and compared in one, checked by themselves, made by the million, never shown."""

import json
import re
import traceback
from collections import Counter
from typing import Any, NamedTuple

import msgspec
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from rules.coupons.codes import (
    ALPHABET,
    DEFAULT_PATTERN,
    Code,
    Pattern,
    carries_right_check_symbol,
    check_density,
    check_symbol_is_right,
    make,
    normalise,
)
from rules.coupons.refusals import CodeMalformed, KeyspaceTooSmall, PatternInvalid

SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
DEFAULT = Pattern.parse(DEFAULT_PATTERN)
# With each symbol that the alphabet lacks, and two that count nothing or most.
LITERALS = Pattern.parse("0OU1IL2-##-Z0#U-####-LI#@")
TEXTS = st.text(SYMBOLS, min_size=4, max_size=40)
MADE = st.sampled_from([DEFAULT, LITERALS, Pattern.parse("AB#@")]).map(lambda pattern: make(pattern, 1)[0])
# A code that no test prints by chance.
SECRET = "SUMMER7XKQWM"


@given(TEXTS, st.data())
def test_a_code_is_the_same_in_whatever_groups_and_case_it_is_typed(text: str, data: st.DataObject) -> None:
    """People read it from paper and from a phone, and copy it with what stands around it."""
    parts = data.draw(st.lists(st.sampled_from(["", " ", "-", "_", "."]), min_size=len(text), max_size=len(text)))
    cases = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    typed = "".join(
        part + (symbol.lower() if is_lower else symbol)
        for part, symbol, is_lower in zip(parts, text, cases, strict=True)
    )
    assert normalise(typed) == Code(text)
    assert normalise(typed).text == text


@given(st.text())
def test_whatever_is_typed_is_a_code_of_plain_symbols_or_none(typed: str) -> None:
    """Two codes that look the same and are not would be one customer's loss and another's luck."""
    try:
        code = normalise(typed)
    except CodeMalformed:
        return
    assert re.fullmatch(r"[A-Z0-9]{4,40}", code.text, re.ASCII)
    assert code.text == typed.translate(str.maketrans("", "", " -_.")).upper()
    assert typed.isascii()


@pytest.mark.parametrize(
    "typed",
    [
        *("", "   ", "----", "AB2", "A-B-2", "A" * 41, "A" * 1_000_000, "ABCD" + " " * 100),
        *("ABCD\0", "ABCD\n", "ABCD\u00a0EFGH", "ABCD\u200bEFGH", "ABCD\u2013EFGH", "ABCD+EFGH", "ABCD'--", "ABCD%"),
        # Full-width and Arabic digits, a dotless i, a long s, a ligature, a Kelvin sign, half of a pair.
        *("\uff21\uff22\uff23\uff11", "ABC\u0661", "\u0131ABC", "\u017fABC", "\ufb01AB", "\u00dfABC", "\u212aABC"),
        "ABCD\ud800",
    ],
    ids=ascii,
)
def test_what_is_no_code_is_refused(typed: str) -> None:
    """Also what becomes one by upper case: whoever sends it is no till and no customer."""
    with pytest.raises(CodeMalformed):
        normalise(typed)


@pytest.mark.parametrize("typed", [SECRET + "!", SECRET + "\u0131", SECRET * 4])
def test_a_refusal_says_nothing_of_what_was_typed(typed: str) -> None:
    """A code with a slip in it is still nearly a code, and refusals are logged and answered."""
    with pytest.raises(CodeMalformed) as refused:
        normalise(typed)
    assert refused.value.facts == {"shortest": "4", "longest": "40"}
    said = "".join(traceback.format_exception(refused.value))
    assert SECRET not in said + repr(refused.value) + str(refused.value.__context__)


class _Asked(NamedTuple):
    code: Code
    codes: tuple[Code, ...]


def test_a_code_is_shown_by_its_last_four_symbols_wherever_it_is_printed() -> None:
    """Faults, logs and debuggers print what they are given; nobody remembers to hide it each time."""
    code = Code(SECRET)
    shown = [repr(code), str(code), f"{code}", f"{code!r}", "%s" % code, "{}".format(code)]  # noqa: UP031, UP032
    assert set(shown) == {"•••KQWM"}
    logged = structlog.processors.JSONRenderer()(None, "", {"code": code, "error": ValueError(code)})
    shown_logged = structlog.dev.ConsoleRenderer(colors=False)(None, "", {"event": "x", "code": code})
    told = f"{_Asked(code, (code,))} {[code, code]} {ValueError(code)} {logged!s} {shown_logged}"
    assert SECRET not in told
    assert told.count("KQWM") == 8


@pytest.mark.parametrize("encode", [msgspec.json.encode, msgspec.msgpack.encode, msgspec.to_builtins, json.dumps])
def test_no_encoder_takes_a_code(encode: Any) -> None:
    """Bodies of activities, kept answers and the arguments of tasks are made by these: better a fault than a leak."""
    with pytest.raises(TypeError) as refused:
        encode({"code": Code(SECRET)})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(("text", "last"), [("WXYZ", "YZ"), ("XMAS5", "S5"), ("SUMMER", "MER"), ("SUMMER26", "ER26")])
def test_of_a_short_code_half_is_shown_at_most(text: str, last: str) -> None:
    """The last four of XMAS are the code."""
    assert (Code(text).last_four, repr(Code(text))) == (last, f"•••{last}")


def _value(symbol: str) -> int:
    """What a symbol counts; nothing, where the alphabet lacks it."""
    return max(ALPHABET.find(symbol), 0)


def _sum(text: str) -> int:
    """Luhn's, as textbooks have it: from the right, every second one doubled, and its digits added."""
    doubled = [_value(symbol) * (1 + place % 2) for place, symbol in enumerate(reversed(text))]
    return sum(value // 30 + value % 30 for value in doubled)


@given(TEXTS)
def test_a_check_symbol_is_right_where_luhn_says_so(text: str) -> None:
    """Somebody else's till computes it too."""
    assert carries_right_check_symbol(Code(text)) == (_sum(text) % 30 == 0 and text[-1] in ALPHABET)


@given(MADE)
def test_every_code_that_is_made_with_a_check_symbol_carries_the_right_one(text: str) -> None:
    """One that does not would be refused by ourselves, without a look into the books."""
    assert carries_right_check_symbol(Code(text))
    assert normalise(text) == Code(text)


@given(MADE, st.data())
def test_every_wrong_symbol_is_caught_but_where_both_count_nothing(text: str, data: st.DataObject) -> None:
    """What people do wrong most. 0, 1, I, L, O and U count nothing, as 2 does."""
    place = data.draw(st.integers(0, len(text) - 1))
    wrong = data.draw(st.sampled_from(SYMBOLS))
    typed = text[:place] + wrong + text[place + 1 :]
    is_missed = _value(wrong) == _value(text[place]) and typed[-1] in ALPHABET
    assert carries_right_check_symbol(Code(typed)) == is_missed
    if wrong in ALPHABET and text[place] in ALPHABET:
        assert is_missed == (typed == text)


@given(MADE, st.data())
def test_every_two_neighbours_that_changed_places_are_caught_but_the_first_and_the_last(
    text: str, data: st.DataObject
) -> None:
    """What people do wrong second most: of 870 pairs of the alphabet two are missed, 2Z and Z2."""
    place = data.draw(st.integers(0, len(text) - 2))
    one, other = text[place], text[place + 1]
    typed = text[:place] + other + one + text[place + 2 :]
    is_missed = _value(one) == _value(other) or {_value(one), _value(other)} == {0, 29}
    assert carries_right_check_symbol(Code(typed)) == (is_missed and typed[-1] in ALPHABET)


def test_of_a_pattern_without_a_check_symbol_none_is_asked_for() -> None:
    """Its codes would be turned away, twenty-nine of thirty."""
    wrong = Code("2222222222223")
    assert not check_symbol_is_right(wrong, DEFAULT)
    assert check_symbol_is_right(wrong, Pattern.parse("#############"))
    assert check_symbol_is_right(Code(make(DEFAULT, 1)[0]), DEFAULT)


@pytest.mark.parametrize(
    ("text", "random_symbols", "has_check_symbol", "form"),
    [
        (DEFAULT_PATTERN, 12, True, "[{0}]{{13}}"),
        ("SUMMER-####-####@", 8, True, "SUMMER[{0}]{{9}}"),
        ("#A#0", 2, False, "[{0}]A[{0}]0"),
        ("#" * 40, 40, False, "[{0}]{{40}}"),
    ],
)
def test_codes_are_made_as_their_pattern_says(
    text: str, random_symbols: int, has_check_symbol: bool, form: str
) -> None:
    """What is printed on flyers is designed around it."""
    pattern = Pattern.parse(text)
    assert (pattern.random_symbols, pattern.has_check_symbol) == (random_symbols, has_check_symbol)
    assert pattern.keyspace == 30**random_symbols
    made = make(pattern, 200)
    assert len(made) == len(set(made)) == 200
    assert all(re.fullmatch(form.format(ALPHABET), code) for code in made)
    assert {re.sub("[^-]", "x", pattern.shown(Code(code))) for code in made} == {re.sub("[^-]", "x", text)}
    assert {pattern.shown(Code(code)).replace("-", "") for code in made} == set(made)


def test_an_imported_code_of_another_length_is_shown_as_it_is() -> None:
    """A campaign may have codes of a competitor's beside its own."""
    assert DEFAULT.shown(Code("ABCDEFGH")) == "ABCDEFGH"
    assert DEFAULT.shown(Code("ABCDEFGHJKMNP")) == "ABCD-EFGH-JKMNP"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("SUMMER", "no symbol is random"),
        ("###", "4 to 40 symbols; this one would have 3"),
        ("#" * 41, "4 to 40 symbols; this one would have 41"),
        ("####x", "place 5"),
        ("##\x1b[2J##", "place 3"),
        ("ÄÖÜ#", "place 1"),
        ("####\n", "place 5"),
        ("####@@", "the last"),
        ("##@##", "the last"),
        ("-####", "parts nothing"),
        ("####-", "parts nothing"),
        ("##--##", "parts nothing"),
        ("", "parts nothing"),
    ],
    ids=ascii,
)
def test_a_pattern_that_makes_no_codes_is_refused_with_the_reason(text: str, what: str) -> None:
    """Before a million of them are printed; and nothing of it is repeated that a terminal would obey."""
    with pytest.raises(PatternInvalid, match=what) as refused:
        Pattern.parse(text)
    assert str(refused.value).isprintable()


def test_every_symbol_is_as_frequent_as_any_other_at_every_place() -> None:
    """Of a byte modulo 30 the first sixteen symbols would come an eighth more often, and guessing would pay."""
    made = make(DEFAULT, 100_000)
    counted = Counter(symbol for code in made for symbol in code[:-1])
    # Of so many, one in a hundred thousand million runs is further off than seven standard deviations.
    assert set(counted) == set(ALPHABET)
    assert all(abs(count - 40_000) < 1_380 for count in counted.values())
    assert all(len({code[place] for code in made}) == 30 for place in range(13))
    assert len(set(made)) == 100_000


def test_what_was_drawn_twice_is_drawn_anew() -> None:
    """Down to the last code that there is."""
    assert sorted(make(Pattern.parse("AAA#"), 30)) == [f"AAA{symbol}" for symbol in ALPHABET]


def test_codes_are_refused_where_guessing_would_find_one() -> None:
    """One guess of a million; not a code more."""
    pattern, most = Pattern.parse("########"), 656_100
    check_density(pattern, most - 1, 1)
    with pytest.raises(KeyspaceTooSmall) as refused:
        check_density(pattern, most - 1, 2)
    expected = {"existing": most - 1, "wanted": 2, "keyspace": 30**8, "allowed": most, "enough": 9}
    assert refused.value.facts == {name: str(value) for name, value in expected.items()}
    check_density(Pattern.parse("#########"), most - 1, 2)
