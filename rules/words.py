"""Words of a text, as they are looked for: what somebody types, and what it is looked for in, are taken apart alike.

A word is what stands between spaces, without the signs around it and in small letters: in `Purchase till-71 of €12.50:`
these are `purchase`, `till-71`, `of` and `12.50`. It is found as a whole, and `till-71` also by `till` and by `71`; a
number is a whole, `1,250` the same as `1250`. Of a resource name its ids are words.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

# Of longer ones nobody remembers a part: machines make them, and each part would be looked up by nobody.
_PARTED_CHARS_MAX = 32

_BARE = re.compile(r"\w(?:.*\w)?", re.DOTALL)
_PART = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


class TextQuery(NamedTuple):
    """What is looked for: all of the words, and all of the phrases, each as words that follow each other."""

    words: Sequence[str] = ()
    phrases: Sequence[Sequence[str]] = ()


NOTHING = TextQuery()


def in_order(text: str) -> list[str]:
    """The words of a text, one after the other."""
    return list(_whole(unicodedata.normalize("NFKC", text).casefold()))


def found_by(texts: Iterable[str]) -> set[str]:
    """The words by which something is found that has these texts: those in them, and the parts of those."""
    whole = {word for text in texts for word in in_order(text)}
    return whole.union(*map(_parts, whole))


def wanted(text: str) -> TextQuery:
    """What somebody asks for by a text: its words, and what stands in double quotes as phrases.

    Raises ValueError with a sentence for whoever typed it.
    """
    pieces = text.split('"')
    if len(pieces) % 2 == 0:
        raise ValueError("a quote is not closed")
    phrases = [in_order(piece) for piece in pieces[1::2]]
    words = [word for piece in pieces[::2] for word in in_order(piece)]
    # A phrase of one word is a word like any other.
    words += [word for phrase in phrases for word in phrase]
    if not words:
        raise ValueError("there is no word in it")
    several = dict.fromkeys(tuple(phrase) for phrase in phrases if len(phrase) > 1)
    return TextQuery(tuple(dict.fromkeys(words)), tuple(several))


def has_phrases(sentence: str, phrases: Sequence[Sequence[str]]) -> bool:
    """Whether all of the phrases stand in a sentence."""
    if not phrases:
        return True
    words = in_order(sentence)
    return all(_stands_in(words, list(phrase)) for phrase in phrases)


def _stands_in(words: Sequence[str], phrase: Sequence[str]) -> bool:
    length = len(phrase)
    return any(words[at : at + length] == phrase for at in range(len(words) - length + 1))


def _whole(text: str) -> Iterator[str]:
    for piece in text.split():
        for name in _ids(piece) if "/" in piece else (piece,):
            if bare := _BARE.search(name):
                word = bare[0]
                yield word.replace(",", "") if _THOUSANDS.fullmatch(word) else word


def _ids(name: str) -> Sequence[str]:
    """Of a resource name the ids, but for the program's where it is of something in one; else all between slashes."""
    parts = name.split("/")
    return (parts[3::2] or parts[1:]) if parts[0] == "programs" else parts


def _parts(word: str) -> Sequence[str]:
    if len(word) > _PARTED_CHARS_MAX or word.isalnum() or _NUMBER.fullmatch(word):
        return ()
    return _PART.findall(word)
