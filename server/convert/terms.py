"""The terms of a campaign. Where the contract has a message, Terms has its parts."""

import datetime
from collections.abc import Mapping
from typing import Any

from fealty.v1 import coupon_campaigns_pb2 as pb
from fealty.v1 import values_pb2
from rules.coupons.campaigns import one_currency
from rules.coupons.refusals import TermsInvalid
from rules.coupons.terms import Benefit, CodeSource, CustomerLimit, GiveBack, Period, Stacking, Terms
from server.convert.requests import set_day
from server.policy import word

BENEFITS = tuple(field.name for field in pb.CouponTerms.DESCRIPTOR.oneofs_by_name["benefit"].fields)
FIELDS = frozenset(field.name for field in pb.CouponTerms.DESCRIPTOR.fields)

# What each benefit has, and no other keeps.
_NO_BENEFIT: Mapping[str, Any] = {
    "amount_minor": 0,
    "basis_points": 0,
    "quantity": 0,
    "points": 0,
    "card_id": "",
    "discount_max_minor": None,
}
_PERIODS: Mapping[Period, Any] = {
    Period(word(pb.LimitPeriod, n, "LIMIT_PERIOD_")): n for n in pb.LimitPeriod.values() if n
}
_GIVE_BACKS: Mapping[GiveBack, Any] = {
    GiveBack.NEVER: pb.GIVE_BACK_UNSPECIFIED,
    GiveBack.WHOLE: pb.GIVE_BACK_WHOLE,
    GiveBack.ANY: pb.GIVE_BACK_ANY,
}
_SOURCES: Mapping[CodeSource, Any] = {
    CodeSource.MADE: pb.CODE_SOURCE_UNSPECIFIED,
    CodeSource.POOL: pb.CODE_SOURCE_POOL,
}


def terms(given: pb.CouponTerms) -> Terms:
    """The terms in a message. Raises TermsInvalid where they give nothing, a day is none, or currencies differ."""
    return Terms(**{"currency_code": "", **changes(given, FIELDS - {*BENEFITS} | {benefit_field(given)})})


def benefit_field(given: pb.CouponTerms) -> str:
    """The field that says what a coupon gives. Raises TermsInvalid where none does."""
    field: str | None = given.WhichOneof("benefit")
    if field is None:
        raise TermsInvalid(what=f"they give nothing; fill one of {', '.join(BENEFITS)}")
    return field


def changes(given: pb.CouponTerms, fields: frozenset[str]) -> dict[str, Any]:
    """What some fields of a message say, by the names in Terms; of what a coupon gives the one that is filled. Raises
    TermsInvalid."""
    money = [given.minimum_spend] if "minimum_spend" in fields and given.HasField("minimum_spend") else []
    found: dict[str, Any] = {}
    for field in fields:
        if field in BENEFITS:
            found |= {**_NO_BENEFIT, **_benefit(given, field, money)}
        else:
            found |= _READ[field](given) if field in _READ else {field: getattr(given, field)}
    if currency := one_currency([one.currency_code for one in money]):
        found["currency_code"] = currency
    return found


def fill(shown: pb.CouponTerms, terms: Terms) -> None:
    """Terms as the contract shows them."""
    _fill_benefit(shown, terms)
    if terms.first_day is not None:
        set_day(shown.first_day, terms.first_day)
    if terms.last_day is not None:
        set_day(shown.last_day, terms.last_day)
    shown.days_from_assignment = terms.days_from_assignment
    shown.uses_per_code = terms.uses_per_code
    for limit in terms.customer_limits:
        shown.customer_limits.add(period=_PERIODS[limit.period], uses=limit.uses)
    shown.unlimited_for_customer = terms.unlimited_for_customer
    shown.uses_max = terms.uses_max
    if terms.minimum_spend_minor:
        _fill_money(shown.minimum_spend, terms.minimum_spend_minor, terms)
    shown.product_ids.extend(terms.product_ids)
    shown.categories.extend(terms.categories)
    shown.stores.extend(terms.stores)
    stacking = terms.stacking
    if stacking != Stacking():
        shown.stacking.exclusive, shown.stacking.priority, shown.stacking.group = (
            stacking.exclusive,
            stacking.priority,
            stacking.group,
        )
    shown.give_back = _GIVE_BACKS[terms.give_back]
    shown.code_source = _SOURCES[terms.code_source]
    shown.code_pattern = terms.code_pattern


def _benefit(given: pb.CouponTerms, field: str, money: list[values_pb2.Money]) -> dict[str, Any]:
    """What the benefit is; the money in it is added to `money`."""
    part: Any = getattr(given, field)
    match field:
        case "amount_off" | "balance":
            money.append(part)
            return {"benefit": Benefit(field.upper()), "amount_minor": part.amount_minor}
        case "percent_off":
            return {
                "benefit": Benefit.PERCENT_OFF,
                "basis_points": part.basis_points,
                "discount_max_minor": _at_most(part, money),
            }
        case "free_item":
            return {"benefit": Benefit.FREE_ITEM, "quantity": part.quantity}
        case "points":
            return {"benefit": Benefit.POINTS, "points": part.points, "card_id": part.card_id}
    return {"benefit": Benefit.FREE_SHIPPING, "discount_max_minor": _at_most(part, money)}


def _at_most(part: Any, money: list[values_pb2.Money]) -> int | None:
    if not part.HasField("discount_max"):
        return None
    money.append(part.discount_max)
    return int(part.discount_max.amount_minor)


def _fill_benefit(shown: pb.CouponTerms, terms: Terms) -> None:
    match terms.benefit:
        case Benefit.AMOUNT_OFF:
            _fill_money(shown.amount_off, terms.amount_minor, terms)
        case Benefit.BALANCE:
            _fill_money(shown.balance, terms.amount_minor, terms)
        case Benefit.PERCENT_OFF:
            shown.percent_off.basis_points = terms.basis_points
            if terms.discount_max_minor is not None:
                _fill_money(shown.percent_off.discount_max, terms.discount_max_minor, terms)
        case Benefit.FREE_ITEM:
            shown.free_item.quantity = terms.quantity
        case Benefit.POINTS:
            shown.points.card_id, shown.points.points = terms.card_id, terms.points
        case Benefit.FREE_SHIPPING:
            shown.free_shipping.SetInParent()
            if terms.discount_max_minor is not None:
                _fill_money(shown.free_shipping.discount_max, terms.discount_max_minor, terms)


def _fill_money(shown: values_pb2.Money, amount_minor: int, terms: Terms) -> None:
    shown.currency_code, shown.amount_minor = terms.currency_code, amount_minor


def _day(given: pb.CouponTerms, field: str) -> datetime.date | None:
    if not given.HasField(field):
        return None
    day: values_pb2.Date = getattr(given, field)
    # Each number is within its limits by the contract; whether they are a date together only a calendar knows.
    try:
        return datetime.date(day.year, day.month, day.day)
    except ValueError as error:
        said = f"{day.year:04}-{day.month:02}-{day.day:02}"
        raise TermsInvalid(what=f"{field}: there is no {said}; give a day that its month has") from error


def _limits(given: pb.CouponTerms) -> tuple[CustomerLimit, ...]:
    return tuple(
        CustomerLimit(Period(word(pb.LimitPeriod, limit.period, "LIMIT_PERIOD_")), limit.uses)
        for limit in given.customer_limits
    )


def _stacking(given: pb.CouponTerms) -> Stacking:
    return Stacking(given.stacking.exclusive, given.stacking.priority, given.stacking.group)


# Fields that Terms has otherwise.
_READ: Mapping[str, Any] = {
    "first_day": lambda given: {"first_day": _day(given, "first_day")},
    "last_day": lambda given: {"last_day": _day(given, "last_day")},
    "customer_limits": lambda given: {"customer_limits": _limits(given)},
    "minimum_spend": lambda given: {"minimum_spend_minor": given.minimum_spend.amount_minor},
    "product_ids": lambda given: {"product_ids": tuple(given.product_ids)},
    "categories": lambda given: {"categories": tuple(given.categories)},
    "stores": lambda given: {"stores": tuple(given.stores)},
    "stacking": lambda given: {"stacking": _stacking(given)},
    "give_back": lambda given: {"give_back": GiveBack(word(pb.GiveBack, given.give_back, "GIVE_BACK_") or "NEVER")},
    "code_source": lambda given: {
        "code_source": CodeSource(word(pb.CodeSource, given.code_source, "CODE_SOURCE_") or "MADE")
    },
}
