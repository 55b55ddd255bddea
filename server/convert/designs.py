"""Designs of pass templates."""

from collections.abc import Iterable

from fealty.v1 import pass_templates_pb2 as pb
from rules.passes.designs import (
    Barcode,
    BarcodeFormat,
    BarcodeSource,
    Colors,
    Design,
    Field,
    Image,
    ImageRole,
    PassKind,
    Slot,
    Source,
    Text,
)
from server.convert import names
from server.errors import RequestInvalid
from server.policy import word
from storage.passes.images import image_name


def design(given: pb.PassDesign, program: str) -> Design:
    """The design in a request; `program` is the public id of that of its template. One without a kind, as an update of
    other fields sends it, is taken for one of points. The sizes of images are not known here. Raises RequestInvalid."""
    return Design(
        PassKind(word(pb.PassKind, given.kind, "PASS_KIND_") or PassKind.LOYALTY),
        given.organization_name,
        _text(given.description),
        given.default_language or "en",
        given.card_id,
        _campaign(given.campaign, program) if given.campaign else "",
        _text(given.logo_text),
        Colors(*(color.lower() for color in (given.background_color, given.foreground_color, given.label_color))),
        tuple(_image(image, number, program) for number, image in enumerate(given.images)),
        tuple(map(_field, given.fields)),
        _barcode(given.barcode) if given.HasField("barcode") else None,
        given.sharing_prohibited,
        given.apple_pass_type,
        given.google_issuer,
    )


def design_message(shown: Design, program: str) -> pb.PassDesign:
    """A design as the contract shows it."""
    found = pb.PassDesign(
        kind=f"PASS_KIND_{shown.kind}",
        organization_name=shown.organization_name,
        description=_texts(shown.description),
        default_language=shown.default_language,
        card_id=shown.card_id,
        campaign=f"programs/{program}/couponCampaigns/{shown.campaign_id}" if shown.campaign_id else "",
        logo_text=_texts(shown.logo_text),
        background_color=shown.colors.background,
        foreground_color=shown.colors.foreground,
        label_color=shown.colors.label,
        sharing_prohibited=shown.sharing_prohibited,
        apple_pass_type=shown.apple_pass_type,
        google_issuer=shown.google_issuer,
    )
    for image in shown.images:
        found.images.add(
            role=f"PASS_IMAGE_ROLE_{image.role}",
            image=image_name(program, image.sha256),
            scale=image.scale,
            language_code=image.language_code,
        )
    for field in shown.fields:
        found.fields.add(
            key=field.key,
            slot=f"PASS_FIELD_SLOT_{field.slot}",
            source=f"PASS_FIELD_SOURCE_{field.source}",
            label=_texts(field.label),
            text=_texts(field.text),
            change_message=_texts(field.change_message),
        )
    if shown.barcode:
        barcode = pb.PassBarcode(
            format=f"PASS_BARCODE_FORMAT_{shown.barcode.format}",
            source=f"PASS_BARCODE_SOURCE_{shown.barcode.source}",
            hides_text=not shown.barcode.shows_text,
        )
        found.barcode.CopyFrom(barcode)
    return found


def _text(given: Iterable[pb.LocalizedText]) -> Text:
    return tuple((one.language_code, one.text) for one in given)


def _texts(text: Text) -> list[pb.LocalizedText]:
    return [pb.LocalizedText(language_code=language, text=words) for language, words in text]


def _image(given: pb.PassImage, number: int, program: str) -> Image:
    of, sha256 = names.image(given.image)
    if of != program:
        path = f"pass_template.design.images[{number}].image"
        raise RequestInvalid([(path, "must be an image of the program of the template")])
    role = ImageRole(word(pb.PassImageRole, given.role, "PASS_IMAGE_ROLE_"))
    return Image(role, sha256, 0, 0, given.scale or 1, given.language_code)


def _field(given: pb.PassField) -> Field:
    return Field(
        given.key,
        Slot(word(pb.PassFieldSlot, given.slot, "PASS_FIELD_SLOT_")),
        Source(word(pb.PassFieldSource, given.source, "PASS_FIELD_SOURCE_")),
        _text(given.label),
        _text(given.text),
        _text(given.change_message),
    )


def _barcode(given: pb.PassBarcode) -> Barcode:
    return Barcode(
        BarcodeFormat(word(pb.PassBarcodeFormat, given.format, "PASS_BARCODE_FORMAT_")),
        BarcodeSource(word(pb.PassBarcodeSource, given.source, "PASS_BARCODE_SOURCE_")),
        not given.hides_text,
    )


def _campaign(name: str, program: str) -> str:
    of, campaign = names.campaign(name)
    if of != program:
        raise RequestInvalid([("pass_template.design.campaign", "must be a campaign of the program of the template")])
    return campaign
