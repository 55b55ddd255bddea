"""Activities in sentences for people, made when they are read: out of the record, in the language of whoever reads.

A language is a module of templates, chosen by its tag; English is what everybody else gets. Nothing here raises: of a
record that says less than its template needs, the sentence says less.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from rules.sentences import english
from rules.sentences.nouns import NO_NOUNS, CardNoun, Nouns, Person, people_of, program_of

__all__ = ["NO_NOUNS", "CardNoun", "Nouns", "Person", "activity", "event", "people_of", "program_of"]


class Language(Protocol):
    """What a language has to say."""

    def activity(self, body: Mapping[str, Any], actor_name: str, nouns: Nouns) -> str:
        """See below."""

    def event(self, action: str, subject: str, details: Mapping[str, Any], nouns: Nouns) -> str:
        """See below."""


LANGUAGES: Mapping[str, Language] = {"en": english}


def activity(body: Mapping[str, Any], actor_name: str = "", nouns: Nouns = NO_NOUNS, accept_language: str = "") -> str:
    """What was done to whom, by whom and why; of a call that came to nothing, what was tried, and why it was not done.

    `body` is the record, `actor_name` what its actor is called (empty where it is nobody's name), `nouns` what its
    program calls things, `accept_language` what the reader understands, as HTTP has it (RFC 9110, 12.5.4).
    """
    return _on_one_line(chosen(accept_language).activity(body, actor_name, nouns))


def event(
    action: str, subject: str, details: Mapping[str, Any], nouns: Nouns = NO_NOUNS, accept_language: str = ""
) -> str:
    """The same from the customer's side: who called is of no interest there, only for whom."""
    return _on_one_line(chosen(accept_language).event(action, subject, details, nouns))


def _on_one_line(sentence: str) -> str:
    """People name things as they like. In a sentence of the log a name begins no line, gives a terminal no order, and
    turns no direction of writing."""
    return sentence if sentence.isprintable() else _ORDERS.sub("\N{REPLACEMENT CHARACTER}", sentence)


_ORDERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


# Browsers send a few forms of it; what somebody makes up is read again each time.
@lru_cache(maxsize=256)
def chosen(accept_language: str) -> Language:
    """The language that is wanted most among those there are; English where there is none."""
    best, most = LANGUAGES["en"], 0.0
    for wanted in accept_language.split(",")[:_RANGES_MAX]:
        tag, _, weight = wanted.partition(";")
        language = LANGUAGES.get(tag.strip().lower().partition("-")[0])
        if language is not None and (quality := _quality(weight)) > most:
            best, most = language, quality
    return best


# Nobody reads more languages than that; metadata can be long.
_RANGES_MAX = 16


def _quality(weight: str) -> float:
    name, _, number = weight.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(number)
    except ValueError:
        return 0.0
