"""Reads a card for Apple Wallet as a phone does: takes it, or says why not, and shows what it says in a language.

Nothing of it knows how cards are made: the zip, the hashes of the manifest, the signature up to a root that is trusted,
the certificate against the card, the folders of languages against each other.
"""

import hashlib
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from walletkit import cms
from walletkit.authority import APPLE_PASS

CARD_MAX_BYTES = 20_000_000
BUNDLE_MAX_BYTES = 150_000_000
FILES_MAX = 500
_UNLISTED = {"manifest.json", "signature"}
_STYLES = ("storeCard", "coupon", "generic", "eventTicket", "boardingPass")
_PNG = b"\x89PNG\r\n\x1a\n"
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=\s*"((?:[^"\\]|\\.)*)";\s*')
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
# What the standard library raises over zips that are none, were touched, or need a password.
_NO_ZIP = (
    zipfile.BadZipFile,
    NotImplementedError,
    EOFError,
    ValueError,
    OSError,
    RuntimeError,
    struct.error,
    zlib.error,
)
_SKEW = timedelta(minutes=10)


class NotAPass(Exception):
    """No phone takes this file; the text says why."""


class Shown(NamedTuple):
    """A field as a language has it. A number or an instant is as the card has it: the phone writes it."""

    key: str
    slot: str
    label: str
    value: str | int | float
    change_message: str


@dataclass(frozen=True)
class Card:
    """A card that was taken."""

    card: Mapping[str, Any]
    files: Mapping[str, bytes]
    strings: Mapping[str, Mapping[str, str]]
    signed: cms.Signed

    @property
    def manifest(self) -> bytes:
        """What was signed: equal for equal cards."""
        return self.files["manifest.json"]

    @property
    def signature(self) -> bytes:
        """Of the manifest."""
        return self.files["signature"]

    @property
    def style(self) -> str:
        """Which kind of card it is."""
        return next(style for style in _STYLES if style in self.card)

    def text(self, words: str, language: str = "") -> str:
        """What stands for a text of the card where the phone speaks that language."""
        return self.strings.get(language, {}).get(words, words)

    def fields(self, language: str = "") -> Mapping[str, Shown]:
        """The fields by key, in order."""
        return {
            field["key"]: Shown(
                field["key"],
                slot,
                self.text(field.get("label", ""), language),
                self.text(value, language) if isinstance(value := field["value"], str) else value,
                self.text(field.get("changeMessage", ""), language),
            )
            for slot, fields in self.card[self.style].items()
            for field in fields
        }

    def image(self, name: str, language: str = "") -> bytes:
        """An image, `logo@2x.png`, as the phone shows it in that language. Raises KeyError."""
        return self.files.get(f"{language}.lproj/{name}") or self.files[name]


def read(data: bytes, root: x509.Certificate, now: datetime | None = None) -> Card:
    """The card in a .pkpass, by whom `root` trusts. Raises NotAPass."""
    files = _files(data)
    _check_manifest(files)
    try:
        signed = cms.verify(files["manifest.json"], files["signature"])
    except cms.SignatureInvalid as error:
        raise NotAPass(f"the signature does not hold: {error}") from None
    _check_trust(signed, root, now or datetime.now(UTC))
    card = _json(files, "pass.json")
    _check_signer(signed.signer, card)
    if sum(style in card for style in _STYLES) != 1:
        raise NotAPass("pass.json is not of one style")
    for name, content in files.items():
        if name.endswith(".png") and not content.startswith(_PNG):
            raise NotAPass(f"{name} is no PNG")
    if "icon.png" not in files and "icon@2x.png" not in files:
        raise NotAPass("there is no icon")
    return Card(card, files, _strings(files), signed)


def read_bundle(data: bytes, root: x509.Certificate, now: datetime | None = None) -> list[Card]:
    """The cards of a .pkpasses. Raises NotAPass."""
    return [read(content, root, now) for content in _files(data, BUNDLE_MAX_BYTES).values()]


def _files(data: bytes, bytes_max: int = CARD_MAX_BYTES) -> Mapping[str, bytes]:
    if len(data) > bytes_max:
        raise NotAPass("it is too large")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            found = opened.infolist()
            names = [one.filename for one in found]
            if len(set(names)) < len(names) or len(names) > FILES_MAX:
                raise NotAPass("a name stands in it twice, or there are too many")
            if any(".." in PurePosixPath(name).parts or name.startswith("/") or "\\" in name for name in names):
                raise NotAPass("a name leads out of it")
            if sum(one.file_size for one in found) > bytes_max:
                raise NotAPass("it is too large")
            return {one.filename: opened.read(one) for one in found if not one.filename.endswith("/")}
    except _NO_ZIP as error:
        raise NotAPass(f"it is no zip ({error})") from None


def _check_manifest(files: Mapping[str, bytes]) -> None:
    listed = _json(files, "manifest.json")
    if missing := _UNLISTED - files.keys():
        raise NotAPass(f"{', '.join(missing)} is missing")
    if listed.keys() != files.keys() - _UNLISTED:
        raise NotAPass(f"the manifest and the files differ: {sorted(listed.keys() ^ (files.keys() - _UNLISTED))}")
    for name, sha1 in listed.items():
        if hashlib.sha1(files[name]).hexdigest() != sha1:  # noqa: S324 - the format says SHA-1
            raise NotAPass(f"{name} is not what the manifest says")


def _check_trust(signed: cms.Signed, root: x509.Certificate, now: datetime) -> None:
    chain = [signed.signer]
    while chain[-1].issuer != root.subject:
        above = [one for one in signed.others if one.subject == chain[-1].issuer and one not in chain]
        if not above:
            raise NotAPass("the signature lacks the certificate that issued its own")
        chain.append(above[0])
    for below, above_it in zip(chain, [*chain[1:], root], strict=True):
        try:
            below.verify_directly_issued_by(above_it)
        except (InvalidSignature, ValueError, TypeError):
            raise NotAPass("a certificate of the signature was not issued by whom it says") from None
    for one in (*chain, root):
        if not one.not_valid_before_utc <= now < one.not_valid_after_utc:
            raise NotAPass("a certificate of the signature is not valid now")
    if signed.signed_at > now + _SKEW:
        raise NotAPass("it was signed in the future")


def _check_signer(signer: x509.Certificate, card: Mapping[str, Any]) -> None:
    try:
        purposes = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        raise NotAPass("the certificate is for no passes") from None
    if APPLE_PASS not in purposes:
        raise NotAPass("the certificate is for no passes")
    for oid, name in ((NameOID.USER_ID, "passTypeIdentifier"), (NameOID.ORGANIZATIONAL_UNIT_NAME, "teamIdentifier")):
        if [one.value for one in signer.subject.get_attributes_for_oid(oid)] != [card.get(name)]:
            raise NotAPass(f"the {name} is not the certificate's")


def _strings(files: Mapping[str, bytes]) -> Mapping[str, Mapping[str, str]]:
    """The words of each language; all folders must have the same files, and all words the same keys."""
    folders: dict[str, set[str]] = {}
    for name in files:
        folder, _, file = name.partition(".lproj/")
        if file:
            folders.setdefault(folder, set()).add(file)
    if len(set(map(frozenset, folders.values()))) > 1:
        raise NotAPass("one folder of a language has what another lacks")
    found = {one: _words(files[f"{one}.lproj/pass.strings"]) for one, has in folders.items() if "pass.strings" in has}
    if len({frozenset(words) for words in found.values()}) > 1:
        raise NotAPass("one language has words that another lacks")
    return found


def _words(data: bytes) -> Mapping[str, str]:
    text, found, at = data.decode(), {}, 0
    while at < len(text):
        line = _STRING.match(text, at)
        if line is None:
            raise NotAPass(f"pass.strings cannot be read at {text[at : at + 40]!r}")
        key, words = (_ESCAPE.sub(lambda one: _ESCAPED.get(one[1], one[1]), part) for part in line.groups())
        found[key], at = words, line.end()
    return found


def _json(files: Mapping[str, bytes], name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(files[name])
    except KeyError:
        raise NotAPass(f"{name} is missing") from None
    except ValueError:
        raise NotAPass(f"{name} is no JSON") from None
    if not isinstance(found, dict):
        raise NotAPass(f"{name} is no object")
    return found
