"""What a caller shows to be known: an API key, a login's token, the name in a client certificate; and the user that a
service acts for, and whoever asked for what was approved since, who show nothing.

Keys are `fealty_<id>_<secret>` and logins `fealtylogin_<id>_<secret>`, of which only the id and a hash are stored.
"""

import hashlib
import re
import secrets
from enum import StrEnum
from typing import NamedTuple

# 256 bits of chance: a plain hash of it cannot be guessed back, so no slow hash is needed.
SECRET_BYTES = 32

_ID = re.compile("[0-9a-f]{16}")


class CredentialKind(StrEnum):
    """By what a caller is known."""

    KEY = "KEY"
    LOGIN = "LOGIN"
    CERTIFICATE = "CERTIFICATE"
    USER = "USER"
    SERVICE = "SERVICE"


class Credential(NamedTuple):
    """What is asked about: of a key or a login its token, of a certificate the name in it, of a user and a
    service the id."""

    kind: CredentialKind
    text: str


class Token(NamedTuple):
    """A key or a login in parts. The whole is shown once, when it is made."""

    kind: CredentialKind
    id: str
    secret: str

    def __repr__(self) -> str:
        """Nothing of the secret: what is shown of a fault may come into a log."""
        return f"Token({self.kind}, {self.id}, …)"

    @property
    def text(self) -> str:
        """What the caller sends."""
        return f"{_PREFIXES[self.kind]}_{self.id}_{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """What is stored."""
        return hashlib.sha256(self.secret.encode()).digest()


def new_token(kind: CredentialKind) -> Token:
    """A fresh key or login."""
    return Token(kind, secrets.token_hex(8), secrets.token_hex(SECRET_BYTES))


def parse_token(text: str) -> Token | None:
    """The key or login in a caller's words, or None where it can be none."""
    prefix, _, rest = text.partition("_")
    identity, _, secret = rest.partition("_")
    kind = _KINDS.get(prefix)
    if kind is None or not _ID.fullmatch(identity) or len(secret) != 2 * SECRET_BYTES:
        return None
    return Token(kind, identity, secret)


_PREFIXES = {CredentialKind.KEY: "fealty", CredentialKind.LOGIN: "fealtylogin"}
_KINDS = {prefix: kind for kind, prefix in _PREFIXES.items()}
