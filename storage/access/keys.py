"""The form of an API key: `fealty_<id>_<secret>`, of which only the id and a hash are ever stored."""

import hashlib
import re
import secrets
from typing import NamedTuple

PREFIX = "fealty"
# 256 bits of chance: a plain hash of it cannot be guessed back, so no slow hash is needed.
SECRET_BYTES = 32

_ID = re.compile("[0-9a-f]{16}")


class ApiKey(NamedTuple):
    """A key in parts. The whole is shown once, when it is made."""

    id: str
    secret: str

    @property
    def text(self) -> str:
        """What the caller sends."""
        return f"{PREFIX}_{self.id}_{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """What is stored."""
        return hashlib.sha256(self.secret.encode()).digest()


def new_key() -> ApiKey:
    """A fresh key."""
    return ApiKey(secrets.token_hex(8), secrets.token_hex(SECRET_BYTES))


def parse_key(text: str) -> ApiKey | None:
    """The key in a caller's words, or None where it cannot be one."""
    prefix, _, rest = text.partition("_")
    key, _, secret = rest.partition("_")
    if prefix != PREFIX or not _ID.fullmatch(key) or len(secret) != 2 * SECRET_BYTES:
        return None
    return ApiKey(key, secret)
