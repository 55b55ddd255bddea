"""Which designs of passes are possible: what contradicts itself, the program, or what wallets can show.

Source of what wallets can show: Apple, "Pass Design and Creation" (archived) and "Creating a pass".
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from rules.cards import CardKind
from rules.passes.designs import BarcodeSource, Colors, Design, Field, Image, ImageRole, PassKind, Slot, Source, Text
from rules.passes.images import fault_of
from rules.passes.refusals import DesignInvalid, PassTemplateArchived, PassTemplateStateWrong
from rules.programs import Settings
from rules.refusals import FieldFixed

# Each card carries its words in every language, and each record of a change those that changed.
DESIGN_BYTES_MAX = 65_536
# Of a pass, whose images each phone loads with it, and each mail carries.
IMAGES_BYTES_MAX = 2_097_152
# How many fields a card has room for, by where they stand. Fields of the last two rows share theirs.
ROOM = {Slot.HEADER: 3, Slot.PRIMARY: 1, Slot.BACK: 20}
ROOM_IN_ROWS = 4
# What stands for the new value in a message of a change.
PLACEHOLDER = "%@"

_OF_CARD = {PassKind.LOYALTY: CardKind.POINTS, PassKind.STAMPS: CardKind.STAMPS}
_BALANCES = {Source.BALANCE, Source.PENDING, Source.EXPIRING, Source.EXPIRES_AT}
_NEXT = {Source.NEXT_REWARD, Source.NEXT_REWARD_MISSING}
_COUPON = {Source.COUPON_NAME, Source.COUPON_VALUE, Source.COUPON_EXPIRES_AT, Source.COUPON_CODE}
# What each kind can show beside words and the customer; and which images Apple shows of it.
_SOURCES = {
    PassKind.LOYALTY: _BALANCES | _NEXT,
    PassKind.STAMPS: _BALANCES | _NEXT | {Source.FULL_CARDS},
    PassKind.COUPON: _COUPON,
    PassKind.GENERIC: {Source.REWARD_NAME},
}
_ALWAYS = {Source.TEXT, Source.MEMBER_NAME, Source.MEMBER_ID}
_NOT_OF_GENERIC, _ONLY_OF_GENERIC = ImageRole.STRIP, ImageRole.THUMBNAIL


def check_design(design: Design, settings: Settings, program: str) -> None:
    """Raises DesignInvalid, whose sentence says what to do, and CardNotFound. `program` is its public id."""
    for what in _faults(design):
        raise DesignInvalid(what=what)
    if design.kind not in _OF_CARD:
        return
    card = settings.card(design.card_id, program)
    if card.kind is not _OF_CARD[design.kind]:
        raise DesignInvalid(
            what=f"card {card.card_id} counts {card.kind.lower()}; name another, or make the template one of"
            f" {'stamps' if design.kind is PassKind.LOYALTY else 'points'}"
        )


def check_change(old: Design, new: Design, has_passes: bool) -> None:
    """Raises FieldFixed where cards that are in phones would become something else. Once there are passes, an account
    that is named stays too: phones ask for their cards by it, and with another's certificate none can be reached."""
    for field in ("kind", "card_id"):
        if getattr(old, field) != getattr(new, field):
            raise FieldFixed(field=f"design.{field}")
    for field in ("apple_pass_type", "google_issuer"):
        if has_passes and getattr(old, field) not in ("", getattr(new, field)):
            raise FieldFixed(field=f"design.{field}")


def check_active(archived: bool, template: str) -> None:
    """Raises PassTemplateArchived; `template` is its public id."""
    if archived:
        raise PassTemplateArchived(pass_template=template)


def check_state(archived: bool, wanted: bool, template: str, state: str) -> None:
    """Raises PassTemplateStateWrong where it is what it is to become."""
    if archived == wanted:
        raise PassTemplateStateWrong(pass_template=template, state=state)


def check_weight(bytes_together: int) -> None:
    """Raises DesignInvalid where the images of a design are too much for phones together."""
    if bytes_together > IMAGES_BYTES_MAX:
        raise DesignInvalid(
            what=f"its images have {bytes_together:,} bytes together, and every phone loads them; make them at most"
            f" {IMAGES_BYTES_MAX:,}"
        )


def tidied(design: Design) -> Design:
    """The same design with texts, images in the one order that there is: what says the same is the same."""
    return replace(
        design,
        description=_tidied(design.description, design),
        logo_text=_tidied(design.logo_text, design),
        images=tuple(sorted(design.images, key=lambda image: (image.role, image.language_code, image.scale))),
        fields=tuple(
            replace(
                field,
                label=_tidied(field.label, design),
                text=_tidied(field.text, design),
                change_message=_tidied(field.change_message, design),
            )
            for field in design.fields
        ),
    )


def _tidied(text: Text, design: Design) -> Text:
    return tuple(sorted(text, key=lambda one: (one[0] != design.default_language, *one)))


def _faults(design: Design) -> Iterator[str]:
    if not design.organization_name.strip():
        yield "organization_name is empty; say who gives the card"
    if not design.description:
        yield "description is empty; say what is read out to who cannot see the card"
    yield from _about_what(design)
    yield from _of_colors(design.colors)
    for path, text in _texts(design):
        yield from _of_text(path, text, design.default_language)
    yield from _of_spellings(design)
    yield from _of_keys(design)
    for field in design.fields:
        yield from _of_field(field, design.kind)
    yield from _of_room(design)
    yield from _of_images(design)
    if design.barcode and design.barcode.source is BarcodeSource.COUPON_CODE and design.kind is not PassKind.COUPON:
        yield "its barcode shows the code of a coupon, which only one of coupons has; show the member or the pass"
    size = len(msgspec.json.encode(design))
    if size > DESIGN_BYTES_MAX:
        yield f"it has {size:,} bytes of words; shorten them to {DESIGN_BYTES_MAX:,}"


def _about_what(design: Design) -> Iterator[str]:
    if design.kind in _OF_CARD and not design.card_id:
        yield "card_id is empty; say whose balance it shows"
    if design.kind not in _OF_CARD and design.card_id:
        yield f"a template of {_called(design.kind)} shows no balance; leave card_id out"
    if design.kind is not PassKind.COUPON and design.campaign_id:
        yield f"a template of {_called(design.kind)} shows no coupon; leave campaign out"


def _of_colors(colors: Colors) -> Iterator[str]:
    # Labels may be hidden so.
    if colors.foreground and colors.foreground.casefold() == colors.background.casefold():
        yield "foreground_color is its background_color, on which nobody could read it; choose another"


def _called(kind: PassKind) -> str:
    return {PassKind.LOYALTY: "points", PassKind.STAMPS: "stamps", PassKind.COUPON: "coupons"}.get(kind, "kind generic")


def _texts(design: Design) -> Iterator[tuple[str, Text]]:
    yield "description", design.description
    yield "logo_text", design.logo_text
    for field in design.fields:
        yield f"the label of field {field.key}", field.label
        yield f"the text of field {field.key}", field.text
        yield f"the change_message of field {field.key}", field.change_message


def _of_text(path: str, text: Text, default: str) -> Iterator[str]:
    languages = Counter(language for language, _ in text)
    for language, times in languages.items():
        if times > 1:
            yield f"{path} has {language} {times} times; give each language once"
    if text and default not in languages:
        yield f"{path} has nothing in {default}, its default_language; add it"
    if any(not words.strip() for _, words in text):
        yield f"{path} has a text without words; leave that language out"


def _of_spellings(design: Design) -> Iterator[str]:
    """Languages are folders in a pass, and some file systems do not tell cases apart."""
    spelt: dict[str, str] = {design.default_language.casefold(): design.default_language}
    found = [language for _, text in _texts(design) for language, _ in text]
    for language in (*found, *(image.language_code for image in design.images)):
        other = spelt.setdefault(language.casefold(), language)
        if other != language:
            yield f"a language is spelt {other} and {language}; spell it one way"


def _of_keys(design: Design) -> Iterator[str]:
    for key, times in Counter(field.key for field in design.fields).items():
        if times > 1:
            yield f"{times} fields have the key {key}; give each a key of its own"


def _of_field(field: Field, kind: PassKind) -> Iterator[str]:
    if field.source not in _SOURCES[kind] | _ALWAYS:
        yield f"field {field.key} shows {field.source}, which a template of {_called(kind)} does not have; show another"
    if field.source is Source.TEXT and not field.text:
        yield f"field {field.key} has no text; give one, or another source"
    if field.source is not Source.TEXT and field.text:
        yield f"field {field.key} shows {field.source} and not its text; leave the text out, or show TEXT"
    for language, words in field.change_message:
        if words.count(PLACEHOLDER) != 1:
            yield (
                f"the change_message of field {field.key} in {language} does not have {PLACEHOLDER} once; put it where"
                " the new value is to stand"
            )


def _of_room(design: Design) -> Iterator[str]:
    used = Counter(field.slot for field in design.fields)
    for slot, room in ROOM.items():
        if used[slot] > room:
            yield f"it has {used[slot]} fields in {slot}, where there is room for {room}; move some"
    in_rows = used[Slot.SECONDARY] + used[Slot.AUXILIARY]
    if in_rows > ROOM_IN_ROWS:
        yield f"it has {in_rows} fields in SECONDARY and AUXILIARY, which have room for {ROOM_IN_ROWS}; move some"


def _of_images(design: Design) -> Iterator[str]:
    for place, times in Counter(map(_place, design.images)).items():
        if times > 1:
            yield f"{_said(*place)} is there {times} times; leave one"
    if not any(image.role is ImageRole.ICON and not image.language_code for image in design.images):
        yield "it has no ICON for all languages; phones show it where they tell of a change: add one"
    for image in design.images:
        if (design.kind is PassKind.GENERIC and image.role is _NOT_OF_GENERIC) or (
            design.kind is not PassKind.GENERIC and image.role is _ONLY_OF_GENERIC
        ):
            yield f"a card of {_called(design.kind)} shows no {image.role}; leave it out"
        if what := fault_of(image):
            yield what
    yield from _of_languages(design.images)


def _of_languages(images: tuple[Image, ...]) -> Iterator[str]:
    """A phone takes all images of a language from its folder: what lacks there is not shown."""
    localized = {(image.role, image.scale) for image in images if image.language_code}
    for language in sorted({image.language_code for image in images} - {""}):
        there = {(image.role, image.scale) for image in images if image.language_code == language}
        for role, scale in sorted(localized - there):
            yield f"{_said(role, scale, language)} is missing, which other languages have; add it"


def _place(image: Image) -> tuple[ImageRole, int, str]:
    return image.role, image.scale, image.language_code


def _said(role: ImageRole, scale: int, language: str) -> str:
    return f"{role} at scale {scale}{f' in {language}' if language else ''}"
