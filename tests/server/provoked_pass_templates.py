"""How to come to each refusal of pass templates and their images."""

from collections.abc import Awaitable, Callable
from typing import Any

from fealty.v1 import pass_templates_pb2 as pb
from tests.server.club import NAME, WHY, Club
from tests.server.designing import icon
from tests.server.provoked import EXISTS, INVALID, MISSING, REFUSED, Provoked, at_once
from tests.server.serving import fresh

Refused = Callable[[], Awaitable[Any]]

CARD = f"{NAME}/passTemplates/card"
_NO_IMAGE = f"{NAME}/passImages/{'0' * 64}"


def _archive(club: Club) -> Awaitable[Any]:
    request = pb.ArchivePassTemplateRequest(name=CARD, reason=WHY, request_id=fresh())
    return club.admin.pass_templates.ArchivePassTemplate(request)


async def _bad_design(club: Club) -> Refused:
    images = [icon(await club.image())]
    return lambda: club.template(organization_name="", images=images)


async def _no_image(club: Club) -> Refused:
    return lambda: club.template(images=[icon(_NO_IMAGE)])


async def _made_twice(club: Club) -> Refused:
    images = (await club.template()).design.images
    return lambda: club.template(images=images)


async def _archived(club: Club) -> Refused:
    await club.template()
    await _archive(club)
    changed = pb.PassTemplate(name=CARD, display_name="Other")
    return lambda: club.admin.pass_templates.UpdatePassTemplate(
        pb.UpdatePassTemplateRequest(pass_template=changed, request_id=fresh())
    )


async def _archived_twice(club: Club) -> Refused:
    await club.template()
    await _archive(club)
    return lambda: _archive(club)


OF_PASS_TEMPLATES: dict[str, Provoked] = {
    "DESIGN_INVALID": Provoked(INVALID, {"what": "organization_name is empty; say who gives the card"}, _bad_design),
    "PASS_IMAGE_INVALID": Provoked(
        INVALID, {"what": "it is no PNG; save it as one"}, at_once(lambda club: club.image(b"GIF89a"))
    ),
    "PASS_TEMPLATE_NOT_FOUND": Provoked(MISSING, {"program": NAME}, at_once(_archive)),
    "PASS_IMAGE_NOT_FOUND": Provoked(MISSING, {"image": _NO_IMAGE}, _no_image),
    "PASS_TEMPLATE_EXISTS": Provoked(EXISTS, {"pass_template": CARD}, _made_twice),
    "PASS_TEMPLATE_ARCHIVED": Provoked(REFUSED, {"pass_template": CARD}, _archived),
    "PASS_TEMPLATE_STATE": Provoked(REFUSED, {"pass_template": CARD, "state": "ARCHIVED"}, _archived_twice),
}
