"""What the stand-in of Apple's push service finds wrong with a request."""

from typing import Any, NamedTuple
from uuid import UUID


class Scripted(NamedTuple):
    """One answer of the push service. `timestamp_ms` is told with 410, `retry_after_s` in a header."""

    status: int
    reason: str = ""
    timestamp_ms: int | None = None
    retry_after_s: int | None = None


class Push(NamedTuple):
    """A request as it came, and what it was answered; `at` is the instant of `time.time`."""

    token: str
    topic: str
    headers: dict[str, str]
    body: bytes
    apns_id: str
    connection: int
    answer: Scripted
    at: float


BODY_MAX_BYTES = 4096
_PUSH_TYPES = frozenset(
    {
        *("alert", "background", "complication", "controls", "fileprovider", "liveactivity"),
        *("location", "mdm", "pushtotalk", "voip", "widgets"),
    }
)


def wrong(headers: dict[str, str], names: list[str], body: bytes, topics: frozenset[str]) -> Scripted | None:
    """What is wrong with a request, in the order in which it is looked at."""
    path, topic = headers.get(":path", ""), headers.get("apns-topic", "")
    if headers.get(":method") != "POST":
        return Scripted(405, "MethodNotAllowed")
    if not path.startswith("/3/device/") or "/" in path.removeprefix("/3/device/"):
        return Scripted(404, "BadPath")
    if path == "/3/device/":
        return Scripted(400, "MissingDeviceToken")
    if len(set(names)) != len(names):
        return Scripted(400, "DuplicateHeaders")
    if (wrong := _wrong_header(headers)) is not None:
        return Scripted(400, wrong)
    if not topic:
        return Scripted(400, "MissingTopic")
    if topic not in topics:
        return Scripted(400, "TopicDisallowed")
    if len(body) > BODY_MAX_BYTES:
        return Scripted(413, "PayloadTooLarge")
    return None if body == b"{}" else Scripted(400, "PayloadEmpty")


def _wrong_header(headers: dict[str, str]) -> str | None:
    kind, priority = headers.get("apns-push-type", "alert"), headers.get("apns-priority", "10")
    if (apns_id := headers.get("apns-id")) is not None and not _is_uuid(apns_id):
        return "BadMessageId"
    if not headers.get("apns-expiration", "0").isdecimal():
        return "BadExpirationDate"
    if kind not in _PUSH_TYPES:
        return "InvalidPushType"
    if priority not in {"1", "5", "10"} or (kind == "background" and priority != "5"):
        return "BadPriority"
    return "BadCollapseId" if len(headers.get("apns-collapse-id", "").encode()) > 64 else None


def is_token(token: str) -> bool:
    """Whether it looks like one. Their length is Apple's to choose; none was ever shorter."""
    return len(token) >= 64 and len(token) % 2 == 0 and all(letter in "0123456789abcdefABCDEF" for letter in token)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def topics_of(certificate: Any) -> frozenset[str]:
    """Those that a certificate is for: the UIDs of its subject."""
    subject = certificate.get("subject", ()) if certificate else ()
    return frozenset(value for names in subject for name, value in names if name in ("userId", "UID"))
