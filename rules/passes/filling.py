"""Fills a design with what the books have of a customer: the content of one card."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from rules.coupons.coupons import CouponState
from rules.coupons.terms import Benefit, Terms
from rules.passes.content import Amount, Content, Money, ShownBarcode, ShownField, Value
from rules.passes.designs import Barcode, BarcodeSource, Design, Field, Source, Text
from rules.states import CustomerState

# An end is the first instant at which something cannot be used. On a card stands the last second at which it can: of
# what ends at midnight, people read the day before.
_LAST = timedelta(seconds=1)
# Of a coupon that can be used again, by a return or a rollback, the card is valid again.
_VOID = (CouponState.VOIDED, CouponState.USED_UP)
_GONE = (CustomerState.CLOSED, CustomerState.MERGED)


class Member(NamedTuple):
    """Whose card it is; `customer_id` is the public id."""

    customer_id: str
    display_name: str
    language_code: str
    state: CustomerState


class Expiring(NamedTuple):
    """What expires next, in the card's smallest unit, and the first instant at which it is gone."""

    units: int
    at: datetime


class NextReward(NamedTuple):
    """The cheapest reward that costs more than there is, and how much more."""

    name: str
    missing: int


class Points(NamedTuple):
    """Of the card of the design, settled at the instant of the program's clock. `stamps_per_reward` is 0 for points."""

    spendable: int
    pending: int
    decimals: int
    stamps_per_reward: int = 0
    expiring: Expiring | None = None
    next_reward: NextReward | None = None


class CouponShown(NamedTuple):
    """The coupon that the card was issued with. `name` is its campaign's; `code` is empty for who may not read it;
    `decimals` are those of the card that its points go to."""

    name: str
    terms: Terms
    state: CouponState
    ends_at: datetime | None
    code: str
    balance_minor: int | None = None
    decimals: int = 0


class RewardShown(NamedTuple):
    """The reward that was claimed."""

    name: str
    is_cancelled: bool


class Facts(NamedTuple):
    """What one card is made of. `linked` are ids of passes of coupons that the same customer has."""

    member: Member
    points: Points | None = None
    coupon: CouponShown | None = None
    reward: RewardShown | None = None
    linked: tuple[str, ...] = ()
    voided: bool = False
    erased: bool = False


def fill(design: Design, template: str, version: int, serial: str, facts: Facts) -> Content:
    """What the card says. A field whose value there is none of, as when nothing expires, is left out. One that was
    voided or erased says nothing of anybody: a phone that was lost goes on asking for its cards."""
    fields: tuple[ShownField, ...] = tuple(_fields(design, facts))
    barcode = None if _is_empty(facts) else _barcode(design, serial, facts)
    ends_at = facts.coupon.ends_at if facts.coupon and not _is_empty(facts) else None
    return Content(
        serial,
        design.kind,
        template,
        version,
        design.organization_name,
        design.description,
        design.default_language,
        design.logo_text,
        design.colors,
        design.images,
        fields,
        barcode,
        ends_at,
        _is_void(facts),
        design.sharing_prohibited,
        () if _is_empty(facts) else facts.linked,
    )


def shows_code(design: Design) -> bool:
    """Whether cards of a design say the code of their coupon."""
    in_barcode = design.barcode is not None and design.barcode.source is BarcodeSource.COUPON_CODE
    return in_barcode or any(field.source is Source.COUPON_CODE for field in design.fields)


def _is_empty(facts: Facts) -> bool:
    return facts.voided or facts.erased


def _is_void(facts: Facts) -> bool:
    return (
        _is_empty(facts)
        or facts.member.state in _GONE
        or (facts.coupon is not None and facts.coupon.state in _VOID)
        or (facts.reward is not None and facts.reward.is_cancelled)
    )


def _fields(design: Design, facts: Facts) -> Iterator[ShownField]:
    for field in design.fields:
        value = _value(design, field, facts)
        if value is not None:
            yield ShownField(field.key, field.slot, field.source, field.label, value, field.change_message)


def _value(design: Design, field: Field, facts: Facts) -> Value | None:
    if field.source is Source.TEXT:
        return field.text
    if _is_empty(facts):
        return None
    if field.source in _OF_POINTS:
        return _of_points(design, field.source, facts.points) if facts.points else None
    if field.source in _OF_COUPON:
        return _of_coupon(design, field.source, facts.coupon) if facts.coupon else None
    plain = {
        Source.MEMBER_NAME: facts.member.display_name,
        Source.MEMBER_ID: facts.member.customer_id,
        Source.REWARD_NAME: facts.reward.name if facts.reward else "",
    }[field.source]
    return _plain(design, plain)


def _of_points(design: Design, source: Source, points: Points) -> Value | None:
    if source is Source.BALANCE:
        return Amount(points.spendable, points.decimals)
    if source is Source.PENDING:
        return Amount(points.pending, points.decimals)
    if source is Source.FULL_CARDS:
        return Amount(points.spendable // points.stamps_per_reward) if points.stamps_per_reward else None
    if points.expiring is not None:
        if source is Source.EXPIRING:
            return Amount(points.expiring.units, points.decimals)
        if source is Source.EXPIRES_AT:
            return points.expiring.at - _LAST
    if points.next_reward is not None:
        if source is Source.NEXT_REWARD:
            return _plain(design, points.next_reward.name)
        if source is Source.NEXT_REWARD_MISSING:
            return Amount(points.next_reward.missing, points.decimals)
    return None


def _of_coupon(design: Design, source: Source, coupon: CouponShown) -> Value | None:
    if source is Source.COUPON_NAME:
        return _plain(design, coupon.name)
    if source is Source.COUPON_VALUE:
        return _worth(design, coupon)
    if source is Source.COUPON_CODE:
        return _plain(design, coupon.code)
    return coupon.ends_at - _LAST if coupon.ends_at else None


def _worth(design: Design, coupon: CouponShown) -> Value:
    """What a coupon gives; of a gift card, what is left of it."""
    terms = coupon.terms
    if terms.benefit is Benefit.BALANCE:
        left = terms.amount_minor if coupon.balance_minor is None else coupon.balance_minor
        return Money(left, terms.currency_code)
    if terms.benefit is Benefit.AMOUNT_OFF:
        return Money(terms.amount_minor, terms.currency_code)
    if terms.benefit is Benefit.POINTS:
        return Amount(terms.points, coupon.decimals)
    if terms.benefit is Benefit.PERCENT_OFF:
        whole, rest = divmod(terms.basis_points, 100)
        decimals = f"{rest:02}".rstrip("0")
        return ((design.default_language, f"{whole}.{decimals} %" if decimals else f"{whole} %"),)
    if terms.benefit is Benefit.FREE_SHIPPING:
        return _spoken(design, _FREE_SHIPPING)
    return _spoken(design, {language: f"{terms.quantity} × {words}" for language, words in _FREE.items()})  # noqa: RUF001


def _barcode(design: Design, serial: str, facts: Facts) -> ShownBarcode | None:
    barcode = design.barcode
    if barcode is None:
        return None
    message = _scanned(barcode, serial, facts)
    return ShownBarcode(barcode.format, message, message if barcode.shows_text else "") if message else None


def _scanned(barcode: Barcode, serial: str, facts: Facts) -> str:
    if barcode.source is BarcodeSource.PASS_ID:
        return serial
    if barcode.source is BarcodeSource.MEMBER_ID:
        return facts.member.customer_id
    return facts.coupon.code if facts.coupon else ""


def _plain(design: Design, words: str) -> Text | None:
    """What is not translated, such as a name."""
    return ((design.default_language, words),) if words else None


def _spoken(design: Design, words: dict[str, str]) -> Text:
    """What we say ourselves: in the languages that we speak, in English to whom we speak none of."""
    default = design.default_language
    own = words.get(default.partition("-")[0], words["en"])
    return ((default, own), *(pair for pair in words.items() if pair[0] != default))


_OF_POINTS = {
    Source.BALANCE,
    Source.PENDING,
    Source.EXPIRING,
    Source.EXPIRES_AT,
    Source.FULL_CARDS,
    Source.NEXT_REWARD,
    Source.NEXT_REWARD_MISSING,
}
_OF_COUPON = {Source.COUPON_NAME, Source.COUPON_VALUE, Source.COUPON_EXPIRES_AT, Source.COUPON_CODE}

_FREE_SHIPPING = {"en": "Free shipping", "de": "Versand gratis", "cs": "Doprava zdarma", "es": "Envío gratis"}
_FREE = {"en": "free", "de": "gratis", "cs": "zdarma", "es": "gratis"}
