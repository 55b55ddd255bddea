"""Cards of each kind, with images, for tests that make passes of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from rules.passes.content import Amount, Content, Money, ShownBarcode, ShownField, Value
from rules.passes.designs import BarcodeFormat, Colors, Image, ImageRole, PassKind, Slot, Source, Text

EXPIRES_AT = datetime(2027, 1, 31, 23, 0, tzinfo=UTC)
_PNG = b"\x89PNG\r\n\x1a\n"


def png(about: str) -> bytes:
    """What begins as a PNG; nothing here looks further."""
    return _PNG + about.encode()


def image(role: ImageRole, scale: int = 1, language: str = "") -> Image:
    """An image of its own content."""
    return Image(role, hashlib.sha256(png(f"{role}{scale}{language}")).hexdigest(), 10, 10, scale, language)


def both(english: str, german: str) -> Text:
    """In two languages."""
    return (("en", english), ("de", german))


def field(key: str, slot: Slot, value: Value, label: Text = (), message: Text = ()) -> ShownField:
    """A field, whatever its source."""
    return ShownField(key, slot, Source.TEXT, label, value, message)


IMAGES = (
    *(image(role, scale) for role in ImageRole for scale in (1, 2, 3)),
    image(ImageRole.LOGO, 2, "de"),
)
STORED: Mapping[str, bytes] = {one.sha256: png(f"{one.role}{one.scale}{one.language_code}") for one in IMAGES}
FIELDS = (
    field(
        "balance", Slot.HEADER, Amount(125_050, 2), both("Points", "Punkte"), both("Now %@ points", "Jetzt %@ Punkte")
    ),
    field("stamps", Slot.PRIMARY, Amount(7)),
    field("value", Slot.SECONDARY, Money(1_250, "EUR"), both("Worth", "Wert")),
    field("next", Slot.SECONDARY, both("Coffee", "Kaffee"), both("Next", "Nächste")),
    field("until", Slot.AUXILIARY, EXPIRES_AT, both("Until", "Bis")),
    field("name", Slot.AUXILIARY, (("en", 'Jana "J" \\ Nováková'),), both("Member", "Mitglied")),
    field("terms", Slot.BACK, both("One.\nTwo.", "Eins.\nZwei.")),
)
CARD = Content(
    serial="pass_01h455vb4pex5vsknk084sn02q",
    kind=PassKind.LOYALTY,
    template="gold",
    template_version=3,
    organization_name="Café Example",
    description=both("Loyalty card", "Kundenkarte"),
    default_language="en",
    logo_text=both("Example", "Beispiel"),
    colors=Colors("#112233", "#ffffff", "#EEEEEE"),
    images=IMAGES,
    fields=FIELDS,
    barcode=ShownBarcode(BarcodeFormat.QR, "customer_01h455vb4pex5vsknk084sn02q", "0815"),
    expires_at=EXPIRES_AT,
)


def card(**changes: Any) -> Content:
    """CARD, but for some of it."""
    return replace(CARD, **changes)
