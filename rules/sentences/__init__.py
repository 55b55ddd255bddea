"""Activities in sentences for people, made when they are read: out of the record, in the language of whoever reads.

A language is a module of templates, chosen by its tag; English is what everybody else gets. Nothing here raises: of a
record that says less than its template needs, the sentence says less.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from rules.sentences import english
from rules.sentences.nouns import NO_NOUNS, CardNoun, Nouns, program_of

__all__ = ["NO_NOUNS", "CardNoun", "Nouns", "activity", "event", "program_of"]


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
    return chosen(accept_language).activity(body, actor_name, nouns)


def event(
    action: str, subject: str, details: Mapping[str, Any], nouns: Nouns = NO_NOUNS, accept_language: str = ""
) -> str:
    """The same from the customer's side: who called is of no interest there, only for whom."""
    return chosen(accept_language).event(action, subject, details, nouns)


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
