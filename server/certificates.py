"""What a client's certificate says, whose connection gRPC has checked: by an authority of ours, and not ended then."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from rules.certificates import common_name

# Names of one certificate: of more, the first count.
NAMES_MAX = 20
# Certificates remembered, some 2 kB each: one for each service that calls.
REMEMBERED_MAX = 1_024


class Presented(NamedTuple):
    """A client's certificate. `names` are its DNS names and URIs, or its common name where it has none of these."""

    names: tuple[str, ...]
    fingerprint: str
    ends_at_s: float


def presented(context: Any) -> Presented | None:
    """What the other end of a call's connection has shown; None where it was not asked for any."""
    shown: Sequence[bytes] = context.auth_context().get("x509_pem_cert", ())
    return _read(shown[0]) if shown else None


@lru_cache(maxsize=REMEMBERED_MAX)
def _read(pem: bytes) -> Presented:
    certificate = x509.load_pem_x509_certificate(pem)
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    return Presented(_names(certificate), fingerprint, certificate.not_valid_after_utc.timestamp())


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*found.get_values_for_type(x509.DNSName), *found.get_values_for_type(x509.UniformResourceIdentifier)]
    except x509.ExtensionNotFound:
        names = []
    except ValueError:
        # Written by nobody's rules: it names nobody.
        return ()
    names = names or [name for name in [common_name(certificate)] if name]
    return tuple(names[:NAMES_MAX])
