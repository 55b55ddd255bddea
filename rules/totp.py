"""Codes of authenticators: TOTP (RFC 6238) with SHA-1, steps of 30 seconds and six digits, as every app has it."""

import hashlib
import hmac
from base64 import b32encode
from urllib.parse import quote

from rules.logins import CODE_DIGITS

# As long as what SHA-1 gives (RFC 4226, 4: at least 128 bits, 160 are recommended).
SECRET_BYTES = 20
STEP_S = 30
# Clocks of phones are off, and people type slowly: the steps beside the present one count as well (RFC 6238, 5.2).
TOLERANCE = 1


def step_of(at_s: float) -> int:
    """The number of the step that an instant, in seconds since 1970, is in."""
    return int(at_s) // STEP_S


def code(secret: bytes, step: int, digits: int = CODE_DIGITS) -> str:
    """The code of a step (RFC 4226, 5.3)."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 0xF
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def matching_step(secret: bytes, typed: str, at_s: float, used_step: int) -> int | None:
    """The step whose code was typed, among those that count at an instant and are later than the latest that was used;
    None where it is no such code."""
    now = step_of(at_s)
    for step in range(max(now - TOLERANCE, used_step + 1), now + TOLERANCE + 1):
        if hmac.compare_digest(code(secret, step).encode(), typed.encode()):
            return step
    return None


def text_of(secret: bytes) -> str:
    """What is typed into an authenticator that has no camera."""
    return b32encode(secret).decode()


def uri(secret: bytes, email: str, issuer: str = "Fealty") -> str:
    """What an authenticator reads off a screen (Key URI format)."""
    label = quote(f"{issuer}:{email}", safe=":@")
    return f"otpauth://totp/{label}?secret={text_of(secret)}&issuer={quote(issuer)}&algorithm=SHA1&digits={CODE_DIGITS}&period={STEP_S}"
