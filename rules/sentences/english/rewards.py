"""Rewards: the catalogue, and what customers claimed of it."""

from collections.abc import Mapping
from typing import Any

from rules.sentences.english import speech
from rules.sentences.english.passes import with_pass
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told


def _reward(told: Told) -> str:
    """`reward Mug`; by its id where it has no name."""
    return speech.named("reward", told.details.get("called") or told.details.get("reward", told.subject).split("/")[-1])


def _for(told: Told) -> str:
    reference = told.details.get("reference")
    return f" for {reference}" if reference else ""


def _claimed(told: Told) -> str:
    return f"{_reward(told)} claimed by {told.customer}{_for(told)}{with_pass(told)}: {told.points(-told['amount'])}"


def _cancelled(told: Told) -> str:
    restored = told["restored"]
    back = f"{told.points(restored)} came back" if restored else "nothing came back"
    return f"Claim of {_reward(told)} by {told.customer} cancelled: {back}"


def _updated(told: Told) -> str:
    changed = [_changed(told, one["field"], one["before"], one["after"]) for one in told.changes]
    return "; ".join(changed) or f"{_reward(told)} updated"


def _changed(told: Told, field: str, before: Any, after: Any) -> str:
    limits, _, period = field.rpartition(".")
    known = f"limit by {period.lower()}" if limits == "terms.customer_limits" else FIELDS.get(field)
    what = f"{known or field.rpartition('.')[2].replace('_', ' ')} of {_reward(told)}"
    if isinstance(after, bool):
        return f"{what} toggled from {_flag(before)} → {_flag(after)}"
    if after in _NOTHING:
        return f"{what} taken away"
    shown = _value(told, field, after)
    if before in _NOTHING:
        return f"{what} set to {shown}"
    return f"{what} updated from {_value(told, field, before)} → {shown}"


def _value(told: Told, field: str, value: Any) -> str:
    if field == "terms.price_points":
        return told.points(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _flag(value: Any) -> str:
    return "Enabled" if value else "Disabled"


def _is(deed: str) -> Template:
    return lambda told: f"{_reward(told)} {deed}"


# A stock or a number of days of 0 is none.
_NOTHING = (None, "", 0)

FIELDS = {
    "display_name": "name",
    "description": "description",
    "terms.price_points": "price",
    "terms.campaign_id": "campaign of the coupons",
    "terms.sku": "item",
    "terms.stock": "stock",
    "terms.first_day": "first day",
    "terms.last_day": "last day",
    "terms.cancel_policy.days": "days to cancel a claim",
    "terms.cancel_policy.keeps_points": "keeping the points of cancelled claims",
    "terms.cancel_policy.keeps_stock": "keeping back the pieces of cancelled claims",
}

TEMPLATES: Mapping[str, Template] = {
    "reward.created": lambda told: f"{_reward(told)} created: {told.points(told['price_points'])}",
    "reward.updated": _updated,
    "reward.archived": _is("archived"),
    "reward.unarchived": _is("unarchived"),
    "reward.claimed": _claimed,
    "claim.cancelled": _cancelled,
}
