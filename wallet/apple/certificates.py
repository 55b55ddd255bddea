"""The account of one Apple pass type: its certificate, key and intermediate, checked before anything is signed.

Phones only say "the pass cannot be added", whatever is wrong with a signature; so all of it is found out here, and each
fault is an error whose sentence says what to do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID, ObjectIdentifier

from rules.certificates import stage
from wallet.apple.signer import Signer
from wallet.failures import AccountInvalid

CERTIFICATE_FILE, KEY_FILE, WWDR_FILE = "certificate.pem", "key.pem", "wwdr.pem"
# The purpose that Apple gives to certificates of pass types, and to no others.
SIGNS_PASSES = ObjectIdentifier("1.2.840.113635.100.4.14")
FILE_MAX_BYTES = 64 << 10  # a certificate has some 2 KB

_TEAM = re.compile(r"[A-Z0-9]{10}")


class FileUnreadable(AccountInvalid):
    """{file} cannot be read ({reason}): put there what docs/wallet.md says."""


class NotPem(AccountInvalid):
    """{file} holds no {what} as PEM text: convert it (.cer: `openssl x509 -inform der -in FILE -out {name}`; .p12:
    `openssl pkcs12 -in FILE -clcerts -nokeys -out certificate.pem` and `-nocerts -out key.pem`)."""


class KeyLocked(AccountInvalid):
    """{file} does not open with the password in FEALTY_WALLET_KEY_PASSWORD: correct it, or set it where there is
    none."""


class KeyNotRsa(AccountInvalid):
    """{file} is no RSA key, and Apple's certificates of pass types have RSA keys: take the key that the certificate was
    asked for with."""


class KeyOfAnother(AccountInvalid):
    """{file} is the key of another certificate than {certificate}: take the key that this one was asked for with, or
    ask Apple for a new certificate with it."""


class NoPassCertificate(AccountInvalid):
    """{file} is no certificate of a pass type (its purposes lack 1.2.840.113635.100.4.14): one for apps or their pushes
    does not do; make one under Pass Type IDs."""


class OfAnotherPassType(AccountInvalid):
    """{file} is of the pass type {found}, and its folder is called {folder}: call the folder by the pass type, or take
    the certificate of {folder}."""


class TeamMissing(AccountInvalid):
    """{file} names no team (OU) of ten letters and digits, only "{found}": take the certificate as Apple issued it."""


class IssuerOther(AccountInvalid):
    """{file} is the certificate of "{found}", and {certificate} was issued by "{wanted}": download that one from
    https://www.apple.com/certificateauthority/ (the generation matters, not which is newest)."""


class IssuerNotSigning(AccountInvalid):
    """{file} has the name of the issuer of {certificate}, but did not sign it: download it anew from
    https://www.apple.com/certificateauthority/."""


class Expired(AccountInvalid):
    """{file} ended at {expires_at}: {renew}."""


class NotYetValid(AccountInvalid):
    """{file} is valid from {starts_at} only: wait, or set the clock of this host."""


class Expiry(NamedTuple):
    """A certificate that ends soon. `stage` is the last of WARNED_DAYS that was reached, 0 once it has ended;
    `days_left` are whole ones, rounded down."""

    file: str
    expires_at: datetime
    days_left: int
    stage: int

    @property
    def advice(self) -> str:
        """What to do."""
        return _renew(self.file)


@dataclass(frozen=True)
class AppleAccount:
    """What cards of one pass type are signed and pushed with. Its files are where `load_account` found them."""

    pass_type: str
    team: str
    certificate: x509.Certificate
    wwdr: x509.Certificate
    folder: Path
    key_password: str = field(repr=False)
    _signer: Signer = field(repr=False)

    def sign(self, manifest: bytes) -> bytes:
        """The signature of a manifest."""
        return self._signer.sign(manifest)

    @property
    def certificate_file(self) -> Path:
        """The certificate, for TLS: pushes are sent with the one that cards are signed with."""
        return self.folder / CERTIFICATE_FILE

    @property
    def key_file(self) -> Path:
        """Its key, which `key_password` opens where it is encrypted."""
        return self.folder / KEY_FILE

    @property
    def expires_at(self) -> datetime:
        """When nothing can be signed any more."""
        return min(self.certificate.not_valid_after_utc, self.wwdr.not_valid_after_utc)

    def warnings(self, now: datetime) -> tuple[Expiry, ...]:
        """Which of both certificates ends within WARNED_DAYS, the own one first."""
        both = ((CERTIFICATE_FILE, self.certificate), (WWDR_FILE, self.wwdr))
        found = (_expiry(name, certificate.not_valid_after_utc, now) for name, certificate in both)
        return tuple(one for one in found if one is not None)


def load_account(folder: Path, password: str, now: datetime) -> AppleAccount:
    """The account in a folder that is called by its pass type. Raises AccountInvalid."""
    certificate = _certificate(folder / CERTIFICATE_FILE)
    wwdr = _certificate(folder / WWDR_FILE)
    key = _key(folder / KEY_FILE, password)
    for fault in _faults(folder, certificate, key, wwdr, now):
        raise fault
    team = _of_subject(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME)
    signer = Signer(certificate, key, wwdr)
    return AppleAccount(folder.name, team, certificate, wwdr, folder, password, signer)


def _faults(
    folder: Path, certificate: x509.Certificate, key: RSAPrivateKey, wwdr: x509.Certificate, now: datetime
) -> Iterator[AccountInvalid]:
    """All that is wrong, what explains the rest first."""
    file, wwdr_file = folder / CERTIFICATE_FILE, folder / WWDR_FILE
    if not _signs_passes(certificate):
        yield NoPassCertificate(file=file)
    pass_type = _of_subject(certificate, NameOID.USER_ID)
    if pass_type != folder.name:
        yield OfAnotherPassType(file=file, found=pass_type or "nothing", folder=folder.name)
    team = _of_subject(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME)
    if not _TEAM.fullmatch(team):
        yield TeamMissing(file=file, found=team)
    if key.public_key() != certificate.public_key():
        yield KeyOfAnother(file=folder / KEY_FILE, certificate=file)
    if wwdr.subject != certificate.issuer:
        found, wanted = (name.rfc4514_string() for name in (wwdr.subject, certificate.issuer))
        yield IssuerOther(file=wwdr_file, found=found, certificate=file, wanted=wanted)
    else:
        try:
            certificate.verify_directly_issued_by(wwdr)
        except (InvalidSignature, ValueError, TypeError):
            yield IssuerNotSigning(file=wwdr_file, certificate=file)
    for place, one in ((file, certificate), (wwdr_file, wwdr)):
        if now >= one.not_valid_after_utc:
            yield Expired(file=place, expires_at=_shown(one.not_valid_after_utc), renew=_renew(place.name))
        if now < one.not_valid_before_utc:
            yield NotYetValid(file=place, starts_at=_shown(one.not_valid_before_utc))


def _certificate(file: Path) -> x509.Certificate:
    text = _read(file)
    try:
        return x509.load_pem_x509_certificate(text)
    except ValueError:
        raise NotPem(file=file, name=file.name, what="certificate") from None


def _key(file: Path, password: str) -> RSAPrivateKey:
    text = _read(file)
    # A password for a key that has none is no mistake: one variable is for the keys of all accounts.
    is_locked = b"ENCRYPTED" in text
    if is_locked and not password:
        raise KeyLocked(file=file)
    try:
        key = load_pem_private_key(text, password.encode() if is_locked else None)
    except ValueError:
        raise (KeyLocked(file=file) if is_locked else NotPem(file=file, name=file.name, what="private key")) from None
    if not isinstance(key, RSAPrivateKey):
        raise KeyNotRsa(file=file)
    return key


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_MAX_BYTES)
    except OSError as error:
        raise FileUnreadable(file=file, reason=error.strerror) from None


def _signs_passes(certificate: x509.Certificate) -> bool:
    try:
        return SIGNS_PASSES in certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False


def _of_subject(certificate: x509.Certificate, oid: ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _expiry(file: str, expires_at: datetime, now: datetime) -> Expiry | None:
    reached = stage(expires_at, now)
    return None if reached is None else Expiry(file, expires_at, (expires_at - now).days, reached)


def _renew(file: str) -> str:
    if file == WWDR_FILE:
        return "ask Apple for a new certificate of the pass type, and take the intermediate that issued it"
    return "ask Apple for a new one of the same pass type, and put it there with its key; cards in phones stay valid"


def _shown(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
