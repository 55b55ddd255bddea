"""Page tokens and cursors: opaque, bound to what they were made for, and signed. They carry no permission."""

import base64
import binascii
import hashlib
import hmac

from google.protobuf.message import Message

from rules.refusals import PageTokenMismatch
from server import limits

_MAC_BYTES = 16
# What of a request says where to begin, how far to go and what to tell besides. It may change from one to the next;
# what is listed may not.
_WHERE = ("page_token", "page_size", "cursor", "only_new", "want_total", "resume_token")


class Pages:
    """Makes and reads tokens with a key that all server processes share."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def token(self, request: Message, position: str) -> str:
        """The token or cursor that continues this list or stream after `position`."""
        signed = self._sign(request, position.encode())
        return base64.urlsafe_b64encode(signed + position.encode()).decode().rstrip("=")

    def position(self, request: Message, token: str) -> str:
        """Where the list or stream continues; empty at its beginning. Raises PageTokenMismatch."""
        if not token:
            return ""
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError) as error:
            raise PageTokenMismatch from error
        position = raw[_MAC_BYTES:]
        if not hmac.compare_digest(raw[:_MAC_BYTES], self._sign(request, position)):
            raise PageTokenMismatch
        return position.decode()

    def _sign(self, request: Message, position: bytes) -> bytes:
        listed = type(request)()
        listed.CopyFrom(request)
        for field in _WHERE:
            if field in listed.DESCRIPTOR.fields_by_name:
                listed.ClearField(field)
        what = listed.SerializeToString(deterministic=True)
        text = b"\0".join((listed.DESCRIPTOR.full_name.encode(), hashlib.sha256(what).digest(), position))
        return hmac.digest(self._secret, text, "sha256")[:_MAC_BYTES]


def page_size(asked: int) -> int:
    """How many rows a page has."""
    return min(asked, limits.PAGE_SIZE_MAX) if asked else limits.PAGE_SIZE_DEFAULT
