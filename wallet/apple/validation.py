"""Whether a phone would take a pass.json, by Apple's rules alone: nothing here knows how ours is written.

A phone that does not take one says nothing about why. What is not known here is refused too: a key that is spelled
wrong does nothing on a phone, and nobody notices.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from wallet.failures import WalletError

TOKEN_MIN = 16
LOCATIONS_MAX = 10

STYLES = ("storeCard", "coupon", "generic")
_REQUIRED = ("passTypeIdentifier", "serialNumber", "teamIdentifier", "organizationName", "description")
_SLOTS = ("headerFields", "primaryFields", "secondaryFields", "auxiliaryFields", "backFields")
_LEGACY_FORMATS = ("PKBarcodeFormatQR", "PKBarcodeFormatPDF417", "PKBarcodeFormatAztec")
_FORMATS = (*_LEGACY_FORMATS, "PKBarcodeFormatCode128")
_DATE_STYLES = tuple(f"PKDateStyle{name}" for name in ("None", "Short", "Medium", "Long", "Full"))
_NUMBER_STYLES = tuple(f"PKNumberStyle{name}" for name in ("Decimal", "Percent", "Scientific", "SpellOut"))
_ALIGNMENTS = tuple(f"PKTextAlignment{name}" for name in ("Left", "Center", "Right", "Natural"))
_DETECTORS = tuple(f"PKDataDetectorType{name}" for name in ("PhoneNumber", "Link", "Address", "CalendarEvent"))
_COLOR = re.compile(r"rgb\((\d{1,3}), (\d{1,3}), (\d{1,3})\)")
# ISO 8601 as W3C has it: to the minute or second, with a zone.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)")
_CURRENCY = re.compile(r"[A-Z]{3}")

Check = Callable[[Any], str]


class PassJsonInvalid(WalletError):
    """No phone takes this pass.json: {where} {why}."""


def validate(text: bytes) -> Mapping[str, Any]:
    """The pass.json, where a phone takes it. Raises PassJsonInvalid, at the first thing that is wrong."""
    try:
        card = json.loads(text.decode(), object_pairs_hook=_object, parse_float=Decimal, parse_constant=_refused)
    except (ValueError, RecursionError) as error:
        raise PassJsonInvalid(where="it", why=f"is no JSON in UTF-8 ({error})") from None
    if not isinstance(card, dict):
        raise PassJsonInvalid(where="it", why="is no object")
    for where, why in _faults(card):
        raise PassJsonInvalid(where=where, why=why)
    return card


def _faults(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if card.get("formatVersion") != 1 or isinstance(card["formatVersion"], bool):
        yield "formatVersion", "is not 1"
    for name in _REQUIRED:
        if why := _words(card.get(name)):
            yield name, why
    styles = [name for name in STYLES if name in card]
    if len(styles) != 1:
        yield "the style", f"is one of {', '.join(STYLES)}, and there are {len(styles)}"
    yield from _known("", card, _TOP)
    yield from _service(card)
    for number, barcode in enumerate(_items(card.get("barcodes"))):
        yield from _barcode(f"barcodes[{number}]", barcode, _FORMATS)
    if "barcode" in card:
        yield from _barcode("barcode", card["barcode"], _LEGACY_FORMATS)
        if card["barcode"] not in _items(card.get("barcodes")):
            yield "barcode", "is none of barcodes, which newer phones look at"
    if len(_items(card.get("locations"))) > LOCATIONS_MAX:
        yield "locations", f"are more than {LOCATIONS_MAX}"
    for style in styles:
        yield from _fields(style, card[style])


def _service(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if ("webServiceURL" in card) != ("authenticationToken" in card):
        yield "webServiceURL", "and authenticationToken stand together or not at all"
    if "webServiceURL" not in card:
        return
    url, token = card["webServiceURL"], card["authenticationToken"]
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme != "https" or not parts.hostname:
        yield "webServiceURL", "is no https URL"
    elif parts.path.rstrip("/").endswith("/v1"):
        yield "webServiceURL", "ends with the /v1 that phones add by themselves"
    if not isinstance(token, str) or len(token) < TOKEN_MIN or not token.isascii():
        yield "authenticationToken", f"is no text of {TOKEN_MIN} characters of ASCII at least"


def _barcode(where: str, barcode: Any, formats: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(barcode, dict):
        yield where, "is no object"
        return
    yield from _known(where, barcode, {"format": _one_of(*formats), **_BARCODE})
    for name in ("format", "message", "messageEncoding"):
        if name not in barcode:
            yield f"{where}.{name}", "is missing"
    try:
        barcode["message"].encode(barcode["messageEncoding"])
    except (LookupError, ValueError):
        yield f"{where}.message", f"cannot be said in {barcode['messageEncoding']}"


def _fields(style: str, slots: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(slots, dict):
        yield style, "is no object"
        return
    yield from _known(style, slots, dict.fromkeys(_SLOTS, _list))
    keys: set[str] = set()
    for slot, fields in slots.items():
        for number, field in enumerate(fields):
            where = f"{style}.{slot}[{number}]"
            if not isinstance(field, dict):
                yield where, "is no object"
                continue
            yield from _field(where, field)
            if field["key"] in keys:
                yield f"{where}.key", f'"{field["key"]}" is of another field too'
            keys.add(field["key"])


def _field(where: str, field: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if why := _words(field.get("key")):
        yield f"{where}.key", why
    yield from _known(where, field, _FIELD)
    value = field.get("value")
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not is_number and not isinstance(value, str):
        yield f"{where}.value", "is neither a text nor a number"
    if "%@" not in field.get("changeMessage", "%@"):
        yield f"{where}.changeMessage", "lacks the %@ for the new value"
    has_date = not _instant(value)
    for name in ("dateStyle", "timeStyle", "isRelative", "ignoresTimeZone"):
        if name in field and not has_date:
            yield f"{where}.{name}", "is for instants, and the value is none with a zone"
    for name in ("numberStyle", "currencyCode"):
        if name in field and not is_number:
            yield f"{where}.{name}", "is for numbers, and the value is none"
    if "numberStyle" in field and "currencyCode" in field:
        yield f"{where}.currencyCode", "cannot stand beside numberStyle"


def _known(where: str, given: Mapping[str, Any], checks: Mapping[str, Check]) -> Iterator[tuple[str, str]]:
    """What is wrong with the keys of an object, each by itself."""
    for name, value in given.items():
        place = f"{where}.{name}" if where else name
        if name not in checks:
            yield place, "is nothing that Apple knows"
        elif why := checks[name](value):
            yield place, why


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _any(_: Any) -> str:
    return ""


def _words(value: Any) -> str:
    return "" if isinstance(value, str) and value else "is no text, or empty"


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else "is no text"


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "is neither true nor false"


def _list(value: Any) -> str:
    return "" if isinstance(value, list) else "is no list"


def _color(value: Any) -> str:
    found = _COLOR.fullmatch(value) if isinstance(value, str) else None
    return "" if found and all(int(part) <= 255 for part in found.groups()) else "is no rgb(r, g, b)"


def _instant(value: Any) -> str:
    try:
        if isinstance(value, str) and _INSTANT.fullmatch(value) and datetime.fromisoformat(value):
            return ""
    except ValueError:
        pass
    return "is no instant with a zone (ISO 8601)"


def _one_of(*choices: str) -> Check:
    return lambda value: "" if value in choices else f"is none of {', '.join(choices)}"


def _each_of(*choices: str) -> Check:
    return lambda value: "" if isinstance(value, list) and set(map(str, value)) <= set(choices) else "has unknown words"


def _currency(value: Any) -> str:
    return "" if isinstance(value, str) and _CURRENCY.fullmatch(value) else "is no currency (ISO 4217)"


def _object(pairs: Iterable[tuple[str, Any]]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} stands in it twice")
        found[name] = value
    return found


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no number")


_TOP: Mapping[str, Check] = {
    "formatVersion": _any,
    **dict.fromkeys(_REQUIRED, _words),
    **dict.fromkeys(STYLES, _any),
    "webServiceURL": _text,
    "authenticationToken": _text,
    "logoText": _text,
    **dict.fromkeys(("backgroundColor", "foregroundColor", "labelColor"), _color),
    "expirationDate": _instant,
    "relevantDate": _instant,
    **dict.fromkeys(("voided", "sharingProhibited", "suppressStripShine"), _flag),
    **dict.fromkeys(("barcodes", "locations", "beacons", "relevantDates", "associatedStoreIdentifiers"), _list),
    "barcode": _any,
    "appLaunchURL": _text,
    "maxDistance": _any,
    "nfc": _any,
    "userInfo": _any,
}
_BARCODE: Mapping[str, Check] = {"message": _words, "messageEncoding": _words, "altText": _text}
_FIELD: Mapping[str, Check] = {
    "key": _words,
    "label": _text,
    "value": _any,
    "attributedValue": _any,
    "changeMessage": _text,
    "textAlignment": _one_of(*_ALIGNMENTS),
    "dataDetectorTypes": _each_of(*_DETECTORS),
    "dateStyle": _one_of(*_DATE_STYLES),
    "timeStyle": _one_of(*_DATE_STYLES),
    "isRelative": _flag,
    "ignoresTimeZone": _flag,
    "numberStyle": _one_of(*_NUMBER_STYLES),
    "currencyCode": _currency,
    "semantics": _any,
}
