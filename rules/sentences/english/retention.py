"""For how long the log keeps what it says, what is held back from that, and what was dropped."""

from collections.abc import Iterator, Mapping
from typing import Any

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, customer, part


def no_longer_kept(told: Told, who: str) -> str:
    """`Customer read (Service till): what it said is no longer kept`: of what is left of an activity."""
    noun, _, deed = told.action.partition(".")
    return speech.capital(f"{noun} {deed}".replace("_", " ")) + f" ({who}): what it said is no longer kept"


def _updated(told: Told) -> str:
    said = "; ".join(_said(told))
    return said if said else f"Retention of {told.program_name()} updated"


def _said(told: Told) -> Iterator[str]:
    for change in told.changes:
        category, _, what = change["field"].partition(".")
        effect = what.removesuffix("_days")
        before, after = change["before"], change["after"]
        was = f"{before:,}" if before and after else _days(before)
        yield f"Retention of {category} ({effect}) updated from {was} → {_days(after)}"


def _days(number: int) -> str:
    return speech.count(number, "day") if number else "for ever"


def _announced(told: Told) -> str:
    rules = [
        f"{rule['count']:,} of {rule['category'].lower()} ({rule['effect'].lower()}) after {_days(rule['days'])}"
        for rule in told["rules"]
    ]
    return f"{_what(told)} is to be dropped: {speech.listed(rules)}"


def _dropped(told: Told) -> str:
    return f"{_what(told)} was dropped"


def _what(told: Told) -> str:
    of = f" of {told.program_name()}" if part(told.subject, "programs") else ""
    return f"What {speech.count(told['count'], 'activity', 'activities')}{of} said"


def _hold(deed: str) -> Template:
    def template(told: Told) -> str:
        held: Any = told["of"]
        whose = customer(held) if part(held, "customers") else told.program_name()
        return f"Legal hold on what the log says of {whose} {deed}"

    return template


TEMPLATES: Mapping[str, Template] = {
    "retention.updated": _updated,
    "retention.announced": _announced,
    "retention.dropped": _dropped,
    "legalhold.placed": _hold("placed"),
    "legalhold.lifted": _hold("lifted"),
}
