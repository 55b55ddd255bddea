"""Coupon campaigns: made, archived, and each of their terms from what to what; codes for many, and codes shown."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from rules import money
from rules.coupons.terms import Benefit
from rules.figures import decimal
from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told, part


def _created(told: Told) -> str:
    return f"{campaign(told)} created, of coupons for {_benefit(told, told['terms'])}"


def _updated(told: Told) -> str:
    said = [_changed(told, one) for one in told.changes]
    return "; ".join(said) if said else f"{campaign(told)} updated"


def _changed(told: Told, change: Mapping[str, Any]) -> str:
    field, before, after = change["field"], change["before"], change["after"]
    what = f"{FIELDS.get(field) or field.replace('_', ' ')} of {campaign(told)}"
    if isinstance(after, bool) or isinstance(before, bool):
        return f"{what} toggled from {_flag(before)} → {_flag(after)}"
    if after in _NOTHING:
        return f"{what} taken away"
    shown = _value(told, field, after)
    if before in _NOTHING:
        return f"{what} set to {shown}"
    return f"{what} updated from {_value(told, field, before)} → {shown}"


def _value(told: Told, field: str, value: Any) -> str:
    match value:
        case list():
            return ", ".join(map(str, value))
        case int() if field in MONEY:
            return money.written(value, told.details.get("currency", ""))
        case int() if field == "basis_points":
            return _percent(value)
        case int() if field == "points":
            return told.points(value, card_id=told.details.get("card_id", ""))
        case int():
            return f"{value:,}"
        case str() if field in ("first_day", "last_day"):
            return _day(value)
        case str() if field == "give_back":
            return value.lower()
        case str() if field == "card_id":
            return told.card_name(value).removeprefix("card ")
    return str(value)


def _benefit(told: Told, terms: Mapping[str, Any]) -> str:
    """What a coupon of these terms gives: `10% off`."""
    match Benefit(terms["benefit"]):
        case Benefit.AMOUNT_OFF:
            return f"{money.written(terms['amount_minor'], terms['currency_code'])} off"
        case Benefit.PERCENT_OFF:
            return f"{_percent(terms['basis_points'])} off"
        case Benefit.FREE_ITEM:
            return speech.count(terms["quantity"], "free piece")
        case Benefit.POINTS:
            return told.points(terms["points"], card_id=terms["card_id"])
        case Benefit.BALANCE:
            return f"{money.written(terms['amount_minor'], terms['currency_code'])} to spend"
    return "free shipping"


def campaign(told: Told) -> str:
    """`campaign spring`."""
    return speech.named("campaign", part(told.subject, "couponCampaigns"))


def _percent(basis_points: int) -> str:
    shown = decimal(basis_points, 2)
    return f"{shown.rstrip('0').rstrip('.') if '.' in shown else shown}%"


def _day(text: str) -> str:
    day = date.fromisoformat(text)
    return f"{speech.month_and_day(day.month, day.day)} {day.year}"


def _flag(value: Any) -> str:
    return "Enabled" if value else "Disabled"


def _deed(deed: str) -> Template:
    return lambda told: f"{campaign(told)} {deed}"


def _revealed(told: Told) -> str:
    return f"{speech.count(told['count'], 'code')} of {told.program_name()} shown in the clear"


# No limit, no day, no pattern.
_NOTHING: tuple[Any, ...] = (None, "", [], 0)

# What people call a setting. What a coupon gives by its kind, and where it comes from, is fixed.
FIELDS = {
    "display_name": "name",
    "amount_minor": "amount",
    "basis_points": "percentage",
    "quantity": "free pieces",
    "points": "points",
    "card_id": "card",
    "discount_max_minor": "largest discount",
    "currency_code": "currency",
    "first_day": "first day",
    "last_day": "last day",
    "days_from_assignment": "days from assignment",
    "uses_per_code": "uses of one code",
    "customer_limits.DAY": "limit for each customer and day",
    "customer_limits.WEEK": "limit for each customer and week",
    "customer_limits.MONTH": "limit for each customer and month",
    "customer_limits.YEAR": "limit for each customer and year",
    "customer_limits.EVER": "limit for each customer",
    "unlimited_for_customer": "shared use without limit",
    "uses_max": "uses in all",
    "minimum_spend_minor": "minimum spend",
    "product_ids": "products",
    "categories": "categories",
    "stores": "stores",
    "stacking.exclusive": "use without other coupons",
    "stacking.priority": "priority",
    "stacking.group": "group",
    "give_back": "uses that refunds give back",
    "code_pattern": "pattern of codes",
}
MONEY = {"amount_minor", "discount_max_minor", "minimum_spend_minor"}

TEMPLATES: Mapping[str, Template] = {
    "campaign.created": _created,
    "campaign.updated": _updated,
    "campaign.archived": _deed("archived"),
    "campaign.unarchived": _deed("unarchived"),
    "coupon.shared": lambda told: f"code for many, ending in {told['last_four']}, made for {campaign(told)}",
    "code.revealed": _revealed,
}
