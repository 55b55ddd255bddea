"""A certificate authority of one's own: what Apple issues for passes, and certificates for servers on this host.

Its certificates have the form of the real ones: a root, under it an intermediate (Apple's is called WWDR), under that
the leaf of a pass type with its UID, its team and its purposes. Anything about a leaf can be made wrong on purpose.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

# The purpose "signs passes": an extension of that number, and an extended key usage.
APPLE_PASS = ObjectIdentifier("1.2.840.113635.100.4.14")
APPLE_PASS_EXTENSION = ObjectIdentifier("1.2.840.113635.100.6.1.16")
APPLE_PURPOSES = (ExtendedKeyUsageOID.CLIENT_AUTH, APPLE_PASS)

LEAF_LIFE = timedelta(days=395)
AUTHORITY_LIFE = timedelta(days=3_650)
# Clocks of two hosts differ.
_SKEW = timedelta(hours=2)
_HOSTS = ("localhost", "127.0.0.1", "::1")

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Identity(NamedTuple):
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Key

    @property
    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return pem(self.certificate)

    def key_pem(self, password: str = "") -> bytes:
        """The key; encrypted where there is a password."""
        form = serialization.PrivateFormat.PKCS8
        sealing: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password:
            sealing = serialization.BestAvailableEncryption(password.encode())
        return self.key.private_bytes(serialization.Encoding.PEM, form, sealing)

    def write(self, certificate_file: Path, key_file: Path, password: str = "") -> None:
        """Both as files; that of the key is its owner's alone."""
        certificate_file.write_bytes(self.certificate_pem)
        key_file.touch(mode=0o600)
        key_file.write_bytes(self.key_pem(password))


class Authority:
    """Issues certificates: a root, or one that a root has made."""

    def __init__(self, identity: Identity, issuer: "Authority | None" = None) -> None:
        self.identity = identity
        self.issuer = issuer

    @classmethod
    def root(cls, common_name: str = "Stand-in Root CA", now: datetime | None = None) -> "Authority":
        """One that nobody stands above."""
        name = _name((NameOID.COMMON_NAME, common_name))
        key = rsa.generate_private_key(65_537, 2_048)
        now = now or datetime.now(UTC)
        builder = _authority(_builder(name, name, key, now, now + AUTHORITY_LIFE))
        return cls(Identity(builder.sign(key, hashes.SHA256()), key))

    def intermediate(
        self, subject: x509.Name, now: datetime | None = None, life: timedelta = AUTHORITY_LIFE
    ) -> "Authority":
        """One below this one."""
        key = rsa.generate_private_key(65_537, 2_048)
        now = now or datetime.now(UTC)
        builder = _authority(_builder(subject, self.certificate.subject, key, now, now + life))
        return Authority(Identity(builder.sign(self.identity.key, hashes.SHA256()), key), self)

    @property
    def certificate(self) -> x509.Certificate:
        """Its own."""
        return self.identity.certificate

    @property
    def pem(self) -> bytes:
        """Its own certificate: what is believed by whoever trusts it."""
        return self.identity.certificate_pem

    def issue(
        self,
        subject: x509.Name,
        extensions: Sequence[tuple[x509.ExtensionType, bool]],
        *,
        now: datetime | None = None,
        life: timedelta = LEAF_LIFE,
        key: Key | None = None,
    ) -> Identity:
        """A leaf; the extensions each with whether it is critical. With a `now` in the past it may have expired."""
        key = key or rsa.generate_private_key(65_537, 2_048)
        now = now or datetime.now(UTC)
        builder = _builder(subject, self.certificate.subject, key, now, now + life)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        above = self.identity.key.public_key()
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(above)
        builder = builder.add_extension(issuer_key, critical=False)
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        return Identity(builder.sign(self.identity.key, hashes.SHA256()), key)

    def server(
        self, hosts: Sequence[str] = _HOSTS, *, now: datetime | None = None, life: timedelta = LEAF_LIFE
    ) -> Identity:
        """For a server that is reached by those names and addresses."""
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.SubjectAlternativeName([_general(host) for host in hosts]), False),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        ]
        key = ec.generate_private_key(ec.SECP256R1())
        return self.issue(_name((NameOID.COMMON_NAME, hosts[0])), extensions, now=now, life=life, key=key)

    def client(
        self, names: Sequence[str], *, now: datetime | None = None, life: timedelta = LEAF_LIFE, common_name: str = ""
    ) -> Identity:
        """For one who calls, and shows it: of those names, or URIs; of no more than its common name where there are
        none."""
        purpose: list[tuple[x509.ExtensionType, bool]] = [
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        ]
        uris = [x509.UniformResourceIdentifier(name) if ":" in name else x509.DNSName(name) for name in names]
        extensions = [*purpose, (x509.SubjectAlternativeName(uris), False)] if names else purpose
        subject = _name((NameOID.COMMON_NAME, common_name or names[0]))
        key = ec.generate_private_key(ec.SECP256R1())
        return self.issue(subject, extensions, now=now, life=life, key=key)


class AppleAuthority:
    """Stands in for Apple: a root, and WWDR certificates ("Worldwide Developer Relations") of several generations."""

    def __init__(self, now: datetime | None = None) -> None:
        self.root = Authority.root("Stand-in Apple Root CA", now)
        self.wwdr = self.generation("G4", now)

    def generation(self, name: str, now: datetime | None = None, life: timedelta = AUTHORITY_LIFE) -> Authority:
        """Another WWDR: leafs belong to the one that issued them, not to the newest."""
        common_name = "Apple Worldwide Developer Relations Certification Authority"
        subject = _name(
            (NameOID.COMMON_NAME, common_name),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, name),
            (NameOID.ORGANIZATION_NAME, "Stand-in of Apple Inc."),
            (NameOID.COUNTRY_NAME, "US"),
        )
        return self.root.intermediate(subject, now, life)

    def pass_type(
        self,
        pass_type: str,
        team: str,
        *,
        now: datetime | None = None,
        life: timedelta = LEAF_LIFE,
        purposes: Sequence[ObjectIdentifier] = APPLE_PURPOSES,
        by: Authority | None = None,
    ) -> Identity:
        """The certificate that passes of that type are signed and pushed with."""
        subject = _name(
            (NameOID.USER_ID, pass_type),
            (NameOID.COMMON_NAME, f"Pass Type ID: {pass_type}"),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, team),
            (NameOID.ORGANIZATION_NAME, "Stand-in"),
            (NameOID.COUNTRY_NAME, "US"),
        )
        text = pass_type.encode()
        utf8_string = b"\x0c" + bytes([len(text)]) + text
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (_SIGNS, True),
            (x509.ExtendedKeyUsage(purposes), False),
            (x509.UnrecognizedExtension(APPLE_PASS_EXTENSION, utf8_string), False),
        ]
        return (by or self.wwdr).issue(subject, extensions, now=now, life=life)


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as text."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(*parts: tuple[ObjectIdentifier, str]) -> x509.Name:
    return x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Key, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start - _SKEW).not_valid_after(end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _authority(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.add_extension(_ISSUES, critical=True)


def _usage(*, signs: bool, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=issues,
        crl_sign=issues,
        encipher_only=False,
        decipher_only=False,
    )


_SIGNS = _usage(signs=True, issues=False)
_ISSUES = _usage(signs=False, issues=True)
