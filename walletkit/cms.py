"""Checks a detached PKCS#7 signature (CMS, RFC 5652) as a phone does, with `cryptography` for the mathematics only.

It shares no code with whoever signs: the structure is read here, byte by byte. `openssl_verifies` asks openssl.
"""

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

SEQUENCE, SET, OID, INTEGER, OCTETS, UTC_TIME = 0x30, 0x31, 0x06, 0x02, 0x04, 0x17
_SIGNED_DATA, _DATA = bytes.fromhex("2a864886f70d010702"), bytes.fromhex("2a864886f70d010701")
_CONTENT_TYPE, _DIGEST, _SIGNING_TIME = (bytes.fromhex(f"2a864886f70d0109{last}") for last in ("03", "04", "05"))
_HASHES: Mapping[bytes, tuple[str, hashes.HashAlgorithm]] = {
    bytes.fromhex("608648016503040201"): ("sha256", hashes.SHA256()),
    bytes.fromhex("2b0e03021a"): ("sha1", hashes.SHA1()),  # noqa: S303 - old cards have it
}
_UNREADABLE = (ValueError, IndexError, KeyError, TypeError)


class SignatureInvalid(Exception):
    """The signature is not one of these bytes by whom it says; the text says why."""


class Signed(NamedTuple):
    """Who signed, when, with which certificates beside. `is_ordered`: its attributes are in the order of DER; without
    it phones take a card, and stricter readers may not."""

    signer: x509.Certificate
    others: tuple[x509.Certificate, ...]
    signed_at: datetime
    is_ordered: bool


class _Value(NamedTuple):
    """A value of DER: its tag, its content, and all of its bytes."""

    tag: int
    content: bytes
    whole: bytes

    @property
    def parts(self) -> "list[_Value]":
        return list(_values(self.content))


def verify(content: bytes, signature: bytes) -> Signed:
    """Who signed `content`. Whether that one may be trusted is not asked here. Raises SignatureInvalid."""
    try:
        return _verified(content, signature)
    except (*_UNREADABLE, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise SignatureInvalid(f"it is not built as a signature ({error!r})") from None


def _verified(content: bytes, signature: bytes) -> Signed:
    kind, holder = _one(signature, SEQUENCE).parts
    _must(kind.content == _SIGNED_DATA, "it is no signed data")
    _, _, about, *rest = holder.parts[0].parts
    _must([part.content for part in about.parts] == [_DATA], "it is not detached: what is signed lies in it too")
    certificates = [
        x509.load_der_x509_certificate(one.whole) for part in rest if part.tag == 0xA0 for one in part.parts
    ]
    signers = rest[-1].parts
    _must(rest[-1].tag == SET and len(signers) == 1, "it is not of one signer")
    _, signer_id, digest, attributes, _, value, *_ = signers[0].parts
    _must(attributes.tag == 0xA0, "it has no signed attributes, so no time")
    found = {kind.content: values.parts[0] for kind, values in (one.parts for one in attributes.parts)}
    name, algorithm = _HASHES[digest.parts[0].content]
    _must(found[_CONTENT_TYPE].content == _DATA, "it is of other content")
    _must(found[_DIGEST].content == hashlib.new(name, content).digest(), "it is of other bytes")
    signer = _signer(certificates, signer_id)
    key = signer.public_key()
    if not isinstance(key, RSAPublicKey):
        raise SignatureInvalid("its certificate has no RSA key")
    try:  # signed is the set itself, under its own tag
        key.verify(value.content, bytes([SET]) + attributes.whole[1:], PKCS1v15(), algorithm)
    except InvalidSignature:
        raise SignatureInvalid("it was not made with the key of its certificate") from None
    signed_at = datetime.strptime(found[_SIGNING_TIME].content.decode(), "%y%m%d%H%M%SZ").replace(tzinfo=UTC)
    wholes = [one.whole for one in attributes.parts]
    others = tuple(one for one in certificates if one != signer)
    return Signed(signer, others, signed_at, wholes == sorted(wholes))


def _signer(certificates: list[x509.Certificate], signer_id: _Value) -> x509.Certificate:
    issuer, serial = signer_id.parts
    for one in certificates:
        if one.issuer.public_bytes() == issuer.whole and one.serial_number == int.from_bytes(serial.content):
            return one
    raise SignatureInvalid("the certificate of its signer is not in it")


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SignatureInvalid(otherwise)


def _one(data: bytes, tag: int) -> _Value:
    [value] = _values(data)
    _must(value.tag == tag, f"it begins with {value.tag:#x}")
    return value


def _values(data: bytes) -> Iterator[_Value]:
    start = 0
    while start < len(data):
        tag, length, at = data[start], data[start + 1], start + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("no definite length")
            length, at = int.from_bytes(data[at : at + count]), at + count
        end = at + length
        if end > len(data):
            raise ValueError("cut off")
        yield _Value(tag, data[at:end], data[start:end])
        start = end


def openssl_verifies(content: bytes, signature: bytes, root_pem: bytes) -> str:
    """What openssl has against it, empty where nothing. It must be on the PATH.

    `-purpose any`: certificates of pass types are for no mail, which openssl would ask for.
    """
    with TemporaryDirectory() as place:
        folder = Path(place)
        for name, data in (("content", content), ("signature", signature), ("root", root_pem)):
            (folder / name).write_bytes(data)
        given = ("-inform", "DER", "-in", "signature", "-content", "content", "-CAfile", "root")
        command = ["openssl", "smime", "-verify", "-purpose", "any", "-binary", *given, "-out", "verified"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        return "" if done.returncode == 0 else done.stderr.strip()
