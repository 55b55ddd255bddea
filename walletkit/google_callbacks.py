"""How Google signs what it tells issuers (ECv2SigningOnly). Everything about it can be made wrong on purpose."""

import json
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PROTOCOL = "ECv2SigningOnly"
SENDER = "GooglePayPasses"
DAY_MS = 86_400_000


class CallbackSigner:
    """A root key, an intermediate key, and what is signed with them."""

    def __init__(self) -> None:
        self.root = ec.generate_private_key(ec.SECP256R1())
        self.intermediate = ec.generate_private_key(ec.SECP256R1())
        self.root_expires_ms = now_ms() + 365 * DAY_MS
        self.intermediate_expires_ms = now_ms() + 7 * DAY_MS

    def keys(self) -> str:
        """What is published: the root key, among one of another protocol."""
        other = ec.generate_private_key(ec.SECP256R1())
        listed = [
            {"keyValue": public(other), "protocolVersion": "ECv2", "keyExpiration": str(self.root_expires_ms)},
            {"keyValue": public(self.root), "protocolVersion": PROTOCOL, "keyExpiration": str(self.root_expires_ms)},
        ]
        return json.dumps({"keys": listed})

    def message(self, class_id: str, object_id: str, event: str, **other: Any) -> dict[str, Any]:
        """What is told: `save` or `del`."""
        told = {
            "classId": class_id,
            "objectId": object_id,
            "expTimeMillis": now_ms() + DAY_MS,
            "eventType": event,
            "nonce": secrets.token_hex(16),
            "count": 1,
        }
        return {**told, **other}

    def sign(self, issuer: str, message: Mapping[str, Any], sender: str = SENDER, protocol: str = PROTOCOL) -> str:
        """The body of a callback to an issuer."""
        signed_key = json.dumps(
            {"keyValue": public(self.intermediate), "keyExpiration": str(self.intermediate_expires_ms)}
        )
        text = json.dumps(message, ensure_ascii=False)
        body = {
            "signature": _signature(self.intermediate, sender, issuer, protocol, text),
            "intermediateSigningKey": {
                "signedKey": signed_key,
                "signatures": [_signature(self.root, sender, protocol, signed_key)],
            },
            "protocolVersion": protocol,
            "signedMessage": text,
        }
        return json.dumps(body)


def public(key: ec.EllipticCurvePrivateKey) -> str:
    """The public half, as Google writes it."""
    return b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def now_ms() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def _signature(key: ec.EllipticCurvePrivateKey, *parts: str) -> str:
    about = b"".join(len(part.encode()).to_bytes(4, "little") + part.encode() for part in parts)
    return b64encode(key.sign(about, ec.ECDSA(SHA256()))).decode()
