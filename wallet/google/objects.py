"""Content as an object: what one card says, whole, so that an update puts all of it right.

An update merges: what it leaves out stays, lists are replaced whole, and null takes away. So everything that we ever
say is said each time, and what there is none of is None.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from rules.passes.content import Content, ShownField
from rules.passes.designs import BarcodeFormat, ImageRole, Source
from wallet.google.classes import image_of, native
from wallet.google.names import Kind, kind_of, object_id
from wallet.google.words import localized, module, plain, points

# Google takes ten messages and shows ten texts; more than that of an object are dropped from its end.
TEXTS_MAX = 10

_BARCODES = {
    BarcodeFormat.QR: "QR_CODE",
    BarcodeFormat.AZTEC: "AZTEC",
    BarcodeFormat.PDF417: "PDF_417",
    BarcodeFormat.CODE128: "CODE_128",
}


def object_of(
    content: Content,
    issuer: str,
    class_name: str,
    passes_url: str,
    now: datetime,
    linked: Sequence[str] = (),
    zone: tzinfo = UTC,
) -> dict[str, Any]:
    """The object of a card. `linked` are the serials of passes whose objects are there already: Google refuses all
    for one that it does not know. Instants are written as the clocks of `zone` show them."""
    kind = kind_of(content.kind)
    made: dict[str, Any] = {
        "id": object_id(issuer, content.serial),
        "classId": class_name,
        "state": _state(content, now),
        "validTimeInterval": {"end": {"date": _instant(content.expires_at)}} if content.expires_at else None,
        "barcode": _barcode(content),
        "textModulesData": [
            module(field.key, field.label, field.value, content.default_language, zone)
            for field in _texts(content, kind)
        ][:TEXTS_MAX],
    }
    if kind is not Kind.OFFER:
        made["linkedObjectIds"] = [object_id(issuer, serial) for serial in linked]
    if kind is Kind.LOYALTY:
        made |= _loyalty(content, zone)
    elif kind is Kind.GENERIC:
        made |= _generic(content, passes_url)
    return made


def inserted(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent where nothing is there yet: without what there is none of."""
    cut: dict[str, Any] = _without_none(dict(body))
    return cut


def _loyalty(content: Content, zone: tzinfo) -> dict[str, Any]:
    balance = _first(content, Source.BALANCE)
    member, name = _first(content, Source.MEMBER_ID), _first(content, Source.MEMBER_NAME)
    default = content.default_language
    return {
        "loyaltyPoints": points(balance.label, balance.value, default, zone) if balance else None,
        "accountId": plain(member.value, default, zone) if member else None,
        "accountName": plain(name.value, default, zone) if name else None,
    }


def _generic(content: Content, passes_url: str) -> dict[str, Any]:
    default = content.default_language
    organization = ((default, content.organization_name),)
    return {
        "cardTitle": localized(organization, default),
        "header": localized(content.logo_text or content.description, default),
        "genericType": "GENERIC_OTHER",
        "hexBackgroundColor": content.colors.background or None,
        "logo": image_of(content, (ImageRole.LOGO, ImageRole.ICON), passes_url),
        "heroImage": image_of(content, (ImageRole.HERO,), passes_url),
    }


def _texts(content: Content, kind: Kind) -> list[ShownField]:
    """The fields that Google has none of its own for."""
    return [field for field in content.fields if not native(kind, field.source)]


def _first(content: Content, source: Source) -> ShownField | None:
    return next((field for field in content.fields if field.source is source), None)


def _state(content: Content, now: datetime) -> str:
    if content.voided:
        return "INACTIVE"
    return "EXPIRED" if content.expires_at is not None and content.expires_at <= now else "ACTIVE"


def _barcode(content: Content) -> dict[str, Any] | None:
    if content.barcode is None:
        return None
    return {
        "type": _BARCODES[content.barcode.format],
        "value": content.barcode.message,
        "alternateText": content.barcode.alt_text or None,
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(part) for name, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value
