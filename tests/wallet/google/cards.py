"""Designs and contents for tests of Google's cards, a stand-in of Google, and a client of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rules.passes.content import Amount, Content, ShownBarcode, ShownField
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
    Text,
)
from wallet.google.account import GoogleAccount, load_account
from wallet.google.classes import class_of
from wallet.google.client import GoogleClient, Thing
from wallet.google.names import class_id, kind_of
from wallet.google.objects import object_of
from walletkit.authority import Authority
from walletkit.google import GoogleWallet

ISSUER = "3388000000012345678"
PASSES = "https://passes.example"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SERIAL = "pass_01jd0000000000000000000001"
LOGO = Image(ImageRole.LOGO, "aa" * 32, 160, 50)
HERO = Image(ImageRole.HERO, "bb" * 32, 1032, 336)


def text(english: str, german: str = "") -> Text:
    """Words in one language, or in two."""
    return (("en", english), ("de", german)) if german else (("en", english),)


_FIELDS = (
    Field("points", Slot.HEADER, Source.BALANCE, text("Points", "Punkte"), change_message=text("You have %@")),
    Field("member", Slot.SECONDARY, Source.MEMBER_ID, text("Member")),
    Field("name", Slot.SECONDARY, Source.MEMBER_NAME, text("Name")),
    Field("ends", Slot.AUXILIARY, Source.EXPIRES_AT, text("Use by", "Verfallen am"), change_message=text("By %@")),
    Field("terms", Slot.BACK, Source.TEXT, text("Terms"), text("Be kind.", "Sei nett.")),
)
_VALUES: dict[Source, Any] = {
    Source.BALANCE: Amount(1250),
    Source.MEMBER_ID: text("c-1"),
    Source.MEMBER_NAME: text("Alice"),
    Source.EXPIRES_AT: datetime(2027, 1, 31, 23, tzinfo=UTC),
    Source.TEXT: text("Be kind.", "Sei nett."),
    Source.COUPON_NAME: text("Free cake"),
}


def design(kind: PassKind = PassKind.LOYALTY, **other: Any) -> Design:
    """A design of a kind, with a field in each slot."""
    made = Design(
        kind,
        "Coffee Club",
        text("A card of the Coffee Club"),
        logo_text=text("Coffee", "Kaffee"),
        colors=Colors(background="#336699"),
        images=(LOGO, HERO),
        fields=_FIELDS,
        barcode=Barcode(BarcodeFormat.QR, BarcodeSource.MEMBER_ID),
    )
    return replace(made, **other)


def content(of: Design | None = None, values: dict[Source, Any] | None = None, **other: Any) -> Content:
    """What a card of the design says."""
    of = of or design()
    shown = tuple(
        ShownField(field.key, field.slot, field.source, field.label, value, field.change_message)
        for field in of.fields
        if (value := {**_VALUES, **(values or {})}.get(field.source)) is not None
    )
    made = Content(
        serial=SERIAL,
        kind=of.kind,
        template="programs/club/passTemplates/card",
        template_version=1,
        organization_name=of.organization_name,
        description=of.description,
        default_language=of.default_language,
        logo_text=of.logo_text,
        colors=of.colors,
        images=of.images,
        fields=shown,
        barcode=ShownBarcode(BarcodeFormat.QR, "c-1", "c-1"),
    )
    return replace(made, **other)


def class_thing(of: Design, is_known: bool = False) -> Thing:
    """The class of a design, to be put."""
    name = class_id(ISSUER, "club", "card")
    return Thing(kind_of(of.kind).classes, class_of(of, name, PASSES), is_known)


def object_thing(said: Content, is_known: bool = False, linked: tuple[str, ...] = ()) -> Thing:
    """The object of a card, to be put."""
    name = class_id(ISSUER, "club", "card")
    body = object_of(said, ISSUER, name, PASSES, NOW, linked)
    return Thing(kind_of(said.kind).objects, body, is_known)


class Google:
    """A stand-in that runs, an account that may act for ISSUER there, and a client of it."""

    def __init__(self, wallet: GoogleWallet, folder: Path, ca_file: Path) -> None:
        self.wallet = wallet
        self.ca_file = ca_file
        self.account_file = folder / f"{ISSUER}.json"
        self.account_file.write_text(wallet.create_account(ISSUER))
        self.account: GoogleAccount = load_account(self.account_file)
        self.client = GoogleClient(self.account, wallet.api_url, ca_file)

    @property
    def asked(self) -> list[tuple[str, str, int]]:
        """What the API was asked, and its answer's status."""
        return [(one.method, one.path.split("/")[0], one.status) for one in self.wallet.asked]

    def upsert(
        self, said: Content, of: Design | None = None, *, is_known: bool = False, with_class: bool = True, **other: Any
    ) -> Any:
        """Puts a card there."""
        of = of or design(said.kind)
        things = object_thing(said, is_known, **other), class_thing(of, is_known)
        return self.client.upsert(*things, with_class, time.monotonic() + 10)


@contextmanager
def google(folder: Path, authority: Authority) -> Iterator[Google]:
    """That, until the end; its files in the folder."""
    authority.server().write(folder / "server.pem", folder / "server.key")
    (folder / "ca.pem").write_bytes(authority.pem)
    with GoogleWallet(folder / "server.pem", folder / "server.key") as wallet:
        yield Google(wallet, folder, folder / "ca.pem")
