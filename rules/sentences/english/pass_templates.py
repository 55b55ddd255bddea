"""Templates of passes, and their images."""

from collections.abc import Mapping
from typing import Any

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told


def _template(told: Told) -> str:
    """`pass template Club card`; by its id where it has no name."""
    return speech.named("pass template", told.details.get("called") or told.subject.split("/")[-1])


def _created(told: Told) -> str:
    return f"{_template(told)} created: {_KINDS[told['kind']]}"


def _updated(told: Told) -> str:
    changed = [_changed(told, one["field"], one["before"], one["after"]) for one in told.changes]
    if len(changed) > _CHANGES_SAID:
        return f"{_template(told)} updated: {speech.count(len(changed), 'change')}"
    return "; ".join(changed) or f"{_template(told)} updated"


def _changed(told: Told, field: str, before: Any, after: Any) -> str:
    what = f"{_what(field)} of {_template(told)}"
    if isinstance(after, bool) or isinstance(before, bool):
        return f"{what} toggled from {_flag(before)} → {_flag(after)}"
    if field == "design.fields" or field.startswith("design.images."):
        return f"{what} {'taken away' if not after else 'updated' if before else 'added'}"
    if after is None:
        return f"{what} taken away"
    if before is None:
        return f"{what} set to {_value(after)}"
    return f"{what} updated from {_value(before)} → {_value(after)}"


def _what(field: str) -> str:
    """`label of field balance (de)`, `logo at scale 2 (de)`, `background colour`."""
    parts = field.removeprefix("design.").split(".")
    match parts:
        case ["images", role, scale, *language]:
            return f"{role.lower()} at scale {scale}{_in(language)}"
        case ["fields", key, part, *language]:
            return f"{FIELDS[f'fields.{part}']} of field {key.replace('_', ' ')}{_in(language)}"
        case [("description" | "logo_text") as part, language]:
            return f"{FIELDS[part]}{_in([language])}"
    return FIELDS[".".join(parts)]


def _in(language: list[str]) -> str:
    return f" ({language[0]})" if language else ""


def _value(value: Any) -> str:
    # What stands for the new value on a card, and words of the contract, are not for people.
    return str(value).replace("%@", "…").replace("_", " ")


def _flag(value: Any) -> str:
    return "Enabled" if value else "Disabled"


def _is(deed: str) -> Template:
    return lambda told: f"{_template(told)} {deed}"


# Of more at once nobody reads a sentence; the record has all of them.
_CHANGES_SAID = 5

_KINDS = {"LOYALTY": "a card of points", "STAMPS": "a stamp card", "COUPON": "of coupons", "GENERIC": "a card"}

FIELDS = {
    "display_name": "name",
    "organization_name": "giver",
    "description": "description",
    "default_language": "language",
    "campaign_id": "campaign",
    "logo_text": "text beside the logo",
    "colors.background": "background colour",
    "colors.foreground": "colour of the values",
    "colors.label": "colour of the labels",
    "fields": "fields",
    "fields.slot": "place",
    "fields.source": "content",
    "fields.label": "label",
    "fields.text": "text",
    "fields.change_message": "message",
    "barcode.format": "form of the barcode",
    "barcode.source": "content of the barcode",
    "barcode.shows_text": "text below the barcode",
    "sharing_prohibited": "keeping the card to its holder",
    "apple_pass_type": "pass type of Apple",
    "google_issuer": "issuer of Google",
}

TEMPLATES: Mapping[str, Template] = {
    "pass_template.created": _created,
    "pass_template.updated": _updated,
    "pass_template.archived": _is("archived"),
    "pass_template.unarchived": _is("unarchived"),
    "pass_image.uploaded": lambda told: f"Image of passes uploaded: {told['width']} x {told['height']} pixels",
}
