"""What was asked for, as it lies until it is done: sealed under a key of the installation, and gone once it has ended.

Who has the database alone reads nothing of it, and no copy of it opens after the key of the installation is gone.
"""

import base64

from msgspec import Struct, json

from rules.activity import APPROVAL_KEY_CREATED
from storage.approvals.records import APPROVAL_KEYS
from storage.engine.database import Connection
from storage.engine.keyring import APPROVAL_KEY, KEY_BYTES, Keyring, decrypt, encrypt
from storage.engine.unit import Unit
from storage.personal.installed_keys import InstalledKey

KEY = InstalledKey(
    APPROVAL_KEYS, APPROVAL_KEY, KEY_BYTES, APPROVAL_KEY_CREATED, "approval-key", "key of what waits for approval"
)


class Content(Struct):
    """A request of the contract, byte for byte, and why its maker wants it done, in words that may be about people."""

    message: bytes
    justification: str = ""


def seal(unit: Unit, approval: str, content: Content) -> bytes:
    """What the row of a request, by the public id, keeps of it. Raises KeyringError."""
    # The salt of the cipher makes two alike look different; the id keeps one from being put in another's place.
    return encrypt(KEY.within(unit, unit.keyring), json.encode(content), _about(approval))


def unseal(connection: Connection, keyring: Keyring, approval: str, sealed: bytes) -> Content:
    """That again. Raises KeyringError, DoesNotOpen."""
    return json.decode(decrypt(KEY.find(connection, keyring), sealed, _about(approval)), type=Content)


def as_hash(hexadecimal: str) -> bytes:
    """A SHA-256 as its column has it."""
    return base64.b16decode(hexadecimal, casefold=True)


def _about(approval: str) -> bytes:
    return approval.encode()
