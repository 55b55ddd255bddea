"""Certificates of TLS: what is in them, whose key is whose, and from when on somebody is to be told that one ends."""

from datetime import datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

# Days before the end at which somebody is told: time enough to ask whoever issues them, then louder.
WARNED_DAYS = (30, 14, 7, 1)


class Faulty(Exception):
    """What is wrong with a certificate or its key, in words."""


class Certificate(NamedTuple):
    """What a server's certificate says: the names and addresses it is for, and its end."""

    hosts: tuple[str, ...]
    ends_at: datetime


def read(certificate_pem: bytes, key_pem: bytes, certificate_file: object, key_file: object) -> Certificate:
    """What the first of the chain says; the files are what faults call them by. OpenSSL says of each fault only that
    there is one, and asks the terminal for a password. Raises Faulty."""
    certificate = _first(certificate_pem, certificate_file)
    try:
        key = load_pem_private_key(key_pem, None)
    except TypeError:
        raise Faulty(f"the key {key_file} is encrypted: store it without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise Faulty(f"{key_file} holds no key in the format PEM") from None
    if key.public_key() != certificate.public_key():
        raise Faulty("the key belongs to another certificate")
    return Certificate(tuple(_hosts(certificate)), certificate.not_valid_after_utc)


def hosts(certificate_pem: bytes) -> tuple[str, ...]:
    """What the first of the chain is for. Raises Faulty."""
    return tuple(_hosts(_first(certificate_pem, "the file")))


def check_authorities(pem: bytes, file: object) -> None:
    """Whether there is any certificate of an authority. Raises Faulty."""
    _first(pem, file)


def stage(ends_at: datetime, now: datetime) -> int | None:
    """The last of WARNED_DAYS that was reached, 0 once it has ended, None where the end is far."""
    left = ends_at - now
    reached = [days for days in WARNED_DAYS if left <= timedelta(days=days)]
    if not reached:
        return None
    return min(reached) if left > timedelta() else 0


def common_name(certificate: x509.Certificate) -> str:
    """The name of its subject, empty where it has none."""
    named = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(named[0].value) if named else ""


def _first(pem: bytes, file: object) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        raise Faulty(f"{file} holds no certificate in the format PEM") from None


def _hosts(certificate: x509.Certificate) -> list[str]:
    """Of a server, clients look at no other names than these."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return [*names.get_values_for_type(x509.DNSName), *addresses]
