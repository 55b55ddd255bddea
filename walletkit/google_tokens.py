"""Who may speak to Google: service accounts, the tokens that they get for an assertion, and what else they sign."""

import json
import secrets
import time
from base64 import urlsafe_b64decode
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
# Whatever address the token was asked for at.
AUDIENCE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_LIFE_S = 3_600
SKEW_S = 60


class Refused(Exception):
    """No token: Google's word for why."""


class ServiceAccount(NamedTuple):
    """One, with the key that it was made with."""

    email: str
    key_id: str
    key: rsa.RSAPrivateKey

    def json(self, token_uri: str) -> str:
        """The file that Google hands out."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        info = {
            "type": "service_account",
            "project_id": "stand-in",
            "private_key_id": self.key_id,
            "private_key": pem.decode(),
            "client_email": self.email,
            "client_id": "100000000000000000000",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            "universe_domain": "googleapis.com",
        }
        return json.dumps(info, indent=2)


class Tokens:
    """The token endpoint. `asked` counts how often a token was asked for."""

    def __init__(self) -> None:
        self.accounts: dict[str, ServiceAccount] = {}
        self.asked = 0
        self._given: dict[str, tuple[str, float]] = {}

    def create(self, email: str) -> ServiceAccount:
        """Another service account."""
        key = rsa.generate_private_key(65_537, 2_048)
        made = self.accounts[email] = ServiceAccount(email, secrets.token_hex(20), key)
        return made

    def give(self, grant_type: str, assertion: str) -> dict[str, Any]:
        """A token for an assertion. Raises Refused."""
        self.asked += 1
        if grant_type != GRANT:
            raise Refused("unsupported_grant_type")
        claims = self.verified(assertion)
        now = time.time()
        if claims.get("aud") != AUDIENCE or claims.get("scope") != SCOPE:
            raise Refused("invalid_scope")
        if (
            not now - TOKEN_LIFE_S - SKEW_S < claims["iat"] <= now + SKEW_S
            or claims["exp"] > claims["iat"] + TOKEN_LIFE_S
        ):
            raise Refused("invalid_grant")
        token = secrets.token_urlsafe(32)
        self._given[token] = (claims["iss"], now + TOKEN_LIFE_S)
        return {"access_token": token, "expires_in": TOKEN_LIFE_S - 1, "token_type": "Bearer"}

    def verified(self, jwt: str) -> dict[str, Any]:
        """What a JWT claims that one of the accounts has signed by RS256. Raises Refused."""
        try:
            signed, signature = jwt.rsplit(".", 1)
            header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
            account = self.accounts[claims["iss"]]
            if header.get("alg") != "RS256" or header.get("kid") not in (None, account.key_id):
                raise Refused("invalid_grant")
            account.key.public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), SHA256())
        except (ValueError, KeyError, TypeError, InvalidSignature):
            raise Refused("invalid_grant") from None
        found: dict[str, Any] = claims
        return found

    def owner(self, authorization: str) -> str | None:
        """The account whose token a header brings; None where it brings none that counts."""
        email, until = self._given.get(authorization.removeprefix("Bearer "), ("", 0.0))
        return email if authorization.startswith("Bearer ") and until > time.time() else None

    def withdraw(self) -> None:
        """No token counts any more."""
        self._given.clear()


def _decoded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))
