"""A design as a class: what all cards of a template have in common."""

from collections.abc import Sequence
from typing import Any

from rules.passes.content import Content, in_language
from rules.passes.designs import Design, Field, Image, ImageRole, Slot, Source
from wallet.google.names import Kind, callback_url, image_url, kind_of
from wallet.google.words import if_several, localized

# Google shows so many rows on the front, of so many fields.
ROWS_MAX = 3
ITEMS_MAX = 3

_ROWS = ((Slot.HEADER, Slot.PRIMARY), (Slot.SECONDARY,), (Slot.AUXILIARY,))
_COUNTS = {
    1: ("oneItem", ("item",)),
    2: ("twoItems", ("startItem", "endItem")),
    3: ("threeItems", ("startItem", "middleItem", "endItem")),
}


class NoLogo(Exception):
    """Google shows no loyalty card without a logo: give the design an image of the role LOGO, or an ICON."""


def class_of(design: Design, class_name: str, passes_url: str) -> dict[str, Any]:
    """The class of a template, whole, as `objects.object_of` says of objects. It tells nothing of anybody.

    A change is sent as UNDER_REVIEW always: Google approves it itself, and refuses whoever says so before it. Raises
    NoLogo.
    """
    kind = kind_of(design.kind)
    common = {
        "id": class_name,
        "callbackOptions": {"url": callback_url(passes_url)},
        "classTemplateInfo": _template_info(design, kind),
        "multipleDevicesAndHoldersAllowedStatus": (
            "ONE_USER_ALL_DEVICES" if design.sharing_prohibited else "MULTIPLE_HOLDERS"
        ),
    }
    if kind is Kind.GENERIC:
        return common
    return {
        **common,
        "issuerName": design.organization_name,
        "reviewStatus": "UNDER_REVIEW",
        "hexBackgroundColor": design.colors.background or None,
        "heroImage": image_of(design, (ImageRole.HERO,), passes_url),
        **(_loyalty(design, passes_url) if kind is Kind.LOYALTY else _offer(design, passes_url)),
    }


def image_of(look: Design | Content, roles: Sequence[ImageRole], passes_url: str) -> dict[str, Any] | None:
    """The best image of the first role that has one: one for all languages before others, then the largest."""
    for role in roles:
        of_role = [image for image in look.images if image.role is role]
        if of_role:
            best = max(of_role, key=lambda image: (_fits(image, look.default_language), image.width * image.height))
            return {
                "sourceUri": {"uri": image_url(passes_url, best.sha256)},
                "contentDescription": localized(look.description, look.default_language),
            }
    return None


def native(kind: Kind, source: Source) -> str:
    """Where an object of the kind shows what comes from a source by a field of Google's own; empty: as text."""
    if kind is not Kind.LOYALTY:
        return ""
    return {
        Source.BALANCE: "loyaltyPoints.balance",
        Source.MEMBER_ID: "accountId",
        Source.MEMBER_NAME: "accountName",
    }.get(source, "")


def _loyalty(design: Design, passes_url: str) -> dict[str, Any]:
    default = design.default_language
    logo = image_of(design, (ImageRole.LOGO, ImageRole.ICON), passes_url)
    if logo is None:
        raise NoLogo
    labels = {field.source: field.label for field in reversed(design.fields)}
    member, name = labels.get(Source.MEMBER_ID, ()), labels.get(Source.MEMBER_NAME, ())
    return {
        "programName": in_language(design.logo_text, default, default) or design.organization_name,
        "localizedProgramName": if_several(design.logo_text, default),
        "programLogo": logo,
        "accountIdLabel": in_language(member, default, default) or None,
        "localizedAccountIdLabel": if_several(member, default),
        "accountNameLabel": in_language(name, default, default) or None,
        "localizedAccountNameLabel": if_several(name, default),
    }


def _offer(design: Design, passes_url: str) -> dict[str, Any]:
    default = design.default_language
    title = design.logo_text or design.description
    return {
        "title": in_language(title, default, default),
        "localizedTitle": if_several(title, default),
        "provider": design.organization_name,
        "redemptionChannel": "BOTH",
        "titleImage": image_of(design, (ImageRole.LOGO, ImageRole.ICON), passes_url),
    }


def _template_info(design: Design, kind: Kind) -> dict[str, Any] | None:
    rows = []
    for slots in _ROWS[:ROWS_MAX]:
        fields = [field for slot in slots for field in design.fields if field.slot is slot][:ITEMS_MAX]
        if fields:
            count, places = _COUNTS[len(fields)]
            rows.append({count: dict(zip(places, (_item(field, kind) for field in fields), strict=True))})
    return {"cardTemplateOverride": {"cardRowTemplateInfos": rows}} if rows else None


def _item(field: Field, kind: Kind) -> dict[str, Any]:
    path = native(kind, field.source) or f"textModulesData['{field.key}']"
    return {"firstValue": {"fields": [{"fieldPath": f"object.{path}"}]}}


def _fits(image: Image, language: str) -> int:
    return 2 if not image.language_code else int(image.language_code == language)
