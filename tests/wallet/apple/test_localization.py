"""A phone shows a card in its own language, or in the card's; never a key, and never another field's words."""

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from rules.passes.content import Content
from rules.passes.designs import Image, ImageRole, Slot, Text
from tests.wallet.cards import CARD, STORED, both, card, field, image, png
from wallet.apple.bundle import build
from wallet.apple.certificates import AppleAccount
from walletkit import pkpass

LANGUAGES = ("en", "de", "cs", "zh-Hans")
# Makes two texts two keys, and is shown as nothing.
JOINER = "\u2060"

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12) | st.sampled_from('ab"\\\n')
texts = st.dictionaries(st.sampled_from(LANGUAGES), words, min_size=1).map(
    lambda found: tuple((language, found[language]) for language in LANGUAGES if language in found)
)


@given(values=st.lists(texts, min_size=1, max_size=8), default=st.sampled_from(LANGUAGES))
def test_every_language_reads_its_own_words(
    account: AppleAccount, root: x509.Certificate, values: list[Text], default: str
) -> None:
    """Whatever is in them: quotes, line ends, the words of another field, words that differ in one language only."""
    fields = tuple(field(f"f{number}", Slot.BACK, value) for number, value in enumerate(values))
    shown = _read(card(fields=fields, default_language=default), account, root)
    folders = set(shown.strings)
    for number, value in enumerate(values):
        found = dict(value)
        fallback = found.get(default) or value[0][1]
        for language in ("", *LANGUAGES):
            expected = found.get(language, fallback) if language in folders else fallback
            assert _plain(shown.fields(language)[f"f{number}"].value) == _plain(expected)


def test_words_that_are_the_same_in_one_language_may_differ_in_another(
    account: AppleAccount, root: x509.Certificate
) -> None:
    """ "Points" of two cards, or of somebody who is called "Points"."""
    fields = (
        field("one", Slot.HEADER, both("Points", "Punkte")),
        field("other", Slot.BACK, both("Points", "Zähler")),
        field("name", Slot.BACK, (("en", "Points"),)),
        field("again", Slot.BACK, both("Points", "Punkte")),
    )
    shown = _read(card(fields=fields), account, root)
    assert [_plain(one.value) for one in shown.fields("en").values()] == ["Points"] * 4
    assert [_plain(one.value) for one in shown.fields("de").values()] == ["Punkte", "Zähler", "Points", "Punkte"]


def test_a_card_in_one_language_has_no_folders(account: AppleAccount, root: x509.Certificate) -> None:
    """Then all of it is what every phone reads."""
    alone = (("en", "Coffee"),)
    fields = (field("one", Slot.PRIMARY, alone, alone),)
    made = card(fields=fields, description=alone, logo_text=alone, images=(image(ImageRole.ICON),))
    assert sorted(_read(made, account, root).files) == ["icon.png", "manifest.json", "pass.json", "signature"]


def test_labels_messages_and_the_card_itself_are_translated(account: AppleAccount, root: x509.Certificate) -> None:
    """Not only values."""
    shown = _read(CARD, account, root)
    assert shown.text(shown.card["description"], "de") == "Kundenkarte"
    assert shown.text(shown.card["logoText"], "de") == "Beispiel"
    balance = shown.fields("de")["balance"]
    assert (balance.label, balance.change_message) == ("Punkte", "Jetzt %@ Punkte")
    assert shown.fields("de")["name"].value == 'Jana "J" \\ Nováková'


def test_an_image_of_one_language_is_in_every_folder(account: AppleAccount, root: x509.Certificate) -> None:
    """Apple wants each folder to have each localised image: who has none of their own gets the one for all."""
    shown = _read(CARD, account, root)
    assert shown.image("logo@2x.png", "de") == png(f"{ImageRole.LOGO}2de")
    assert shown.image("logo@2x.png", "en") == shown.image("logo@2x.png") == png(f"{ImageRole.LOGO}2")
    assert {"en.lproj/logo@2x.png", "de.lproj/logo@2x.png"} <= shown.files.keys()
    assert "en.lproj/logo.png" not in shown.files


@pytest.mark.parametrize(("default", "expected"), [("de", "de"), ("en", "cs")])
def test_an_image_that_no_language_shares_is_still_there_for_all(
    account: AppleAccount, root: x509.Certificate, default: str, expected: str
) -> None:
    """A phone in French shows the default language's; or any, rather than none."""
    localized = (image(ImageRole.LOGO, 1, "cs"), image(ImageRole.LOGO, 1, "de"))
    stored = {**STORED, **{one.sha256: _stored(one) for one in localized}}
    made = card(default_language=default, images=(image(ImageRole.ICON), *localized))
    shown = pkpass.read(build(made, stored.__getitem__, account), root)
    assert shown.image("logo.png", "fr") == png(f"{ImageRole.LOGO}1{expected}")


def test_an_image_of_the_default_language_is_its_own(account: AppleAccount, root: x509.Certificate) -> None:
    """Also where no text differs: the one for all is for the others."""
    alone = (("en", "Coffee"),)
    localized = image(ImageRole.LOGO, 1, "en")
    stored = {**STORED, localized.sha256: _stored(localized)}
    images = (image(ImageRole.ICON), image(ImageRole.LOGO), localized)
    made = card(fields=(), description=alone, logo_text=(), images=images)
    shown = pkpass.read(build(made, stored.__getitem__, account), root)
    assert shown.image("logo.png", "en") == _stored(localized)
    assert shown.image("logo.png", "de") == png(f"{ImageRole.LOGO}1")


def _stored(one: Image) -> bytes:
    return png(f"{one.role}{one.scale}{one.language_code}")


def _read(content: Content, account: AppleAccount, root: x509.Certificate) -> pkpass.Card:
    return pkpass.read(build(content, STORED.__getitem__, account), root)


def _plain(text: object) -> str:
    return str(text).rstrip(JOINER)
