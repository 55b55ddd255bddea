"""Designs of pass templates, for the tests of calls."""

from typing import Any

from fealty.v1 import pass_templates_pb2 as pb


def words(text: str, **others: str) -> list[pb.LocalizedText]:
    """A text in English, and in other languages."""
    return [pb.LocalizedText(language_code=language, text=one) for language, one in {"en": text, **others}.items()]


def field(key: str = "balance", source: str = "BALANCE", slot: str = "HEADER", **more: Any) -> pb.PassField:
    """A field; the balance beside the logo, where nothing else is said."""
    return pb.PassField(
        key=key, slot=f"PASS_FIELD_SLOT_{slot}", source=f"PASS_FIELD_SOURCE_{source}", label=words("Points"), **more
    )


def icon(image: str, **more: Any) -> pb.PassImage:
    """An image of the template."""
    return pb.PassImage(image=image, **{"role": pb.PASS_IMAGE_ROLE_ICON, **more})


def look(**design: Any) -> pb.PassDesign:
    """A design without images: of points of the card `plain`, where nothing else is said."""
    given = {
        "kind": pb.PASS_KIND_LOYALTY,
        "organization_name": "Coffee club",
        "description": words("Card of the coffee club"),
        "card_id": "plain",
        "background_color": "#4a2c12",
        "fields": [field()],
        "barcode": pb.PassBarcode(format=pb.PASS_BARCODE_FORMAT_QR, source=pb.PASS_BARCODE_SOURCE_MEMBER_ID),
    }
    return pb.PassDesign(**{**given, **design})
