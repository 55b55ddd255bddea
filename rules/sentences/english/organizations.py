"""Networks, partners and clubs: made, changed and deleted; whose a program is, and who is in a club."""

from collections.abc import Mapping
from typing import Any

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, customer


def _named(told: Told) -> str:
    """`network North`; by its id where it has no name."""
    noun = told.action.partition(".")[0]
    return speech.named(noun, told.details.get("called") or told.last)


def _created(told: Told) -> str:
    network = told.details.get("network")
    return f"{_named(told)} created{f' in network {network}' if network else ''}"


def _updated(told: Told) -> str:
    changed = [_changed(told, one["field"], one["before"], one["after"]) for one in told.changes]
    return "; ".join(changed) or f"{_named(told)} updated"


def _changed(told: Told, field: str, before: Any, after: Any) -> str:
    what = f"{_FIELDS[field]} of {_named(told)}"
    if not after:
        return f"{what} taken away"
    if not before:
        return f"{what} set to {_value(after)}"
    return f"{what} updated from {_value(before)} → {_value(after)}"


def _value(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _transferred(told: Told) -> str:
    [changed] = told.changes
    before, after = changed["before"], changed["after"]
    if not after:
        return f"{told.program_name()} taken from partner {before}"
    return f"{told.program_name()} given to partner {after}{f', which partner {before} had' if before else ''}"


def _is(deed: str) -> Template:
    return lambda told: f"{_named(told)} {deed}"


_FIELDS = {
    "display_name": "name",
    "description": "description",
    "network": "network",
    "card_ids": "cards",
    "reward_ids": "rewards",
}

TEMPLATES: Mapping[str, Template] = {
    **{f"{noun}.created": _created for noun in ("network", "partner", "club")},
    **{f"{noun}.updated": _updated for noun in ("network", "partner", "club")},
    **{f"{noun}.deleted": _is("deleted") for noun in ("network", "partner", "club")},
    "program.transferred": _transferred,
    "club.joined": lambda told: f"{customer(told['customer'])} joined {_named(told)}",
    "club.left": lambda told: f"{customer(told['customer'])} left {_named(told)}",
}
