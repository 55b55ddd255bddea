"""Who calls, by API key, login or client certificate, how often, and whether they may make this call."""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from typing import NamedTuple

from rules import access, recording
from rules.access import Caller, Permission
from rules.credentials import acting
from rules.credentials.refusals import ActingDenied
from rules.logins import PasswordUnchanged
from rules.refusals import CertificateInvalid, KeyInvalid
from server import certificates, limits
from server.call import Call
from storage.access.credentials import Credential, CredentialKind
from storage.books import Books


class _Known(NamedTuple):
    """Whom a credential speaks for, None for nobody; from when it is asked again, and until when this is believed."""

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
        """Fills `caller` and `origin`. Raises KeyInvalid, CertificateInvalid, ActingDenied, RateLimited,
        PasswordUnchanged, PermissionMissing, ProgramNotFound, SourceDenied.

        A stream calls it again for each message: it outlives what is remembered of its key, and each counts.
        """
        if call.method.permission is Permission.ANYONE:
            # Whoever logs in is nobody yet, whatever it has been before.
            call.made_by(None)
            call.rates.count(call)
            return
        credentials, digest = _shown(call)
        caller = None
        if credentials:
            known, now = self._known.get(digest), time.monotonic()
            if known is not None and known.believed_until > now:
                caller = known.caller
                if known.ask_at <= now:
                    self._ask(credentials, digest)
            else:
                caller = await asyncio.shield(self._ask(credentials, digest))
        # An empty one is no name either: whoever meant to act for somebody is not taken to act for itself.
        acted_for = call.metadata.get("x-on-behalf-of")
        if caller is not None and acted_for is not None:
            caller = await self._acting(call, caller, str(acted_for))
        call.made_by(caller)
        if caller is None:
            call.rates.count_stranger(call)
            raise KeyInvalid if call.presented is None else CertificateInvalid(fingerprint=call.presented.fingerprint)
        # Until it is read what the call is about: whoever is denied is seen by those whose key it is.
        call.program = call.program or caller.only_program
        call.rates.count(call)
        if caller.restricted and not call.method.is_for_restricted:
            raise PasswordUnchanged
        if not (call.method.is_of_oneself and access.is_of_customer(caller)):
            access.check(caller, call.method.permission)
        if call.request is not None and call.program:
            # A stream goes on, and what was permitted as it began may be so elsewhere only.
            access.check_scope(caller, call.program)
            access.check(caller, call.method.permission, call.program)
        if call.whence.source:
            # On whose behalf it is said stands in the request, which is not read yet.
            recording.check_source(caller, call.whence.source, on_behalf=call.method.names_acting_user)

    async def _acting(self, call: Call, caller: Caller, acted_for: str) -> Caller:
        """The caller as it may act for somebody. Raises ActingDenied; that is the caller's own doing."""
        try:
            whom = acting.whom(acted_for, caller)
            if not whom.user:
                return access.narrowed(caller, whom.program, whom.customer)
            user = await self._user(whom.user)
            if user is None:
                raise ActingDenied
        except ActingDenied:
            call.made_by(caller)
            call.rates.count(call)
            raise
        return access.intersected(caller, user)

    async def _user(self, user: str) -> Caller | None:
        # No digest of a key is so short.
        remembered_as = user.encode()
        known = self._known.get(remembered_as)
        if known is not None and known.believed_until > time.monotonic():
            return known.caller
        return await asyncio.shield(self._ask([Credential(CredentialKind.USER, user)], remembered_as))

    def _ask(self, credentials: Sequence[Credential], digest: bytes) -> "asyncio.Future[Caller | None]":
        # Calls that arrive together with the same key ask once.
        asking = self._asking.get(digest)
        if asking is None:
            asking = self._asking[digest] = asyncio.ensure_future(self._books.caller(*credentials))
            asking.add_done_callback(lambda asked: self._answered(digest, asked))
        return asking

    def forget(self) -> None:
        """Asks again of whoever calls next: somebody has changed here what callers may. What is being asked may have
        been read before that."""
        self._known.clear()
        self._asking.clear()

    def _answered(self, digest: bytes, asked: "asyncio.Future[Caller | None]") -> None:
        if self._asking.get(digest) is not asked:
            # It was forgotten meanwhile: who waits for it began before that.
            return
        del self._asking[digest]
        if asked.cancelled() or asked.exception() is not None:
            # Who waits for it hears of it; where nobody does, the old answer holds to its end.
            return
        if len(self._known) >= limits.KEYS_REMEMBERED_MAX:
            self._known.clear()
        now = time.monotonic()
        self._known[digest] = _Known(asked.result(), now + limits.KEY_ASKED_AGAIN_S, now + limits.KEY_BELIEVED_S)


def _shown(call: Call) -> tuple[Sequence[Credential], bytes]:
    """What the call shows, any of which may be known, and by what we remember it. A key or a login goes before a
    certificate: that has let the connection in. Of one that ended since then nothing is left."""
    scheme, _, key = str(call.metadata.get("authorization", "")).partition(" ")
    if key and scheme.lower() == "bearer":
        return [Credential(CredentialKind.KEY, key)], hashlib.sha256(key.encode()).digest()
    shown = call.presented = certificates.presented(call.context)
    if shown is None or shown.ends_at_s <= time.time():
        return (), b""
    return [Credential(CredentialKind.CERTIFICATE, name) for name in shown.names], shown.fingerprint.encode()
