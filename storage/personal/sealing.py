"""How a personal value is kept: what the record says of it for ever, and what lies beside it until it is erased.

The formats are those of docs/decisions/0030: a verifier in another language needs no more than that page. They take
the activity's id as its body has it, the field, and the side of the change: `before` or `after`.
"""

import base64
import hashlib
import os
from typing import Any, NamedTuple

from msgspec import json

from storage.engine.keyring import decrypt, encrypt

SALT_BYTES = 16

_VALUE = json.Encoder(order="sorted")


class Sealed(NamedTuple):
    """What stands in the record, and what beside it."""

    commitment: str
    ciphertext: bytes


class Opened(NamedTuple):
    """A value as JSON, byte for byte as it was committed to, and the salt that proves it."""

    salt: bytes
    text: bytes

    @property
    def value(self) -> Any:
        """What it says."""
        return json.decode(self.text)


def seal(key: bytes, activity: str, field: str, side: str, value: Any) -> Sealed:
    """Seals a value under a customer's key, with a salt that no other has."""
    salt, text = os.urandom(SALT_BYTES), _VALUE.encode(value)
    # The salt lies inside: with it, whoever has the row could try guesses against the record.
    ciphertext = encrypt(key, salt + text, _about(activity, field, side))
    return Sealed(commitment(salt, field, side, text), ciphertext)


def unseal(key: bytes, activity: str, field: str, side: str, ciphertext: bytes) -> Opened:
    """The value again. Raises DoesNotOpen."""
    text = decrypt(key, ciphertext, _about(activity, field, side))
    return Opened(text[:SALT_BYTES], text[SALT_BYTES:])


def commitment(salt: bytes, field: str, side: str, text: bytes) -> str:
    """What binds a record to a value without telling it."""
    digest = hashlib.sha256(b"\0".join((salt + field.encode(), side.encode(), text))).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _about(activity: str, field: str, side: str) -> bytes:
    return "\0".join((activity, field, side)).encode()
