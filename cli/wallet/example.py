"""The card of `fealty wallet issue-demo`: points of a café, in two languages, with images drawn here."""

import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from rules.passes.content import Amount, Content, ShownBarcode, ShownField
from rules.passes.designs import BarcodeFormat, Colors, Image, ImageRole, Slot, Source, Text
from rules.passes.designs import PassKind as Kind

SERIAL = "pass_00000000000000000000000000"
_EXPIRE_IN = timedelta(days=90)
_BROWN, _CREAM, _FOAM = (0x4A, 0x2C, 0x2A), (0xF3, 0xE9, 0xDC), (0xC8, 0x9B, 0x7B)
# In points of the screen, as Apple says.
_SIZES = {ImageRole.ICON: (29, 29), ImageRole.LOGO: (50, 50), ImageRole.STRIP: (375, 144)}
_SCALES = (1, 2)

Color = tuple[int, int, int]


def card() -> Content:
    """A card that has one of each that a card of points can show."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Content(
        serial=SERIAL,
        kind=Kind.LOYALTY,
        template="demo",
        template_version=1,
        organization_name="Café Fealty",
        description=_text("Points of Café Fealty", "Punkte von Café Fealty"),
        default_language="en",
        logo_text=_text("Café Fealty", "Café Fealty"),
        colors=Colors("#4a2c2a", "#ffffff", "#f3e9dc"),
        images=tuple(image for image, _ in _drawn()),
        fields=(
            ShownField(
                "points",
                Slot.HEADER,
                Source.BALANCE,
                _text("Points", "Punkte"),
                Amount(1_250),
                _text("You have %@ points now.", "Sie haben jetzt %@ Punkte."),
            ),
            ShownField(
                "next", Slot.SECONDARY, Source.NEXT_REWARD, _text("Next", "Nächstes"), _text("Espresso", "Espresso")
            ),
            ShownField("missing", Slot.SECONDARY, Source.NEXT_REWARD_MISSING, _text("Missing", "Fehlen"), Amount(250)),
            ShownField("expiry", Slot.AUXILIARY, Source.EXPIRES_AT, _text("Expire", "Verfallen"), today + _EXPIRE_IN),
            ShownField(
                "about",
                Slot.BACK,
                Source.TEXT,
                _text("About", "Über"),
                _text(
                    "This card is nobody's, and never changes.", "Diese Karte gehört niemandem und bleibt, wie sie ist."
                ),
            ),
        ),
        barcode=ShownBarcode(BarcodeFormat.QR, SERIAL, SERIAL),
    )


def images() -> Mapping[str, bytes]:
    """The images of the card, by SHA-256."""
    return {image.sha256: data for image, data in _drawn()}


def _text(english: str, german: str) -> Text:
    return (("en", english), ("de", german))


@cache
def _drawn() -> tuple[tuple[Image, bytes], ...]:
    return tuple(_image(role, scale) for role in _SIZES for scale in _SCALES)


def _image(role: ImageRole, scale: int) -> tuple[Image, bytes]:
    width, height = (points * scale for points in _SIZES[role])
    data = _png(width, height, _cups(height))
    return Image(role, hashlib.sha256(data).hexdigest(), width, height, scale), data


def _cups(side: int) -> Callable[[int, int], Color]:
    """Cups from above, in a row."""

    def color(x: int, y: int) -> Color:
        away = ((2 * (x % side) + 1 - side) ** 2 + (2 * y + 1 - side) ** 2) / side**2
        return _FOAM if away < 0.3 else _CREAM if away < 0.75 else _BROWN

    return color


def _png(width: int, height: int, color: Callable[[int, int], Color]) -> bytes:
    """A picture of 8 bits a color, without any filter."""
    rows = b"".join(b"\0" + b"".join(bytes(color(x, y)) for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
