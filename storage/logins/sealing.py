"""What logging in is trusted by: codes and tokens that only who has the key of the installation can make, and that the
database does not hold; and what authenticators share with us, sealed.

Each is an HMAC-SHA256 (RFC 2104) over what it is for, so that one never serves as another.
"""

import hashlib
import hmac
from uuid import UUID

from rules.logins import CODE_DIGITS
from storage.engine.keyring import decrypt, encrypt

# Half for codes and tokens, half for what is sealed.
ACCESS_KEY_BYTES = 64
# Of the secret part of a token that is mailed: 128 bits, short enough to be typed once.
TOKEN_BYTES = 16

_TOTP = b"fealty totp\0"


class AccessKeys:
    """Makes codes and tokens, hashes recovery codes, and seals what authenticators share with us."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == ACCESS_KEY_BYTES
        self._codes, self._seals = key[: ACCESS_KEY_BYTES // 2], key[ACCESS_KEY_BYTES // 2 :]

    def mailed_code(self, code: UUID) -> str:
        """The six digits of a code that is mailed, by its id."""
        number = int.from_bytes(self._mac(b"code", code.bytes)[:16], "big") % 10**CODE_DIGITS
        return f"{number:0{CODE_DIGITS}}"

    def emailed_token(self, token: str, purpose: str) -> str:
        """The secret part of a token that is mailed, by its id."""
        return self._mac(purpose.encode(), token.encode())[:TOKEN_BYTES].hex()

    def recovery_mac(self, person: str, code: str) -> bytes:
        """By what the database knows a recovery code of a user."""
        return self._mac(b"recovery", b"\0".join((person.encode(), code.encode())))

    def seal_totp(self, person: str, secret: bytes) -> bytes:
        """What an authenticator shares with us, as the database keeps it: it opens for that user only."""
        return encrypt(self._seals, secret, _TOTP + person.encode())

    def open_totp(self, person: str, sealed: bytes) -> bytes:
        """That again. Raises DoesNotOpen."""
        return decrypt(self._seals, sealed, _TOTP + person.encode())

    def _mac(self, purpose: bytes, about: bytes) -> bytes:
        return hmac.digest(self._codes, b"\0".join((purpose, about)), hashlib.sha256)
