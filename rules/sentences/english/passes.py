"""Passes of customers: issued, mailed, voided, and links to them. A pass is called by its template."""

from collections.abc import Mapping

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told


def _pass(told: Told) -> str:
    """`pass Club card`; by the id of its template where that has no name."""
    return speech.named("pass", told.details.get("called") or told["pass_template"].split("/")[-1])


def _of(told: Told) -> str:
    return f"{_pass(told)} of {told.customer}"


def _pushed(told: Told) -> str:
    devices = [speech.count(told["devices"], "device")] if told["devices"] else []
    which = " and ".join([*devices, *(["Google"] if told["google"] else [])])
    return f"Phones to look for an update of {_of(told)}: {which or 'none has it'}"


def _voided(told: Told) -> str:
    and_links = f", with {speech.count(told['links'], 'link')} to it" if told["links"] else ""
    return f"{_of(told)} voided{and_links}"


def with_pass(told: Told) -> str:
    """` with a pass`, where one was issued by the same act."""
    return " with a pass" if told.details.get("pass") else ""


TEMPLATES: Mapping[str, Template] = {
    "pass.issued": lambda told: f"{_pass(told)} issued to {told.customer}",
    "pass.mailed": lambda told: f"{_pass(told)} mailed to {told.customer}",
    "pass.pushed": _pushed,
    "pass.voided": _voided,
    "pass_link.created": lambda told: f"Link to {_of(told)} made, for {speech.count(told['days'], 'day')}",
    "pass_link.revoked": lambda told: f"{speech.count(told['count'], 'link')} to {_of(told)} revoked",
}
