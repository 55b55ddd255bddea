"""What Google tells of a card: that somebody saved or removed it. Believed when Google signed it, for us, lately.

The chain (ECv2SigningOnly): a root key of Google's signs an intermediate key, and that the message, together with the
id of the issuer that the message is for. That id is one of ours, never one that the message names: whoever has another
issuer account gets callbacks that are signed as well.
"""

import json
import re
from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

PROTOCOL = "ECv2SigningOnly"
SENDER = "GooglePayPasses"
# A callback is some 1,500 bytes.
CALLBACK_BYTES_MAX = 16 << 10

_ID = re.compile(r"[0-9]{1,25}\.[A-Za-z0-9._-]{1,200}")
_NONCE = re.compile(r"[!-~]{1,200}")


class NotGenuine(Exception):
    """This is no callback of Google's to us: {reason}."""

    def __init__(self, reason: str) -> None:
        super().__init__((type(self).__doc__ or "").format(reason=reason))
        self.reason = reason


class Event(StrEnum):
    """What somebody did with the card."""

    SAVED = "save"
    REMOVED = "del"


@dataclass(frozen=True)
class Callback:
    """A callback that is genuine. Each may come several times, with the same nonce."""

    issuer: str
    class_id: str
    object_id: str
    event: Event
    nonce: str
    expires_at: datetime


@dataclass(frozen=True)
class RootKey:
    """A root key of Google's, until when it counts in milliseconds since 1970; None: without an end."""

    key: EllipticCurvePublicKey
    expires_ms: int | None


def verify(body: bytes, issuers: Collection[str], roots: Sequence[RootKey], now: datetime) -> Callback:
    """What a callback says. `issuers` are ours; `now` is the clock's. Raises NotGenuine."""
    if len(body) > CALLBACK_BYTES_MAX:
        raise NotGenuine("it is too long")
    now_ms = int(now.timestamp() * 1000)
    sent = _object(body, "the body")
    if sent.get("protocolVersion") != PROTOCOL:
        raise NotGenuine("its protocol is another one")
    message = _text(sent, "signedMessage")
    key = _intermediate(sent.get("intermediateSigningKey"), roots, now_ms)
    signature = _bytes(sent, "signature")
    issuer = next((one for one in issuers if _is_signed(key, signature, _signed(SENDER, one, PROTOCOL, message))), None)
    if issuer is None:
        raise NotGenuine("its message is not signed by that key, for an issuer of ours")
    return _read(_object(message, "the message"), issuer, now_ms)


def root_keys(answered: bytes) -> list[RootKey]:
    """The keys in what Google publishes, those of our protocol only. Raises NotGenuine where it is something else."""
    listed = _object(answered, "the list of keys").get("keys")
    if not isinstance(listed, list):
        raise NotGenuine("the list of keys has none")
    found = []
    for entry in listed:
        if isinstance(entry, dict) and entry.get("protocolVersion") == PROTOCOL:
            expires = _milliseconds(entry, "keyExpiration") if "keyExpiration" in entry else None
            found.append(RootKey(_key(_text(entry, "keyValue")), expires))
    return found


def _intermediate(sent: Any, roots: Sequence[RootKey], now_ms: int) -> EllipticCurvePublicKey:
    if not isinstance(sent, dict):
        raise NotGenuine("it has no intermediate key")
    text = _text(sent, "signedKey")
    signatures = sent.get("signatures")
    if not isinstance(signatures, list) or len(signatures) > 10:
        raise NotGenuine("its intermediate key has no signatures")
    about = _signed(SENDER, PROTOCOL, text)
    valid = [root.key for root in roots if root.expires_ms is None or root.expires_ms > now_ms]
    if not any(_is_signed(root, _decoded(one), about) for root in valid for one in signatures):
        raise NotGenuine("its intermediate key is not signed by a root key that counts")
    key = _object(text, "the intermediate key")
    if _milliseconds(key, "keyExpiration") <= now_ms:
        raise NotGenuine("its intermediate key has expired")
    return _key(_text(key, "keyValue"))


def _read(message: Mapping[str, Any], issuer: str, now_ms: int) -> Callback:
    expires_ms = _milliseconds(message, "expTimeMillis")
    if expires_ms <= now_ms:
        raise NotGenuine("it has expired")
    class_id, object_id = _text(message, "classId"), _text(message, "objectId")
    if not all(_ID.fullmatch(one) and one.startswith(f"{issuer}.") for one in (class_id, object_id)):
        raise NotGenuine("it is about a card of another issuer")
    nonce = _text(message, "nonce")
    if not _NONCE.fullmatch(nonce):
        raise NotGenuine("its nonce is none")
    try:
        event = Event(_text(message, "eventType"))
        expires_at = datetime.fromtimestamp(expires_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise NotGenuine("its event or its end is none that we know") from None
    return Callback(issuer, class_id, object_id, event, nonce, expires_at)


def _signed(*parts: str) -> bytes:
    """What a signature is over: each part after its length in bytes, little-endian."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "little") + part for part in encoded)


def _is_signed(key: EllipticCurvePublicKey, signature: bytes, about: bytes) -> bool:
    try:
        key.verify(signature, about, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _key(text: str) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(_decoded(text))
    except ValueError:
        raise NotGenuine("a key of it cannot be read") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise NotGenuine("a key of it is of another kind")
    return key


def _object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NotGenuine(f"{what} is no JSON object")
    return found


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    # JSON may hold halves of characters, which are no text.
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise NotGenuine(f"its {name} is no text")
    return value


def _bytes(found: Mapping[str, Any], name: str) -> bytes:
    return _decoded(_text(found, name))


def _decoded(text: Any) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise NotGenuine("something of it is no base64") from None


def _milliseconds(found: Mapping[str, Any], name: str) -> int:
    """Google writes them as text, and as a number."""
    value = found.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isascii():
        raise NotGenuine(f"its {name} is no time")
    text = str(value)
    if not text.isdigit() or len(text) > 15:
        raise NotGenuine(f"its {name} is no time")
    return int(text)
