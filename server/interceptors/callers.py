"""Who calls, by API key, and whether they may make this call."""

import asyncio
import hashlib
import time
from typing import NamedTuple

from rules import access, recording
from rules.access import Caller
from rules.refusals import KeyInvalid
from server import limits
from server.call import Call
from storage.books import Books


class _Known(NamedTuple):
    """Whom a key speaks for, None for nobody; from when it is asked again, and until when this is believed."""

    caller: Caller | None
    ask_at: float
    believed_until: float


class Keys:
    """Remembers for a short time whom keys speak for; of wrong keys, that they are wrong.

    A key that is in use is asked again while the old answer still holds, so nobody waits for that.
    """

    def __init__(self, books: Books) -> None:
        self._books = books
        self._known: dict[bytes, _Known] = {}
        self._asking: dict[bytes, asyncio.Future[Caller | None]] = {}

    async def authorize(self, call: Call) -> None:
        """Fills `caller` and `origin`. Raises KeyInvalid, PermissionMissing, SourceDenied.

        A stream calls it again for each message: it outlives what is remembered of its key.
        """
        scheme, _, key = str(call.metadata.get("authorization", "")).partition(" ")
        caller = None
        if key and scheme.lower() == "bearer":
            digest = hashlib.sha256(key.encode()).digest()
            known, now = self._known.get(digest), time.monotonic()
            if known is not None and known.believed_until > now:
                caller = known.caller
                if known.ask_at <= now:
                    self._ask(key, digest)
            else:
                caller = await asyncio.shield(self._ask(key, digest))
        call.made_by(caller)
        if caller is None:
            raise KeyInvalid
        # Until it is read what the call is about: whoever is denied is seen by those whose key it is.
        call.program = call.program or caller.program or ""
        access.check(caller, call.method.permission)
        if call.whence.source:
            # On whose behalf it is said stands in the request, which is not read yet.
            recording.check_source(caller, call.whence.source, on_behalf=call.method.names_acting_user)

    def _ask(self, key: str, digest: bytes) -> "asyncio.Future[Caller | None]":
        # Calls that arrive together with the same key ask once.
        asking = self._asking.get(digest)
        if asking is None:
            asking = self._asking[digest] = asyncio.ensure_future(self._books.caller(key))
            asking.add_done_callback(lambda asked: self._answered(digest, asked))
        return asking

    def _answered(self, digest: bytes, asked: "asyncio.Future[Caller | None]") -> None:
        del self._asking[digest]
        if asked.cancelled() or asked.exception() is not None:
            # Who waits for it hears of it; where nobody does, the old answer holds to its end.
            return
        if len(self._known) >= limits.KEYS_REMEMBERED_MAX:
            self._known.clear()
        now = time.monotonic()
        self._known[digest] = _Known(asked.result(), now + limits.KEY_ASKED_AGAIN_S, now + limits.KEY_BELIEVED_S)
