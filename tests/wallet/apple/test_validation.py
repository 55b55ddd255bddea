"""What no phone would take is refused, with where and why."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.wallet.cards import CARD
from tests.wallet.signing import PASS_TYPE, TEAM
from wallet.apple.passjson import Service, encoded, write
from wallet.apple.validation import PassJsonInvalid, validate

GOOD = json.loads(encoded(write(CARD, PASS_TYPE, TEAM, Service("https://passes.example.com", "t" * 16))))
Change = Callable[[dict[str, Any]], object]


def _field(number: int = 0, slot: str = "headerFields") -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda card: card["storeCard"][slot][number]


def _put(**values: Any) -> Change:
    return lambda card: card.update(values)


def _put_field(**values: Any) -> Change:
    return lambda card: _field()(card).update(values)


def _without(*names: str) -> Change:
    return lambda card: [card.pop(name) for name in names]


REFUSED: dict[str, tuple[Change, str]] = {
    "format": (_put(formatVersion=2), "formatVersion is not 1"),
    "format as truth": (_put(formatVersion=True), "formatVersion"),
    **{
        name: (_without(name), f"{name} is no text")
        for name in ("passTypeIdentifier", "serialNumber", "teamIdentifier", "organizationName", "description")
    },
    "empty": (_put(description=""), "description is no text, or empty"),
    "no style": (_without("storeCard"), "there are 0"),
    "two styles": (_put(coupon={}), "there are 2"),
    "unknown key": (_put(organisationName="Café"), "organisationName is nothing that Apple knows"),
    "unknown slot": (lambda card: card["storeCard"].update(mainFields=[]), "storeCard.mainFields"),
    "http": (_put(webServiceURL="http://passes.example.com"), "webServiceURL is no https"),
    "v1": (_put(webServiceURL="https://passes.example.com/v1/"), "/v1"),
    "short token": (_put(authenticationToken="t" * 15), "16 characters"),
    "no token": (_without("authenticationToken"), "stand together"),
    "no service": (_without("webServiceURL"), "stand together"),
    "colour": (_put(labelColor="#ffffff"), "labelColor is no rgb"),
    "colour too bright": (_put(labelColor="rgb(0, 0, 256)"), "labelColor"),
    "no zone": (_put(expirationDate="2027-01-31T23:00:00"), "expirationDate is no instant with a zone"),
    "fractions": (_put(expirationDate="2027-01-31T23:00:00.5Z"), "expirationDate"),
    "no such day": (_put(expirationDate="2027-02-31T23:00:00Z"), "expirationDate"),
    "voided as number": (_put(voided=1), "voided is neither"),
    "eleven places": (_put(locations=[{"latitude": 0, "longitude": 0}] * 11), "more than 10"),
    "legacy code 128": (
        lambda card: card["barcode"].update(format="PKBarcodeFormatCode128"),
        "barcode.format is none of PKBarcodeFormatQR",
    ),
    "legacy alone": (_without("barcodes"), "newer phones"),
    "barcode says nothing": (lambda card: card["barcodes"][0].update(message=""), "barcodes[0].message"),
    "barcode in no encoding": (lambda card: card["barcodes"][0].pop("messageEncoding"), "missing"),
    "barcode does not fit": (lambda card: card["barcodes"][0].update(message="Ž"), "cannot be said in iso-8859-1"),
    "key twice": (_put_field(key="name"), "is of another field too"),
    "no key": (lambda card: _field()(card).pop("key"), "storeCard.headerFields[0].key"),
    "no value": (lambda card: _field()(card).pop("value"), "neither a text nor a number"),
    "truth as value": (_put_field(value=True), "neither a text nor a number"),
    "silent message": (_put_field(changeMessage="Your balance changed"), "lacks the %@"),
    "unknown in field": (_put_field(lable="Points"), "lable is nothing"),
    "number as date": (_put_field(dateStyle="PKDateStyleShort"), "is for instants"),
    "text as money": (lambda card: _field(0, "backFields")(card).update(currencyCode="EUR"), "is for numbers"),
    "money with style": (_put_field(currencyCode="EUR"), "cannot stand beside numberStyle"),
    "currency in words": (lambda card: _field(0, "secondaryFields")(card).update(currencyCode="euro"), "ISO 4217"),
    "style of dates": (
        lambda card: _field(0, "auxiliaryFields")(card).update(dateStyle="short"),
        "dateStyle is none of",
    ),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_each_rule_of_apple_is_kept(fault: str) -> None:
    """A phone says nothing about why it does not take a card."""
    change, said = REFUSED[fault]
    validate(json.dumps(GOOD).encode())
    card = deepcopy(GOOD)
    change(card)
    with pytest.raises(PassJsonInvalid) as refused:
        validate(json.dumps(card).encode())
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"formatVersion": 1, "formatVersion": 1}', b'"\xff"', b'{"a": NaN}', b"[" * 100_000]
)
def test_what_is_no_object_of_json_is_refused(text: bytes) -> None:
    """Also what some readers would let pass."""
    with pytest.raises(PassJsonInvalid):
        validate(text)
