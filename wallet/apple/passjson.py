"""pass.json: what a card says, in the words of Apple's format.

Numbers, money and instants are written as such, and the phone shows them in its own language and zone. Balances are
whole numbers in our books and become decimals here, never floats.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import msgspec

from rules.money import minor_digits
from rules.passes.content import Amount, Content, Money, ShownBarcode, ShownField, Value
from rules.passes.designs import BarcodeFormat, ImageRole, PassKind, Slot
from wallet.apple.localization import Strings, Words

_STYLES = {
    PassKind.LOYALTY: "storeCard",
    PassKind.STAMPS: "storeCard",
    PassKind.COUPON: "coupon",
    PassKind.GENERIC: "generic",
}
_SLOTS = {
    Slot.HEADER: "headerFields",
    Slot.PRIMARY: "primaryFields",
    Slot.SECONDARY: "secondaryFields",
    Slot.AUXILIARY: "auxiliaryFields",
    Slot.BACK: "backFields",
}
_FORMATS = {
    BarcodeFormat.QR: "PKBarcodeFormatQR",
    BarcodeFormat.AZTEC: "PKBarcodeFormatAztec",
    BarcodeFormat.PDF417: "PKBarcodeFormatPDF417",
    BarcodeFormat.CODE128: "PKBarcodeFormatCode128",
}
# What the key `barcode` of before iOS 9 can hold.
_LEGACY = {BarcodeFormat.QR, BarcodeFormat.AZTEC, BarcodeFormat.PDF417}
_NUMBER, _DAY, _MINUTE = "PKNumberStyleDecimal", "PKDateStyleMedium", "PKDateStyleShort"


class Service(NamedTuple):
    """Where a card asks for its updates, without the `/v1` that phones add; and the token that it shows there."""

    url: str
    authentication_token: str


# Of a card that stays as it is.
NEVER_UPDATED = Service("", "")


class Written(NamedTuple):
    """pass.json as values, and what pass.strings has to translate of it."""

    fields: Mapping[str, object]
    strings: Strings


def shown_roles(kind: PassKind) -> frozenset[ImageRole]:
    """The images that this kind of card shows."""
    return _GENERIC_IMAGES if kind is PassKind.GENERIC else _STRIP_IMAGES


def write(content: Content, pass_type: str, team: str, service: Service) -> Written:
    """What the card says. Keys stand in a fixed order, so equal cards are equal bytes."""
    words = Words(content.default_language)
    fields: dict[str, object] = {
        "formatVersion": 1,
        "passTypeIdentifier": pass_type,
        "serialNumber": content.serial,
        "teamIdentifier": team,
        "organizationName": content.organization_name,
        "description": words.say(content.description),
    }
    if service.url:
        fields["webServiceURL"] = service.url
        fields["authenticationToken"] = service.authentication_token
    if content.logo_text:
        fields["logoText"] = words.say(content.logo_text)
    for name, color in zip(
        _COLORS, (content.colors.background, content.colors.foreground, content.colors.label), strict=True
    ):
        if color:
            fields[name] = _rgb(color)
    if content.expires_at is not None:
        fields["expirationDate"] = _instant(content.expires_at)
    if content.voided:
        fields["voided"] = True
    if content.sharing_prohibited:
        fields["sharingProhibited"] = True
    if content.barcode is not None:
        _add_barcode(fields, content.barcode)
    fields[_STYLES[content.kind]] = _slots(content, words)
    return Written(fields, words.strings)


def encoded(written: Written) -> bytes:
    """pass.json itself."""
    return _encoder.encode(written.fields)


def _slots(content: Content, words: Words) -> Mapping[str, object]:
    slots: dict[str, list[object]] = {}
    for field in content.fields:
        slots.setdefault(_SLOTS[field.slot], []).append(_field(field, words))
    return slots


def _field(field: ShownField, words: Words) -> Mapping[str, object]:
    shown: dict[str, object] = {"key": field.key}
    if field.label:
        shown["label"] = words.say(field.label)
    _add_value(shown, field.value, words)
    if field.change_message:
        shown["changeMessage"] = words.say(field.change_message)
    return shown


def _add_value(shown: dict[str, object], value: Value, words: Words) -> None:
    if isinstance(value, Amount):
        shown["value"] = _decimal(value.units, value.decimals)
        shown["numberStyle"] = _NUMBER
    elif isinstance(value, Money):
        shown["value"] = _decimal(value.minor, minor_digits(value.currency_code))
        shown["currencyCode"] = value.currency_code
    elif isinstance(value, datetime):
        shown["value"] = _instant(value)
        shown["dateStyle"], shown["timeStyle"] = _DAY, _MINUTE
    else:
        shown["value"] = words.say(value)


def _add_barcode(fields: dict[str, object], barcode: ShownBarcode) -> None:
    shown = {
        "format": _FORMATS[barcode.format],
        "message": barcode.message,
        "messageEncoding": "iso-8859-1" if max(barcode.message, default="") <= "\xff" else "utf-8",
    }
    if barcode.alt_text:
        shown["altText"] = barcode.alt_text
    fields["barcodes"] = [shown]
    if barcode.format in _LEGACY:
        fields["barcode"] = shown


def _decimal(units: int, digits: int) -> int | Decimal:
    return Decimal(units).scaleb(-digits) if digits else units


def _instant(instant: datetime) -> str:
    """To the second, with its zone: phones read no fractions."""
    assert instant.tzinfo is not None
    return instant.isoformat(timespec="seconds")


@lru_cache(1_024)
def _rgb(color: str) -> str:
    """`#rrggbb` as `rgb(r, g, b)`."""
    return f"rgb({int(color[1:3], 16)}, {int(color[3:5], 16)}, {int(color[5:7], 16)})"


_encoder = msgspec.json.Encoder(decimal_format="number")
_COLORS = ("backgroundColor", "foregroundColor", "labelColor")
_STRIP_IMAGES = frozenset({ImageRole.ICON, ImageRole.LOGO, ImageRole.STRIP})
_GENERIC_IMAGES = frozenset({ImageRole.ICON, ImageRole.LOGO, ImageRole.THUMBNAIL})
