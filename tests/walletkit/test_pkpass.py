"""The reader takes what a phone takes, and nothing else: tests of others stand on it."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from walletkit import pkpass
from walletkit.authority import AppleAuthority, Authority, Identity

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
TYPE, TEAM = "pass.com.example.kit", "AB12CD34EF"
NOW = datetime.now(UTC)
DETACHED = (pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary)
FILES: Mapping[str, bytes] = {
    "pass.json": json.dumps(
        {"passTypeIdentifier": TYPE, "teamIdentifier": TEAM, "storeCard": {"backFields": [{"key": "a", "value": "Hi"}]}}
    ).encode(),
    "icon.png": b"\x89PNG\r\n\x1a\n",
    "en.lproj/pass.strings": b'"Hi" = "Hello";\n',
    "de.lproj/pass.strings": '"Hi" = "Gr\\"üß\\n";\n'.encode(),
}


@cache
def apple() -> AppleAuthority:
    """Keys take time."""
    return AppleAuthority(NOW - timedelta(days=800))


@cache
def leaf() -> Identity:
    """Of TYPE."""
    return apple().pass_type(TYPE, TEAM)


def packed(
    files: Mapping[str, bytes] = FILES,
    identity: Identity | None = None,
    wwdr: Authority | None = None,
    options: tuple[pkcs7.PKCS7Options, ...] = DETACHED,
    manifest: Mapping[str, str] | None = None,
) -> bytes:
    """A card by the standard library alone."""
    if manifest is None:
        manifest = {name: hashlib.sha1(data).hexdigest() for name, data in files.items()}
    listed = json.dumps(manifest, indent=2).encode()
    signer = identity or leaf()
    assert isinstance(signer.key, RSAPrivateKey)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(listed).add_signer(signer.certificate, signer.key, hashes.SHA256())
    if wwdr is not None or identity is None:
        builder = builder.add_certificate((wwdr or apple().wwdr).certificate)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        for name, data in {**files, "manifest.json": listed, "signature": builder.sign(Encoding.DER, options)}.items():
            out.writestr(name, data)
    return made.getvalue()


@cache
def _packed_once() -> bytes:
    return packed()


def _zip(changed: Callable[[dict[str, bytes]], object]) -> bytes:
    """A card of which files were changed after it was signed."""
    with zipfile.ZipFile(io.BytesIO(packed())) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    changed(files)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        for name, data in files.items():
            out.writestr(name, data)
    return made.getvalue()


def test_a_card_is_read_in_each_language() -> None:
    """A language that it does not have reads what stands in it."""
    card = pkpass.read(packed(), apple().root.certificate)
    assert [card.fields(one)["a"].value for one in ("en", "de", "fr", "")] == ["Hello", 'Gr"üß\n', "Hi", "Hi"]


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "no zip": (lambda: b"no zip", "no zip"),
    "cut off": (lambda: packed()[:-40], "no zip"),
    "changed": (lambda: _zip(lambda files: files.update({"icon.png": b"\x89PNG\r\n\x1a\n2"})), "not what the manifest"),
    "added": (lambda: _zip(lambda files: files.update({".DS_Store": b""})), "differ"),
    "removed": (lambda: _zip(lambda files: files.pop("en.lproj/pass.strings")), "differ"),
    "unsigned": (lambda: _zip(lambda files: files.pop("signature")), "signature is missing"),
    "empty": (lambda: _zip(lambda files: files.clear()), "is missing"),
    "signed differently": (
        lambda: _zip(lambda files: files.update({"manifest.json": files["manifest.json"] + b" "})),
        "other bytes",
    ),
    "attached": (lambda: packed(options=(pkcs7.PKCS7Options.Binary,)), "not detached"),
    "without Binary": (lambda: packed(options=(pkcs7.PKCS7Options.DetachedSignature,)), "other bytes"),
    "without the intermediate": (lambda: packed(identity=leaf()), "lacks the certificate"),
    "another generation": (lambda: packed(wwdr=apple().generation("G6")), "lacks the certificate"),
    "impostor": (lambda: packed(wwdr=AppleAuthority().wwdr), "not issued by whom"),
    "another Apple": (lambda: _of_another_apple(), "not issued by whom"),
    "expired": (lambda: _by(apple().pass_type(TYPE, TEAM, now=NOW - timedelta(days=400))), "not valid now"),
    "another type": (lambda: _by(apple().pass_type("pass.com.example.other", TEAM)), "passTypeIdentifier"),
    "another team": (lambda: _by(apple().pass_type(TYPE, "ZZ99ZZ99ZZ")), "teamIdentifier"),
    "for no passes": (lambda: _by(apple().pass_type(TYPE, TEAM, purposes=[CLIENT])), "for no passes"),
    "no icon": (lambda: packed({name: FILES[name] for name in FILES if name != "icon.png"}), "no icon"),
    "no PNG": (lambda: packed({**FILES, "logo.png": b"GIF89a"}), "no PNG"),
    "a language without words": (lambda: packed({**FILES, "cs.lproj/logo.png": FILES["icon.png"]}), "another lacks"),
    "other keys": (lambda: packed({**FILES, "de.lproj/pass.strings": b'"Ho" = "x";'}), "words that another lacks"),
    "unreadable words": (lambda: packed({**FILES, "de.lproj/pass.strings": b'"Hi" = Hallo;'}), "cannot be read"),
    "two styles": (
        lambda: packed({**FILES, "pass.json": FILES["pass.json"].replace(b"{", b'{"coupon": {}, ', 1)}),
        "one style",
    ),
    "a way out": (lambda: packed({**FILES, "../../evil": b""}), "leads out"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_a_phone_refuses_is_refused(fault: str) -> None:
    """With a reason, which phones do not give."""
    made, said = REFUSED[fault]
    with pytest.raises(pkpass.NotAPass, match=said):
        pkpass.read(made(), apple().root.certificate)


@given(st.data())
def test_a_card_that_was_touched_anywhere_is_refused_or_says_the_same(data: st.DataObject) -> None:
    """Whatever byte is another: in the zip, in a file, in the signature. Nothing else is raised, and no other card is
    read. (A zip has bytes that say nothing, such as dates.)"""
    touched = bytearray(_packed_once())
    for at in data.draw(st.lists(st.integers(0, len(touched) - 1), min_size=1, max_size=3)):
        touched[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(len(touched)) | st.integers(0, len(touched)))
    try:
        card = pkpass.read(bytes(touched[:cut]), apple().root.certificate)
    except pkpass.NotAPass:
        return
    assert {name: card.files[name] for name in FILES} == FILES


def test_nothing_is_taken_before_or_after_its_certificates_live() -> None:
    """A card that was signed in time is refused later: phones look when it is added."""
    made = packed()
    for at in (NOW - timedelta(days=1), NOW + timedelta(days=396)):
        with pytest.raises(pkpass.NotAPass, match="not valid now"):
            pkpass.read(made, apple().root.certificate, at)


def test_a_server_certificate_is_for_its_names(tmp_path: Path) -> None:
    """Stand-ins speak real TLS, so who calls them checks for real."""
    made = apple().root.server(["localhost", "127.0.0.1"])
    made.write(tmp_path / "c.pem", tmp_path / "k.pem")
    assert (tmp_path / "k.pem").stat().st_mode & 0o077 == 0
    made.certificate.verify_directly_issued_by(apple().root.certificate)


def _by(identity: Identity) -> bytes:
    return packed(identity=identity, wwdr=apple().wwdr)


def _of_another_apple() -> bytes:
    other = AppleAuthority()
    return packed(identity=other.pass_type(TYPE, TEAM), wwdr=other.wwdr)
