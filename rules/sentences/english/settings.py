"""Programs and their cards: made, archived, and each setting from what to what."""

from collections.abc import Iterator, Mapping
from typing import Any

from rules import money
from rules.figures import decimal
from rules.sentences.english import speech
from rules.sentences.english.fields import ENUMS, MONEY, POINTS, UNITS, Field
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, part
from rules.sentences.nouns import CardNoun


def _created(told: Told) -> str:
    name = speech.named("program", _name_given(told) or told.nouns.display_name or told.last)
    return f"{name} created{', with a test clock' if told.details.get('test_clock') else ''}"


def _name_given(told: Told) -> str:
    return str(told.details.get("settings", {}).get("display_name", ""))


def _updated(told: Told) -> str:
    said = list(_said(told))
    return "; ".join(said) if said else f"{told.program_name()} updated"


def _said(told: Told) -> Iterator[str]:
    """Each change once: of what is new or gone as a whole, no more than that."""
    changes = [(Field.of(one["field"]), one["before"], one["after"]) for one in told.changes]
    for field, before, after in changes:
        if field.is_identity and None in (before, after):
            yield f"{_owner(told, field.owner)} {'added' if before is None else 'taken away'}"
    whole = {field.owner for field, before, after in changes if field.is_identity and None in (before, after)}
    ended = {(field.owner, field.policy) for field, _, after in changes if field.is_mode and _is_nothing(after)}
    for field, before, after in changes:
        is_said = field.owner in whole or ((field.owner, field.policy) in ended and not field.is_mode)
        if not is_said and not (_is_nothing(before) and _is_nothing(after)):
            yield _changed(told, field, before, after)


def _changed(told: Told, field: Field, before: Any, after: Any) -> str:
    owner = _owner(told, field.owner)
    what = f"{field.label} of {owner}" if owner else field.label
    # A policy as a whole comes or goes; its other fields say what it is.
    is_whole = field.is_mode and (_is_nothing(before) or _is_nothing(after))
    if is_whole or isinstance(after, bool) or isinstance(before, bool):
        return f"{what} toggled from {_flag(before)} → {_flag(after)}"
    if after in (None, "", []):
        return f"{what} taken away"
    unit = _unit(told, field, after)
    shown = f"{_value(told, field, after)}{unit}"
    if before in (None, "", []):
        return f"{what} set to {shown}"
    return f"{what} updated from {_value(told, field, before)} → {shown}"


def _flag(value: Any) -> str:
    return "Disabled" if _is_nothing(value) else "Enabled"


def _is_nothing(value: Any) -> bool:
    return value in (None, "", [], 0, False)


def _unit(told: Told, field: Field, number: Any) -> str:
    if not isinstance(number, int):
        return ""
    if field.name in POINTS:
        card = _counted_in(told, field)
        unit = speech.points(number, *card[1:3]).rpartition(" ")[2] if card is not None else "points"
        return f" {unit}"
    unit = UNITS.get(field.name, "")
    return f" {unit.removesuffix('s') if number == 1 else unit}" if unit else ""


def _counted_in(told: Told, field: Field) -> CardNoun | None:
    """The card in whose parts its points are; of an event type nobody knows it any more where there are several."""
    return told.nouns.card(field.owner[1] if field.owner[0] == "cards" else "")


def _value(told: Told, field: Field, value: Any) -> str:
    match value:
        case list():
            return ", ".join(_element(told, one) for one in value)
        case int() if field.name in POINTS:
            card = _counted_in(told, field)
            return decimal(value, card.decimals if card is not None else 0)
        case int() if field.name in MONEY:
            card = _counted_in(told, field)
            return money.written(value, card.currency_code) if card is not None else f"{value:,}"
        case int():
            return f"{value:,}"
        case str() if field.name in ENUMS:
            return value.lower().replace("_", " ")
        case str() if field.name == "pending.event_type":
            return told.event_type(value)
        case str() if field.name == "event_types.card_id":
            return told.card_name(value).removeprefix("card ")
    return str(value)


def _element(told: Told, value: Any) -> str:
    match value:
        case [int() as month, int() as day]:
            return speech.month_and_day(month, day)
        case str():
            return _ACTIVITIES.get(value) or told.event_type(value)
    return str(value)


def _owner(told: Told, owner: tuple[str, str]) -> str:
    kind, identity = owner
    if kind == "cards":
        return told.card_name(identity)
    return f"event type {told.event_type(identity)}" if kind else ""


def _clock(told: Told) -> str:
    [moved] = told.changes
    return (
        f"Test clock of {told.program_name()} moved from {told.moment(moved['before'])} → {told.moment(moved['after'])}"
    )


def _card(deed: str) -> Template:
    return lambda told: f"{told.card_name(part(told.subject, 'cards'))} {deed}"


# What Fealty itself counts as activity, in words.
_ACTIVITIES = {"transaction.recorded": "purchases", "points.spent": "spendings", "hold.captured": "captured holds"}

TEMPLATES: Mapping[str, Template] = {
    "program.created": _created,
    "program.updated": _updated,
    "program.archived": lambda told: f"{told.program_name()} archived",
    "program.unarchived": lambda told: f"{told.program_name()} unarchived",
    "program.clock_advanced": _clock,
    "card.archived": _card("archived"),
    "card.unarchived": _card("unarchived"),
}
