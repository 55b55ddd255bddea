"""Certificates of one's own for trying TLS: an authority that only this data directory has, and what it signs.

It is for one machine, or a few that trust each other: whoever reads its key can be anybody. For more take those of a
public authority, or of your company's.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from cli import writing
from cli.settings import LocalTls

HOST, ADDRESSES = "localhost", ("127.0.0.1", "::1")
AUTHORITY_LIFE = timedelta(days=3_650)
# What browsers and phones take at most.
SERVER_LIFE = timedelta(days=397)
# The server's is made anew at a start this long before its end.
RENEWED_BEFORE = timedelta(days=30)
# Clocks of two machines differ.
_SKEW = timedelta(hours=1)


def ensure(place: LocalTls, now: datetime | None = None) -> bool:
    """Makes what is missing or about to end: the authority, and a certificate for the server under the names that this
    machine has for itself. Answers whether anything was made. Raises Failure."""
    now = now or datetime.now(UTC)
    place.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not place.authority.is_file() or not place.authority_key.is_file() or _ends(place.authority, now):
        # Of another authority it would be believed by nobody.
        place.certificate.unlink(missing_ok=True)
        key = generate_private_key(SECP256R1())
        name = _name("Fealty local authority")
        builder = _builder(name, name, key, now, AUTHORITY_LIFE, is_authority=True)
        _write(place.authority, place.authority_key, builder.sign(key, hashes.SHA256()), key)
    elif place.is_made and place.key.is_file() and not _ends(place.certificate, now):
        return False
    names = [x509.DNSName(HOST), *(x509.IPAddress(ip_address(address)) for address in ADDRESSES)]
    _issue(place, HOST, names, ExtendedKeyUsageOID.SERVER_AUTH, SERVER_LIFE, (place.certificate, place.key), now)
    return True


def make_client(place: LocalTls, name: str, life: timedelta, files: tuple[Path, Path]) -> None:
    """A certificate that a service shows, which names it. Raises Failure."""
    now = datetime.now(UTC)
    _issue(place, name, [x509.DNSName(name)], ExtendedKeyUsageOID.CLIENT_AUTH, life, files, now)


def _issue(
    place: LocalTls,
    name: str,
    alternatives: Sequence[x509.GeneralName],
    purpose: ObjectIdentifier,
    life: timedelta,
    files: tuple[Path, Path],
    now: datetime,
) -> None:
    authority = x509.load_pem_x509_certificate(place.authority.read_bytes())
    signing = load_pem_private_key(place.authority_key.read_bytes(), None)
    assert isinstance(signing, EllipticCurvePrivateKey)
    key = generate_private_key(SECP256R1())
    builder = _builder(_name(name), authority.subject, key, now, life, is_authority=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    builder = builder.add_extension(issuer, critical=False)
    _write(*files, builder.sign(signing, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
    *,
    is_authority: bool,
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = (
        builder.serial_number(x509.random_serial_number()).not_valid_before(now - _SKEW).not_valid_after(now + life)
    )
    constraints = x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None)
    builder = builder.add_extension(constraints, critical=True)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _write(file: Path, key_file: Path, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
    with writing.opened(key_file, force=True, is_secret=True) as out:
        out.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with writing.opened(file, force=True) as out:
        out.write(certificate.public_bytes(Encoding.PEM))


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _ends(file: Path, now: datetime) -> bool:
    return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc - now < RENEWED_BEFORE
