"""Who calls, by API key, and whether they may make this call."""

import asyncio
import hashlib
import time

from rules import access
from rules.access import Caller
from rules.refusals import KeyInvalid
from server import limits
from server.call import Call
from storage.books import Books


class Keys:
    """Remembers for a short time whom keys speak for; of wrong keys, that they are wrong."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._known: dict[bytes, tuple[float, Caller | None]] = {}
        self._asking: dict[bytes, asyncio.Future[Caller | None]] = {}

    async def authorize(self, call: Call) -> None:
        """Fills `caller` and `origin`. Raises KeyInvalid, PermissionMissing.

        A stream calls it again for each message: it outlives what is remembered of its key.
        """
        scheme, _, key = str(call.metadata.get("authorization", "")).partition(" ")
        caller = None
        if key and scheme.lower() == "bearer":
            digest = hashlib.sha256(key.encode()).digest()
            known = self._known.get(digest)
            if known is not None and known[0] > time.monotonic():
                caller = known[1]
            else:
                caller = await self._ask(key, digest)
        call.made_by(caller)
        if caller is None:
            raise KeyInvalid
        access.check(caller, call.method.permission)

    async def _ask(self, key: str, digest: bytes) -> Caller | None:
        # Calls that arrive together with the same key ask once.
        asking = self._asking.get(digest)
        if asking is None:
            asking = self._asking[digest] = asyncio.ensure_future(self._books.caller(key))
            asking.add_done_callback(lambda _: self._asking.pop(digest, None))
        caller = await asyncio.shield(asking)
        if len(self._known) >= limits.KEYS_REMEMBERED_MAX:
            self._known.clear()
        self._known[digest] = (time.monotonic() + limits.KEY_BELIEVED_S, caller)
        return caller
