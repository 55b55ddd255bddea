"""Signs the manifest of a card as Apple wants it: PKCS#7, detached, with the intermediate and the time in it.

A third of a millisecond, nearly all of it RSA.
"""

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

# Never without Binary: what is signed would have its line ends rewritten first, and a manifest with line ends would
# carry a signature of something else, which no phone takes (docs/decisions/0046).
_OPTIONS = (pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary)
# The signature's own. That of the manifest's entries is SHA-1, as the format says.
_HASH = hashes.SHA256()


class Signer:
    """Signs with one certificate; shared by all threads. It does not check what it is given: load_account does."""

    def __init__(self, certificate: x509.Certificate, key: RSAPrivateKey, wwdr: x509.Certificate) -> None:
        self._certificate = certificate
        self._key = key
        self._wwdr = wwdr

    def sign(self, manifest: bytes) -> bytes:
        """The signature, in DER; different each second, for it says when."""
        builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest)
        builder = builder.add_signer(self._certificate, self._key, _HASH).add_certificate(self._wwdr)
        return builder.sign(Encoding.DER, _OPTIONS)
