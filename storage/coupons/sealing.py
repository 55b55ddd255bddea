"""How codes lie in the database: sealed, so that who has the database alone can neither read nor try them.

The format is that of docs/decisions/0039. The same code of a program is always sealed to the same bytes, so that it is
found, and kept from coming twice, by an index over what is sealed.
"""

from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from rules.coupons.codes import Code
from storage.engine.keyring import DoesNotOpen

# Two keys of AES-256: one makes the synthetic IV, the other encrypts.
CODE_KEY_BYTES = 64
# Of the synthetic IV, which is a keyed hash of program and code: enough to tell a million codes apart in a log.
FINGERPRINT_BYTES = 8


class CodeSeals:
    """Seals and unseals codes. `program_id` is the program's public id: a sealed code opens in its program only."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == CODE_KEY_BYTES
        self._cipher = AESSIV(key)

    def seal(self, program_id: str, code: Code) -> bytes:
        """The code as the database has it: 16 bytes longer than its text."""
        return self._cipher.encrypt(code.text.encode(), [program_id.encode()])

    def seal_all(self, program_id: str, texts: Iterable[str]) -> list[bytes]:
        """The same of codes that were just made, by their texts, in their order."""
        encrypt, about = self._cipher.encrypt, [program_id.encode()]
        return [encrypt(text.encode(), about) for text in texts]

    def unseal(self, program_id: str, sealed: bytes) -> str:
        """The text of the code: for whoever may read codes, and nobody's log. Raises DoesNotOpen."""
        try:
            return self._cipher.decrypt(sealed, [program_id.encode()]).decode()
        except (InvalidTag, ValueError):
            raise DoesNotOpen from None

    @staticmethod
    def fingerprint(sealed: bytes) -> str:
        """By what logs and activities name a code: it says which, and nothing about it to who has no key."""
        return sealed[:FINGERPRINT_BYTES].hex()
