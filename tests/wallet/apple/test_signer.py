"""A signature is of the bytes of the manifest, whatever is in them."""

import shutil

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from tests.wallet import signing
from wallet.apple.certificates import AppleAccount
from walletkit import cms

INDENTED = b'{\n  "icon.png": "0a4d55a8d778e5022fab701977c5d840bbc486d0",\r\n  "pass.json": "da39a3ee"\n}\n'


def test_a_manifest_with_line_ends_is_signed_as_it_is(account: AppleAccount) -> None:
    """Without the option Binary, line ends are rewritten before they are signed, and no phone takes the card: with a
    manifest of one line nobody notices."""
    signed = cms.verify(INDENTED, account.sign(INDENTED))
    assert signed.signer == account.certificate
    assert account.wwdr in signed.others
    with pytest.raises(cms.SignatureInvalid, match="of other bytes"):
        cms.verify(INDENTED, _without_binary(INDENTED))


@pytest.mark.process
def test_openssl_agrees(account: AppleAccount, root: x509.Certificate) -> None:
    """The verification above is our own; where there is an openssl, it is asked too, of both."""
    root_pem = signing.authority().root.pem
    if shutil.which("openssl") is None:
        cms.verify(INDENTED, account.sign(INDENTED))
        return
    assert cms.openssl_verifies(INDENTED, account.sign(INDENTED), root_pem) == ""
    assert "digest failure" in cms.openssl_verifies(INDENTED, _without_binary(INDENTED), root_pem)


def test_a_signature_says_when_and_is_in_order(account: AppleAccount) -> None:
    """Apple asks for the time of signing; and attributes out of DER's order are refused by strict readers."""
    signed = cms.verify(INDENTED, account.sign(INDENTED))
    assert signed.is_ordered
    assert account.certificate.not_valid_before_utc < signed.signed_at < account.expires_at


def test_another_byte_is_not_signed(account: AppleAccount) -> None:
    """The whole manifest counts, to its last byte."""
    signature = account.sign(INDENTED)
    for other in (INDENTED[:-1], INDENTED + b" ", INDENTED.replace(b"icon", b"logo"), b""):
        with pytest.raises(cms.SignatureInvalid):
            cms.verify(other, signature)


def test_a_signature_that_was_touched_does_not_hold(account: AppleAccount) -> None:
    """In what was signed, in the signature itself, or cut off anywhere: nothing breaks, and nothing is taken."""
    signature = account.sign(INDENTED)
    for at in (0, len(signature) - 300, len(signature) - 200, len(signature) - 1):
        touched = bytearray(signature)
        touched[at] ^= 1
        with pytest.raises(cms.SignatureInvalid):
            cms.verify(INDENTED, bytes(touched))
    for cut in (b"", signature[:-1], signature[:100], signature + b"\0"):
        with pytest.raises(cms.SignatureInvalid):
            cms.verify(INDENTED, cut)


def _without_binary(manifest: bytes) -> bytes:
    key = signing.leaf().key
    assert isinstance(key, RSAPrivateKey)
    builder = pkcs7.PKCS7SignatureBuilder().set_data(manifest)
    builder = builder.add_signer(signing.leaf().certificate, key, hashes.SHA256())
    builder = builder.add_certificate(signing.authority().wwdr.certificate)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.DetachedSignature])
