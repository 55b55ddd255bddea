"""Classes and objects: what a card says, as Google's own discovery document takes it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rules.passes.content import Amount, Money
from rules.passes.designs import Image, ImageRole, PassKind, Source
from tests.wallet.google.cards import (
    HERO,
    ISSUER,
    LOGO,
    NOW,
    PASSES,
    SERIAL,
    class_thing,
    content,
    design,
    object_thing,
)
from wallet.google.classes import NoLogo, class_of
from wallet.google.objects import inserted, object_of
from walletkit.discovery import faults

SCHEMAS = {
    PassKind.LOYALTY: "Loyalty",
    PassKind.STAMPS: "Loyalty",
    PassKind.COUPON: "Offer",
    PassKind.GENERIC: "Generic",
}


@pytest.mark.parametrize("kind", PassKind)
def test_every_kind_of_card_is_taken_by_googles_own_schema(kind: PassKind) -> None:
    """As it is inserted and as it is patched; a name that is misspelt is an error of ours that Google dead-letters."""
    class_, object_ = class_thing(design(kind)).body, object_thing(content(design(kind))).body
    assert faults(f"{SCHEMAS[kind]}Class", inserted(class_), False) == []
    assert faults(f"{SCHEMAS[kind]}Class", class_, True) == []
    assert faults(f"{SCHEMAS[kind]}Object", inserted(object_), False) == []
    assert faults(f"{SCHEMAS[kind]}Object", object_, True) == []


@pytest.mark.parametrize("kind", PassKind)
def test_a_card_says_everything_each_time(kind: PassKind) -> None:
    """Updates merge: what an update leaves out stays on the phone. A card that lost all says null of what it had."""
    full, empty = (
        object_thing(content(design(kind), expires_at=NOW)).body,
        object_thing(content(design(kind), fields=(), barcode=None, voided=True)).body,
    )
    assert full.keys() == empty.keys()
    assert (empty["barcode"], empty["textModulesData"], empty["validTimeInterval"]) == (None, [], None)


def test_a_card_of_somebody_who_was_erased_names_nobody() -> None:
    """It is the last update that empties the card in the phone."""
    body = object_thing(content(fields=(), barcode=None, voided=True)).body
    assert [body[name] for name in ("accountId", "accountName", "loyaltyPoints")] == [None, None, None]
    assert body["state"] == "INACTIVE"


@pytest.mark.parametrize(
    ("balance", "said"),
    [
        (Amount(1250), {"int": 1250, "string": None}),
        (Amount(0), {"int": 0, "string": None}),
        (Amount(-3), {"int": -3, "string": None}),
        (Amount(2_147_483_647), {"int": 2_147_483_647, "string": None}),
        (Amount(2_147_483_648), {"int": None, "string": "2\u202f147\u202f483\u202f648"}),
        (Amount(1250, 2), {"int": None, "string": "12.50"}),
    ],
)
def test_a_balance_is_a_number_as_far_as_googles_numbers_go(balance: Amount, said: dict[str, Any]) -> None:
    """One that is larger is refused with the whole card. The other form is taken away, or both would stand there."""
    body = object_thing(content(values={Source.BALANCE: balance})).body
    assert body["loyaltyPoints"]["balance"] == said


def test_numbers_money_and_instants_are_written_alike_in_all_languages() -> None:
    """A German reads 1,250 as one and a quarter. An end is told by the clocks of the program."""
    values = {Source.MEMBER_ID: Amount(1_234_567, 1), Source.MEMBER_NAME: Money(-1250, "EUR")}
    said = content(design(PassKind.GENERIC), values=values)
    body = object_of(said, ISSUER, f"{ISSUER}.a", PASSES, NOW, zone=ZoneInfo("Europe/Prague"))
    texts = {module["id"]: module["body"] for module in body["textModulesData"]}
    assert texts["member"] == "123\u202f456.7"
    assert texts["name"] == "-12.50 EUR"
    assert texts["ends"] == "2027-02-01 00:00"


def test_words_are_there_in_every_language() -> None:
    """The phone chooses; and a language that a design gave up is gone with the next update."""
    class_, object_ = class_thing(design()).body, object_thing(content()).body
    assert class_["programName"] == "Coffee"
    assert class_["localizedProgramName"]["translatedValues"] == [{"language": "de", "value": "Kaffee"}]
    assert object_["loyaltyPoints"]["localizedLabel"]["defaultValue"] == {"language": "en", "value": "Points"}
    [terms] = [module for module in object_["textModulesData"] if module["id"] == "terms"]
    assert terms["localizedBody"]["translatedValues"] == [{"language": "de", "value": "Sei nett."}]


def test_a_class_says_under_review_always() -> None:
    """Google approves it; whoever says APPROVED is refused for it."""
    for kind in (PassKind.LOYALTY, PassKind.STAMPS, PassKind.COUPON):
        assert class_thing(design(kind)).body["reviewStatus"] == "UNDER_REVIEW"


def test_google_is_told_where_to_say_that_a_card_was_saved_and_where_images_are() -> None:
    """An image's address is that of its content: Google fetches each address once."""
    body = class_thing(design()).body
    assert body["callbackOptions"] == {"url": "https://passes.example/google/callback"}
    assert body["programLogo"]["sourceUri"] == {"uri": f"https://passes.example/images/{LOGO.sha256}.png"}
    assert body["heroImage"]["sourceUri"] == {"uri": f"https://passes.example/images/{HERO.sha256}.png"}


def test_the_largest_image_that_is_for_all_is_taken() -> None:
    """Google shows one; that of another language would be wrong for most."""
    images = (
        Image(ImageRole.LOGO, "01" * 32, 480, 150, 3, "de"),
        Image(ImageRole.LOGO, "02" * 32, 160, 50),
        Image(ImageRole.LOGO, "03" * 32, 320, 100, 2),
    )
    assert "03" * 32 in str(class_thing(design(images=images)).body["programLogo"])


def test_a_loyalty_card_without_a_logo_is_refused_with_what_to_do() -> None:
    """Google would refuse it without saying so to whoever made the design; an icon serves as one."""
    icon = Image(ImageRole.ICON, "04" * 32, 87, 87, 3)
    assert "04" * 32 in str(class_of(design(images=(icon,)), f"{ISSUER}.a", PASSES)["programLogo"])
    with pytest.raises(NoLogo):
        class_of(design(images=()), f"{ISSUER}.a", PASSES)


def test_the_front_shows_the_fields_in_rows() -> None:
    """By the slots of the design; what Google has a field of its own for is shown by that."""
    rows = class_thing(design()).body["classTemplateInfo"]["cardTemplateOverride"]["cardRowTemplateInfos"]
    assert [list(row) for row in rows] == [["oneItem"], ["twoItems"], ["oneItem"]]
    paths = [
        item["firstValue"]["fields"][0]["fieldPath"]
        for row in rows
        for items in row.values()
        for item in items.values()
    ]
    assert paths == [
        "object.loyaltyPoints.balance",
        "object.accountId",
        "object.accountName",
        "object.textModulesData['ends']",
    ]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "ACTIVE"),
        ({"expires_at": NOW + timedelta(days=1)}, "ACTIVE"),
        ({"expires_at": NOW}, "EXPIRED"),
        ({"voided": True, "expires_at": NOW}, "INACTIVE"),
    ],
)
def test_a_card_that_is_not_valid_says_so(changes: dict[str, Any], state: str) -> None:
    """It moves to the cards that have ended."""
    assert object_thing(content(**changes)).body["state"] == state


def test_an_end_is_told_with_its_zone() -> None:
    """Without one it would be that of the phone."""
    end = datetime(2027, 1, 1, 1, tzinfo=ZoneInfo("Europe/Prague"))
    body = object_thing(content(expires_at=end)).body
    assert body["validTimeInterval"] == {"end": {"date": "2027-01-01T00:00:00Z"}}
    assert datetime.fromisoformat(body["validTimeInterval"]["end"]["date"]) == end.astimezone(UTC)


def test_only_coupons_that_are_there_are_linked() -> None:
    """Google refuses a card for one that it does not know; so whoever links says which are there."""
    said = content(linked=("pass_a", "pass_b"))
    assert object_thing(said, linked=("pass_b",)).body["linkedObjectIds"] == [f"{ISSUER}.pass_b"]
    assert object_thing(said).body["id"] == f"{ISSUER}.{SERIAL}"
