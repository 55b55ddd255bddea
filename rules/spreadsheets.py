"""Texts in cells of a spreadsheet: what it would run is marked, so that it is shown instead.

Spreadsheets take a cell for a formula, or for a command, by how it begins; quotes do not stop them. They pass over
spaces, marks without a width and the like, and some read the forms of other scripts as the letter they stand for.
"""

import re

# What is passed over: spaces of all kinds, controls, marks without a width, and the mark itself.
_PASSED = "'\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
_PASSED += "\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f"
# What makes it run: = + - @ | %, in their full-width, small and other forms; TAB, CR and LF by themselves.
_RUN = "=+\\-@|%\uff1d\uff0b\uff0d\uff20\uff5c\uff05\ufe66\ufe62\ufe63\ufe6b\ufe6a"
_RUN += "\u207a-\u207c\u208a-\u208c\u2212\u2a75\u2a76\ufb29"
_RUNS = re.compile(f"[{_PASSED}]*[{_RUN}\t\r\n]")
_SUSPECT = re.compile(f"[{_PASSED}{_RUN}\t\r\n]")

MARK = "'"


def runs(text: str) -> bool:
    """Whether a spreadsheet might run it, or would take it for one that was marked."""
    return _RUNS.match(text) is not None


def defused(text: str) -> str:
    """The text of a cell: the same, with a mark before it where it `runs`. Of numbers nothing is asked: they are to be
    written as numbers."""
    # Nearly all texts begin with such a letter.
    if not text or (text[0].isascii() and text[0].isalnum()) or _SUSPECT.match(text) is None:
        return text
    return MARK + text if runs(text) else text


def restored(cell: str) -> str:
    """What a cell's text was before it was `defused`."""
    return cell[1:] if cell.startswith(MARK) and runs(cell[1:]) else cell
