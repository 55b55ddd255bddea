"""Designs: which are possible, and that whoever made one that is not is told what to do."""

from dataclasses import replace
from typing import Any

import pytest

from rules.cards import CardKind
from rules.passes.checking import (
    DESIGN_BYTES_MAX,
    IMAGES_BYTES_MAX,
    check_active,
    check_change,
    check_design,
    check_state,
    check_weight,
    tidied,
)
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
)
from rules.passes.refusals import DesignInvalid, PassTemplateArchived, PassTemplateStateWrong
from rules.programs import Card, EarnRate, Settings
from rules.refusals import CardNotFound, FieldFixed

RATE = EarnRate(1, 1, "EUR")
PLAIN = Card("plain", "Plain", 0, RATE)
STAMPS = Card("stamps", "Stamps", 0, RATE, kind=CardKind.STAMPS, stamps_per_reward=10)
SETTINGS = Settings("Coffee club", "Europe/Prague", (PLAIN, STAMPS))

ICON = Image(ImageRole.ICON, "aa", 29, 29)
POINTS = Field("balance", Slot.HEADER, Source.BALANCE, (("en", "Points"),))
CARD = Design(PassKind.LOYALTY, "Coffee club", (("en", "Card"),), card_id="plain", images=(ICON,), fields=(POINTS,))
COUPON = replace(CARD, kind=PassKind.COUPON, card_id="", fields=(Field("value", Slot.PRIMARY, Source.COUPON_VALUE),))
GENERIC = replace(CARD, kind=PassKind.GENERIC, card_id="", fields=())
WORDS = Field("hours", Slot.BACK, Source.TEXT, text=(("en", "9 to 5"),))


def fields(slot: Slot, count: int) -> tuple[Field, ...]:
    """As many fields of words in one slot."""
    return tuple(replace(WORDS, key=f"{slot.lower()}{number}", slot=slot) for number in range(count))


FULL = (
    *fields(Slot.HEADER, 3),
    *fields(Slot.PRIMARY, 1),
    *fields(Slot.SECONDARY, 2),
    *fields(Slot.AUXILIARY, 2),
    *fields(Slot.BACK, 20),
)


@pytest.mark.parametrize(
    "design",
    [
        CARD,
        replace(CARD, fields=FULL),
        replace(CARD, kind=PassKind.STAMPS, card_id="stamps", fields=(replace(POINTS, source=Source.FULL_CARDS),)),
        COUPON,
        replace(COUPON, campaign_id="spring", barcode=Barcode(BarcodeFormat.QR, BarcodeSource.COUPON_CODE)),
        GENERIC,
        replace(GENERIC, images=(ICON, Image(ImageRole.THUMBNAIL, "bb", 90, 90))),
        replace(CARD, images=(ICON, replace(ICON, language_code="de"), replace(ICON, scale=2))),
        replace(CARD, default_language="de", description=(("de", "Karte"), ("en", "Card")), fields=()),
        replace(CARD, fields=(replace(POINTS, change_message=(("en", "Now %@ points"),)),)),
    ],
)
def test_a_design_that_wallets_can_show_is_taken(design: Design) -> None:
    """All of Apple's room may be used."""
    check_design(design, SETTINGS, "coffee")


def with_field(**changes: Any) -> Design:
    """The card with its field changed."""
    return replace(CARD, fields=(replace(POINTS, **changes),))


@pytest.mark.parametrize(
    ("design", "what"),
    [
        (replace(CARD, organization_name=" "), "say who gives the card"),
        (replace(CARD, description=()), "say what is read out"),
        (replace(CARD, description=(("en", "a"), ("en", "b"))), "description has en 2 times"),
        (replace(CARD, description=(("de", "Karte"),)), "description has nothing in en, its default_language"),
        (replace(CARD, description=(("en", " "),)), "a text without words"),
        (replace(CARD, logo_text=(("de", "Klub"),)), "logo_text has nothing in en"),
        (replace(CARD, description=(("en", "a"), ("pt-BR", "b"), ("pt-br", "c"))), "spelt pt-BR and pt-br"),
        (with_field(label=(("cs", "Body"),)), "the label of field balance has nothing in en"),
        (replace(CARD, colors=Colors("#4A2C12", "#4a2c12")), "foreground_color is its background_color"),
        (replace(CARD, card_id=""), "card_id is empty"),
        (replace(CARD, card_id="stamps"), "card stamps counts stamps"),
        (replace(CARD, kind=PassKind.STAMPS), "card plain counts points"),
        (replace(COUPON, card_id="plain"), "leave card_id out"),
        (replace(CARD, campaign_id="spring"), "leave campaign out"),
        (replace(CARD, fields=(POINTS, POINTS)), "2 fields have the key balance"),
        (with_field(source=Source.COUPON_CODE), "shows COUPON_CODE, which a template of points does not have"),
        (with_field(source=Source.FULL_CARDS), "shows FULL_CARDS"),
        (with_field(source=Source.REWARD_NAME), "shows REWARD_NAME"),
        (replace(COUPON, fields=(POINTS,)), "a template of coupons does not have"),
        (replace(GENERIC, fields=(replace(POINTS, source=Source.NEXT_REWARD),)), "kind generic does not have"),
        (with_field(source=Source.TEXT), "has no text"),
        (with_field(text=(("en", "five"),)), "and not its text"),
        (with_field(change_message=(("en", "It changed"),)), "in en does not have %@ once"),
        (with_field(change_message=(("en", "%@ and %@"),)), "does not have %@ once"),
        (replace(CARD, fields=fields(Slot.HEADER, 4)), "4 fields in HEADER, where there is room for 3"),
        (replace(CARD, fields=fields(Slot.PRIMARY, 2)), "room for 1"),
        (replace(CARD, fields=fields(Slot.BACK, 21)), "room for 20"),
        (replace(CARD, fields=fields(Slot.SECONDARY, 3) + fields(Slot.AUXILIARY, 2)), "5 fields in SECONDARY and"),
        (replace(CARD, images=()), "no ICON"),
        (replace(CARD, images=(replace(ICON, language_code="en"),)), "no ICON for all languages"),
        (replace(CARD, images=(ICON, ICON)), "ICON at scale 1 is there 2 times"),
        (replace(CARD, images=(replace(ICON, width=200),)), "at most 40 x 40"),
        (replace(CARD, images=(ICON, Image(ImageRole.THUMBNAIL, "bb", 9, 9))), "shows no THUMBNAIL"),
        (replace(GENERIC, images=(ICON, Image(ImageRole.STRIP, "bb", 9, 9))), "shows no STRIP"),
        (
            replace(CARD, images=(ICON, replace(ICON, language_code="de"), replace(ICON, scale=2, language_code="fr"))),
            "ICON at scale 2 in de is missing",
        ),
        (replace(CARD, barcode=Barcode(BarcodeFormat.QR, BarcodeSource.COUPON_CODE)), "the code of a coupon"),
        (replace(CARD, fields=(replace(WORDS, text=(("en", "x" * DESIGN_BYTES_MAX),)),)), "bytes of words"),
    ],
)
def test_what_is_not_possible_is_refused_with_what_to_do(design: Design, what: str) -> None:
    """Whoever sees only an empty card in a phone cannot find out why."""
    with pytest.raises(DesignInvalid) as raised:
        check_design(design, SETTINGS, "coffee")
    assert what in str(raised.value)
    assert str(raised.value).endswith(".")


def test_a_card_that_there_is_not_is_not_found() -> None:
    """A card misspelt would be an empty one."""
    with pytest.raises(CardNotFound):
        check_design(replace(CARD, card_id="gold"), SETTINGS, "coffee")


def test_images_together_have_a_limit() -> None:
    """A card of 20 MB is installed by nobody who is not at home."""
    check_weight(IMAGES_BYTES_MAX)
    with pytest.raises(DesignInvalid):
        check_weight(IMAGES_BYTES_MAX + 1)


@pytest.mark.parametrize("change", [{"kind": PassKind.STAMPS}, {"card_id": "stamps"}])
def test_what_a_card_is_of_stays(change: dict[str, Any]) -> None:
    """A wallet does not take another kind for a card that it has."""
    check_change(CARD, replace(CARD, campaign_id="spring"), True)
    with pytest.raises(FieldFixed):
        check_change(CARD, replace(CARD, **change), False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (replace(CARD, apple_pass_type="pass.com.a"), replace(CARD, apple_pass_type="pass.com.b")),
        (replace(CARD, google_issuer="1"), replace(CARD, google_issuer="2")),
    ],
)
def test_the_account_of_cards_that_there_are_stays(one: Design, other: Design) -> None:
    """Phones ask for their cards by it, and Google keeps them under it; who named none may say which it was."""
    check_change(CARD, one, True)
    check_change(one, other, False)
    for new in (other, CARD):
        with pytest.raises(FieldFixed):
            check_change(one, new, True)


def test_the_order_in_which_languages_and_images_are_sent_changes_nothing() -> None:
    """A back office that sends what it read, in its own order, makes no new version and wakes no phone."""
    german = replace(ICON, language_code="de")
    one = replace(CARD, description=(("cs", "K"), ("en", "C"), ("de", "K")), images=(ICON, german))
    other = replace(CARD, description=(("de", "K"), ("cs", "K"), ("en", "C")), images=(german, ICON))
    assert tidied(one) == tidied(other)
    assert tidied(one).description[0][0] == "en"


def test_an_archived_template_issues_nothing_and_is_archived_once() -> None:
    """Told apart, so that whoever does it twice learns that somebody was there before."""
    check_active(False, "card")
    check_state(False, True, "card", "ACTIVE")
    with pytest.raises(PassTemplateArchived):
        check_active(True, "card")
    with pytest.raises(PassTemplateStateWrong):
        check_state(True, True, "card", "ARCHIVED")
