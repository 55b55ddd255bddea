"""A card is a file that a phone takes, and the same card is the same file but for when it was signed."""

import io
import json
import shutil
import zipfile
from dataclasses import replace

import pytest
from cryptography import x509

from rules.passes.content import Amount
from rules.passes.designs import ImageRole, PassKind
from tests.wallet import signing
from tests.wallet.cards import CARD, STORED, card, image
from wallet.apple import bundle
from wallet.apple.bundle import ImageMissing, TooManyPasses, build
from wallet.apple.certificates import AppleAccount
from walletkit import cms, pkpass

IMAGES = STORED.__getitem__


@pytest.mark.parametrize("kind", PassKind)
def test_a_phone_takes_each_kind_of_card(account: AppleAccount, root: x509.Certificate, kind: PassKind) -> None:
    """Hashes, signature, chain and folders are checked by a reader that shares no code with the builder."""
    shown = pkpass.read(build(card(kind=kind), IMAGES, account), root)
    assert shown.card["serialNumber"] == CARD.serial
    assert shown.fields()["balance"].value == 1250.5
    assert shown.signed.signer == account.certificate


@pytest.mark.process
@pytest.mark.parametrize("kind", PassKind)
def test_openssl_verifies_each_kind_of_card(account: AppleAccount, root: x509.Certificate, kind: PassKind) -> None:
    """Somebody else's reading of the same rules; a machine without it has the reader's."""
    shown = pkpass.read(build(card(kind=kind), IMAGES, account), root)
    if shutil.which("openssl") is not None:
        assert cms.openssl_verifies(shown.manifest, shown.signature, signing.authority().root.pem) == ""


def test_an_equal_card_has_an_equal_manifest(account: AppleAccount, root: x509.Certificate) -> None:
    """So "nothing changed" is a comparison; the signature says when, and differs."""
    one, other = (pkpass.read(build(card(), IMAGES, account), root) for _ in range(2))
    assert one.manifest == other.manifest
    changed = replace(CARD.fields[0], value=Amount(125_051, 2))
    another = pkpass.read(build(card(fields=(changed, *CARD.fields[1:])), IMAGES, account), root)
    before, after = json.loads(one.manifest), json.loads(another.manifest)
    assert {name for name in before if before[name] != after[name]} == {"pass.json"}


def test_a_zip_says_nothing_but_its_files(account: AppleAccount) -> None:
    """In order, of no date, images as they are: any zip reader takes it, and it does not say when it was made."""
    with zipfile.ZipFile(io.BytesIO(build(CARD, IMAGES, account))) as opened:
        assert opened.testzip() is None
        found = opened.infolist()
    names = [one.filename for one in found]
    assert names == sorted(names)
    assert {one.date_time for one in found} == {(1980, 1, 1, 0, 0, 0)}
    packed = {one.filename for one in found if one.compress_type == zipfile.ZIP_DEFLATED}
    assert packed == {"pass.json", "de.lproj/pass.strings", "en.lproj/pass.strings"}


def test_only_images_that_a_kind_shows_are_in_its_card(account: AppleAccount, root: x509.Certificate) -> None:
    """The rest would be weight for each phone."""
    strip = pkpass.read(build(CARD, IMAGES, account), root).files
    thumbnail = pkpass.read(build(card(kind=PassKind.GENERIC), IMAGES, account), root).files
    assert ("strip@3x.png" in strip, "thumbnail.png" in strip) == (True, False)
    assert ("strip@3x.png" in thumbnail, "thumbnail.png" in thumbnail) == (False, True)
    assert not any("hero" in name.lower() for name in (*strip, *thumbnail))


def test_an_image_is_fetched_once(account: AppleAccount) -> None:
    """Images make up a card's weight; their hashes are those of before."""
    asked: list[str] = []
    own = image(ImageRole.ICON, 1, "once")

    def fetched(sha256: str) -> bytes:
        asked.append(sha256)
        return b"\x89PNG\r\n\x1a\nonce"

    for _ in range(3):
        build(card(images=(replace(own, language_code=""),)), fetched, account)
    assert asked == [own.sha256]


def test_an_image_that_is_not_there_is_named(account: AppleAccount) -> None:
    """A card without its icon would be refused by the phone, which does not say so."""
    missing = replace(image(ImageRole.ICON), sha256="f00d")
    with pytest.raises(ImageMissing, match="f00d"):
        build(card(images=(missing,)), IMAGES, account)


def test_images_kept_have_an_end(account: AppleAccount, root: x509.Certificate) -> None:
    """A process that has served every template for a year must not hold them all."""
    kept = bundle._Images(bytes_max=25)
    asked: list[str] = []

    def fetched(sha256: str) -> bytes:
        asked.append(sha256)
        return bytes(10)

    for name in ("a", "b", "a", "c", "a", "b"):
        assert kept.entry("icon.png", name, fetched).data == bytes(10)
    assert asked == ["a", "b", "c", "b"]


def test_several_cards_are_one_file(account: AppleAccount, root: x509.Certificate) -> None:
    """A phone offers to add them at once; Apple takes ten, and 150 MB."""
    made = build(CARD, IMAGES, account)
    cards = pkpass.read_bundle(bundle.bundle([made] * 10), root)
    assert [one.card["serialNumber"] for one in cards] == [CARD.serial] * 10
    with pytest.raises(TooManyPasses, match="10 cards"):
        bundle.bundle([made] * 11)
    with pytest.raises(TooManyPasses):
        bundle.bundle([bytes(bundle.BUNDLE_MAX_BYTES), made])
