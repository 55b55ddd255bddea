"""The design of a pass template: what the cards made from it look like, and what each of their fields shows."""

from dataclasses import dataclass
from enum import StrEnum

# Words in several languages: (BCP 47 tag, text), the template's default language first.
Text = tuple[tuple[str, str], ...]


class PassKind(StrEnum):
    """What a card is of: points of a program, stamps, a coupon, or anything else."""

    LOYALTY = "LOYALTY"
    STAMPS = "STAMPS"
    COUPON = "COUPON"
    GENERIC = "GENERIC"


class Slot(StrEnum):
    """Where a field stands: beside the logo, large, below it, in the last row, or on the back."""

    HEADER = "HEADER"
    PRIMARY = "PRIMARY"
    SECONDARY = "SECONDARY"
    AUXILIARY = "AUXILIARY"
    BACK = "BACK"


class Source(StrEnum):
    """What a field shows. Each but TEXT is read from the books when a card is built."""

    TEXT = "TEXT"
    # Of the card of the design: spendable points or stamps, points that are not active yet, what expires next and when.
    BALANCE = "BALANCE"
    PENDING = "PENDING"
    EXPIRING = "EXPIRING"
    EXPIRES_AT = "EXPIRES_AT"
    # Of stamps: how many whole cards are full.
    FULL_CARDS = "FULL_CARDS"
    # Of the catalogue: the next reward that costs more than there is, and how much is missing.
    NEXT_REWARD = "NEXT_REWARD"
    NEXT_REWARD_MISSING = "NEXT_REWARD_MISSING"
    MEMBER_NAME = "MEMBER_NAME"
    MEMBER_ID = "MEMBER_ID"
    # Of the coupon or reward that the card was issued with.
    COUPON_NAME = "COUPON_NAME"
    COUPON_VALUE = "COUPON_VALUE"
    COUPON_EXPIRES_AT = "COUPON_EXPIRES_AT"
    COUPON_CODE = "COUPON_CODE"
    REWARD_NAME = "REWARD_NAME"


class ImageRole(StrEnum):
    """What an image is for. Apple shows ICON, LOGO, STRIP and THUMBNAIL, Google LOGO and HERO."""

    ICON = "ICON"
    LOGO = "LOGO"
    STRIP = "STRIP"
    THUMBNAIL = "THUMBNAIL"
    HERO = "HERO"


class BarcodeFormat(StrEnum):
    """How the barcode is drawn."""

    QR = "QR"
    AZTEC = "AZTEC"
    PDF417 = "PDF417"
    CODE128 = "CODE128"


class BarcodeSource(StrEnum):
    """What the barcode says: the id of the customer, of the pass, or the code of its coupon."""

    MEMBER_ID = "MEMBER_ID"
    PASS_ID = "PASS_ID"  # noqa: S105 - a word, no password
    COUPON_CODE = "COUPON_CODE"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `key` is its name in the card, once in a design. `text` is what TEXT shows. With a `change_message`,
    in which `%@` stands for the new value, the phone tells of a change; without one it changes silently."""

    key: str
    slot: Slot
    source: Source
    label: Text = ()
    text: Text = ()
    change_message: Text = ()


@dataclass(frozen=True, slots=True)
class Image:
    """One image. `scale` is how many pixels a point has, 1 to 3; `language_code` is empty for all; `sha256` names its
    content, in hexadecimal; `width` and `height` are in pixels, as its header says."""

    role: ImageRole
    sha256: str
    width: int
    height: int
    scale: int = 1
    language_code: str = ""


@dataclass(frozen=True, slots=True)
class Colors:
    """`#rrggbb`; empty: the wallet's own choice."""

    background: str = ""
    foreground: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Barcode:
    """The barcode of a design. With `shows_text`, what it says stands below it."""

    format: BarcodeFormat
    source: BarcodeSource
    shows_text: bool = True


@dataclass(frozen=True, slots=True)
class Design:
    """What administrators decide of a template. Immutable: a change makes the next version.

    `card_id` is the card that LOYALTY and STAMPS show; `campaign_id` that of COUPON, empty for any. `description` is
    read out to who cannot see the card. `apple_pass_type` and `google_issuer` name the account that its cards are made
    with; empty: the only one that there is, if there is one.
    """

    kind: PassKind
    organization_name: str
    description: Text
    default_language: str = "en"
    card_id: str = ""
    campaign_id: str = ""
    logo_text: Text = ()
    colors: Colors = Colors()
    images: tuple[Image, ...] = ()
    fields: tuple[Field, ...] = ()
    barcode: Barcode | None = None
    sharing_prohibited: bool = False
    apple_pass_type: str = ""
    google_issuer: str = ""
