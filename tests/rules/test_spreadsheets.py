"""What a spreadsheet would run is marked, whatever stands before it, and the mark can be taken off again."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.spreadsheets import MARK, defused, restored

# What spreadsheets pass over, and what makes them run a cell: by the classes of Unicode, not by our own list.
RUN = "=+-@|%"
PASSED = [c for c in map(chr, range(0x3001)) if unicodedata.category(c) in ("Cc", "Zs", "Zl", "Zp") or c.isspace()]
PASSED += ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u202e", "\u00ad", "\u3164"]
ANY_RUN = [c for c in map(chr, range(0x20, 0xD800)) if unicodedata.normalize("NFKC", c)[:1] in RUN]
ANY_RUN += [c for c in map(chr, range(0xE000, 0x10000)) if unicodedata.normalize("NFKC", c)[:1] in tuple(RUN)]

TEXTS = st.text(st.one_of(st.sampled_from([*RUN, *PASSED, "'", '"', "a", "1"]), st.characters()), max_size=12)


@given(TEXTS)
@example("'")
@example("''=1")
@example("'=1")
@example("\t")
def test_whatever_the_text_the_cell_does_not_run_and_can_be_read_back(text: str) -> None:
    """A guard that loses what was written would make the file worthless as evidence."""
    cell = defused(text)
    assert cell in (text, MARK + text)
    assert restored(cell) == text
    assert defused(cell) == (MARK + cell if cell != text else text)


@given(st.lists(st.sampled_from(PASSED), max_size=6), st.sampled_from(ANY_RUN), TEXTS)
def test_nothing_that_may_stand_before_a_formula_hides_it(before: list[str], run: str, rest: str) -> None:
    """Spaces, marks without a width and the forms of other scripts are what attackers try next."""
    assert defused("".join(before) + run + rest).startswith(MARK)


@pytest.mark.parametrize(
    "text", ["\tx", "\rx", "\nx", " \t", "\ufeff\n", "=1+1", "@SUM(A1)", "|calc", "%0", "-2+3", "\uff1d1"]
)
def test_what_begins_a_formula_or_a_cell_is_marked(text: str) -> None:
    """TAB, CR and LF begin another cell where the quotes are not believed."""
    assert defused(text) == MARK + text


@pytest.mark.parametrize(
    "text", ["", "Purchase till-71 of €12.50: 12 points", "a=1", "'tis", "1-2", "programs/coffee", " x"]
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    """A mark before every text would teach people to strip marks."""
    assert defused(text) == text
