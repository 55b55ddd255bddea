"""What one card says, for any wallet: the design of its template filled with what the books have of its customer.

Apple's and Google's cards are both made of it, and nothing else; its digest decides whether anything changed.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

from rules.passes.designs import (
    BarcodeFormat,
    Colors,
    Image,
    PassKind,
    Slot,
    Source,
    Text,
)


class Amount(NamedTuple):
    """A number of `units` of 10 ** -decimals: 1250 with 2 decimals is 12.50."""

    units: int
    decimals: int = 0


class Money(NamedTuple):
    """In minor units of a currency (ISO 4217)."""

    minor: int
    currency_code: str


# What a field shows. Numbers, money and instants are written by the phone, in its language and zone.
Value = Text | Amount | Money | datetime

_PLAIN = Colors()


@dataclass(frozen=True, slots=True)
class ShownField:
    """A field with its value."""

    key: str
    slot: Slot
    source: Source
    label: Text
    value: Value
    change_message: Text = ()


@dataclass(frozen=True, slots=True)
class ShownBarcode:
    """What is scanned, and what stands below it; empty: nothing does."""

    format: BarcodeFormat
    message: str
    alt_text: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What one card says. `serial` is the public id of the pass (`pass_…`), `template` the name of its template.

    One that is `voided` says that it is not valid any more, and shows nothing about its customer where that one was
    erased: then it has no fields that were read from the books, and no barcode.
    """

    serial: str
    kind: PassKind
    template: str
    template_version: int
    organization_name: str
    description: Text
    default_language: str
    logo_text: Text = ()
    colors: Colors = _PLAIN
    images: tuple[Image, ...] = ()
    fields: tuple[ShownField, ...] = ()
    barcode: ShownBarcode | None = None
    expires_at: datetime | None = None
    voided: bool = False
    sharing_prohibited: bool = False
    # Ids of passes of coupons that the same customer has, which a wallet may show beside a card of points.
    linked: tuple[str, ...] = ()

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language that some text is in, the default first, the others in order."""
        texts = [self.description, self.logo_text]
        texts += [text for field in self.fields for text in (field.label, field.change_message)]
        texts += [field.value for field in self.fields if _is_text(field.value)]  # type: ignore[misc]
        found = {language for text in texts for language, _ in text}
        found |= {image.language_code for image in self.images if image.language_code}
        return (self.default_language, *sorted(found - {self.default_language}))


def in_language(text: Text, language: str, default: str) -> str:
    """The words of one language; of the default one where it has none; the first, where it lacks that too."""
    words = dict(text)
    return words.get(language) or words.get(default) or (text[0][1] if text else "")


def digest(content: Content) -> bytes:
    """SHA-256 of what a card says: equal for equal cards, in every process and version of Python. Where the form of
    `Content` changes, every card counts as changed once."""
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).digest()


def _is_text(value: Value) -> bool:
    return not isinstance(value, Amount | Money | datetime)
