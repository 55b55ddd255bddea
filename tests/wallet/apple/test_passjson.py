"""What a card says reaches the phone as it is in the books, in every language."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from rules.passes.content import Amount, Content, Money, ShownBarcode, Value
from rules.passes.designs import BarcodeFormat, Colors, PassKind, Slot
from tests.wallet.cards import CARD, card, field
from tests.wallet.signing import PASS_TYPE, TEAM
from wallet.apple.passjson import NEVER_UPDATED, Service, encoded, write
from wallet.apple.validation import validate

SERVICE = Service("https://passes.example.com", "t" * 32)


@pytest.mark.parametrize(
    ("kind", "style"),
    [
        (PassKind.LOYALTY, "storeCard"),
        (PassKind.STAMPS, "storeCard"),
        (PassKind.COUPON, "coupon"),
        (PassKind.GENERIC, "generic"),
    ],
)
def test_each_kind_is_of_a_style_that_phones_take(kind: PassKind, style: str) -> None:
    """The validator knows nothing of the builder."""
    shown = _shown(card(kind=kind))
    assert style in shown
    slots = shown[style]
    assert [slot for slot in slots if slot.endswith("Fields")] == list(slots)
    assert sum(map(len, slots.values())) == len(CARD.fields)


def test_a_card_says_whose_it_is_and_where_it_is_updated() -> None:
    """The serial number and the token never change while a phone has the card."""
    shown = _shown(CARD)
    assert (shown["serialNumber"], shown["passTypeIdentifier"], shown["teamIdentifier"]) == (
        CARD.serial,
        PASS_TYPE,
        TEAM,
    )
    assert (shown["webServiceURL"], shown["authenticationToken"]) == SERVICE
    assert "webServiceURL" not in write(CARD, PASS_TYPE, TEAM, NEVER_UPDATED).fields


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Amount(125_050, 2), {"value": Decimal("1250.50"), "numberStyle": "PKNumberStyleDecimal"}),
        (Amount(7), {"value": 7, "numberStyle": "PKNumberStyleDecimal"}),
        (
            Amount(-9_007_199_254_740_993, 4),
            {"value": Decimal("-900719925474.0993"), "numberStyle": "PKNumberStyleDecimal"},
        ),
        (Money(1_250, "EUR"), {"value": Decimal("12.50"), "currencyCode": "EUR"}),
        (Money(1_250, "JPY"), {"value": 1_250, "currencyCode": "JPY"}),
        (Money(1_250, "KWD"), {"value": Decimal("1.250"), "currencyCode": "KWD"}),
    ],
)
def test_numbers_are_exact(value: Value, expected: Mapping[str, object]) -> None:
    """A balance that was a float on its way would be another one some day."""
    assert _only(value) == {"key": "one", **expected}


def test_an_instant_has_its_zone_and_no_fractions() -> None:
    """Phones read no fractions, and without a zone they would take their own."""
    there = datetime(2027, 1, 31, 23, 59, 59, 999_999, tzinfo=timezone(timedelta(hours=1)))
    assert _only(there)["value"] == "2027-01-31T23:59:59+01:00"
    assert _shown(card(expires_at=there))["expirationDate"] == "2027-01-31T23:59:59+01:00"


def test_a_barcode_that_old_phones_do_not_know_is_not_theirs() -> None:
    """A legacy key with Code 128 in it would make the whole card invalid."""
    for drawn in BarcodeFormat:
        shown = _shown(card(barcode=ShownBarcode(drawn, "0815")))
        assert ("barcode" in shown) == (drawn is not BarcodeFormat.CODE128)
        assert shown["barcodes"][0]["message"] == "0815"


@pytest.mark.parametrize(("message", "encoding"), [("Café", "iso-8859-1"), ("Ž1", "utf-8"), ("€5", "utf-8")])
def test_a_barcode_is_encoded_so_that_its_message_fits(message: str, encoding: str) -> None:
    """Most scanners expect Latin 1, which lacks most letters."""
    assert _shown(card(barcode=ShownBarcode(BarcodeFormat.QR, message)))["barcodes"][0]["messageEncoding"] == encoding


def test_a_voided_card_says_so_and_may_be_empty() -> None:
    """That is how the card of somebody who was erased looks."""
    empty = _shown(card(voided=True, fields=(), barcode=None, logo_text=(), expires_at=None, images=()))
    assert empty["voided"] is True
    assert empty["storeCard"] == {}
    assert not {"barcode", "barcodes", "expirationDate", "logoText"} & empty.keys()
    assert "voided" not in _shown(CARD)


def test_sharing_and_colours_are_said_as_apple_has_them() -> None:
    """A colour that is none is the phone's own."""
    shown = _shown(card(sharing_prohibited=True, colors=Colors(background="#FF8000")))
    assert shown["sharingProhibited"] is True
    assert shown["backgroundColor"] == "rgb(255, 128, 0)"
    assert "foregroundColor" not in shown


def _only(value: Value) -> Mapping[str, Any]:
    shown = _shown(card(fields=(field("one", Slot.PRIMARY, value),)))
    return dict(shown["storeCard"]["primaryFields"][0])


def _shown(content: Content) -> Mapping[str, Any]:
    """What a phone reads, that takes it."""
    return validate(encoded(write(content, PASS_TYPE, TEAM, SERVICE)))
