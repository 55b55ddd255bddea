"""The template of the demo's cards: points of a household, with the pictures of `fealty wallet issue-demo`."""

import asyncio
from collections.abc import Callable

from cli.phones.phone import POINTS_FIELD
from cli.phones.standins import ISSUER, PASS_TYPE
from cli.wallet import example
from fealty import AsyncFealty, Refused
from fealty.v1 import pass_templates_pb2 as pb
from rules.passes.designs import Image

ID = "journey"
TITLE = "The Complete Journey"


def name(program: str) -> str:
    """Its resource name, in a program."""
    return f"{program}/passTemplates/{ID}"


async def make(fealty: AsyncFealty, program: str, card_id: str, request_id: Callable[[str], str]) -> None:
    """Makes it where there is none; `request_id` names a request by what it makes."""
    try:
        await fealty.pass_templates.GetPassTemplate(pb.GetPassTemplateRequest(name=name(program)))
        return
    except Refused as refused:
        if refused.reason != "PASS_TEMPLATE_NOT_FOUND":
            raise
    contents = example.images()

    async def upload(image: Image) -> pb.PassImage:
        request = pb.UploadPassImageRequest(
            parent=program, content=contents[image.sha256], request_id=request_id(f"image-{image.sha256[:16]}")
        )
        made = await fealty.pass_templates.UploadPassImage(request)
        return pb.PassImage(role=f"PASS_IMAGE_ROLE_{image.role}", image=made.name, scale=image.scale)

    images = await asyncio.gather(*map(upload, example.card().images))
    made = pb.PassTemplate(display_name=TITLE, design=_design(card_id, images))
    await fealty.pass_templates.CreatePassTemplate(
        pb.CreatePassTemplateRequest(
            parent=program, pass_template_id=ID, pass_template=made, request_id=request_id("template")
        )
    )


def _design(card_id: str, images: list[pb.PassImage]) -> pb.PassDesign:
    return pb.PassDesign(
        kind=pb.PASS_KIND_LOYALTY,
        organization_name=TITLE,
        description=_text(f"Points of {TITLE}"),
        card_id=card_id,
        background_color="#4a2c2a",
        images=images,
        fields=[
            _field(POINTS_FIELD, "HEADER", "BALANCE", "Points", change_message=_text("You have %@ points now.")),
            _field("pending", "SECONDARY", "PENDING", "Soon"),
            _field("member", "AUXILIARY", "MEMBER_NAME", "Member"),
        ],
        barcode=pb.PassBarcode(format=pb.PASS_BARCODE_FORMAT_QR, source=pb.PASS_BARCODE_SOURCE_MEMBER_ID),
        apple_pass_type=PASS_TYPE,
        google_issuer=ISSUER,
    )


def _field(
    key: str, slot: str, source: str, label: str, change_message: list[pb.LocalizedText] | None = None
) -> pb.PassField:
    return pb.PassField(
        key=key,
        slot=f"PASS_FIELD_SLOT_{slot}",
        source=f"PASS_FIELD_SOURCE_{source}",
        label=_text(label),
        change_message=change_message,
    )


def _text(english: str) -> list[pb.LocalizedText]:
    return [pb.LocalizedText(language_code="en", text=english)]
