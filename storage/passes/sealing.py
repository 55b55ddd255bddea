"""What phones, links and mails are trusted by: tokens that only who has the key of the installation can make, and that
the database does not hold.

Each is an HMAC-SHA256 (RFC 2104) over what it is for, so that one never serves as another.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from uuid import UUID

from storage.engine.keyring import decrypt, encrypt

# Half for tokens, half for what is sealed.
WALLET_KEY_BYTES = 64
# Of an authentication token: 192 bits in 32 letters; Apple asks for 16 letters.
TOKEN_BYTES = 24
# Of a link: 128 bits in 22 letters, short enough to be typed.
LINK_BYTES = 16

_PUSH_TOKEN = b"fealty push token"


class WalletKeys:
    """Makes tokens, and seals push tokens."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == WALLET_KEY_BYTES
        self._tokens, self._seals = key[: WALLET_KEY_BYTES // 2], key[WALLET_KEY_BYTES // 2 :]

    def authentication_token(self, serial: str) -> str:
        """With what a phone asks for the pass of that id, for ever: Apple lets it never change."""
        return _text(self._mac(b"apple", serial.encode())[:TOKEN_BYTES])

    def link_token(self, link: UUID) -> str:
        """The opaque part of the address of a link."""
        return _text(self._mac(b"link", link.bytes)[:LINK_BYTES])

    def unsubscribe_token(self, customer: int) -> str:
        """With what a mail is answered by who wants none: it names the customer, and only we can make it."""
        about = str(customer).encode()
        return f"{customer}.{_text(self._mac(b'unsubscribe', about)[:LINK_BYTES])}"

    def unsubscribing(self, token: str) -> int | None:
        """Whose token it is; None where it is nobody's."""
        customer = token.partition(".")[0]
        if not (customer.isascii() and customer.isdecimal()) or len(customer) > 18:
            return None
        ours = self.unsubscribe_token(int(customer))
        return int(customer) if hmac.compare_digest(ours.encode(), token.encode()) else None

    def device_hash(self, library_id: str) -> bytes:
        """By what the database knows a phone. Its id is all that it shows when it asks what is new."""
        return self._mac(b"device", library_id.encode())

    def address_hash(self, address: str) -> bytes:
        """By what the database knows a mail address that was refused."""
        return self._mac(b"address", address.encode())

    def seal_push_token(self, token: str) -> bytes:
        """A push token as the database keeps it."""
        return encrypt(self._seals, token.encode(), _PUSH_TOKEN)

    def open_push_token(self, sealed: bytes) -> str:
        """That token again. Raises DoesNotOpen."""
        return decrypt(self._seals, sealed, _PUSH_TOKEN).decode()

    def _mac(self, purpose: bytes, about: bytes) -> bytes:
        return hmac.digest(self._tokens, b"\0".join((purpose, about)), hashlib.sha256)


def link_hash(token: str) -> bytes:
    """By what the database knows a link."""
    return hashlib.sha256(token.encode()).digest()


def _text(token: bytes) -> str:
    return urlsafe_b64encode(token).rstrip(b"=").decode()
