"""What Google tells: somebody saved a card, or removed it. Taken where Google signed it for us; each comes several
times, and is taken once."""

from datetime import UTC, datetime

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from storage.engine.ids import parse_typeid
from storage.passes.google import note_callback
from wallet.google.callback import CALLBACK_BYTES_MAX, Callback, Event, NotGenuine, verify
from wallet.google.names import serial_of
from wallet.google.rootkeys import KeysAway
from wallet.web import answers
from wallet.web.answers import again, empty
from wallet.web.gate import named
from wallet.web.site import Site

log = structlog.get_logger()


class Callbacks:
    """/google/callback"""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def post(self, request: Request) -> Response:
        """One callback. Google sends it again until it is answered 200."""
        named(request, "google")
        issuers = [account.issuer for account in self._site.accounts.google_accounts]
        if not issuers:
            return empty(404)
        sent = await answers.body(request, CALLBACK_BYTES_MAX)
        try:
            # On a thread: the keys may have to be fetched.
            told = await run_in_threadpool(self._verified, sent, issuers)
        except KeysAway:
            return again()
        except NotGenuine as fault:
            log.warning("callback refused", reason=fault.reason)
            return empty(400)
        serial = serial_of(told.object_id)
        card = parse_typeid("pass", serial)
        if card is not None:
            await self._site.lanes.act(lambda unit: note_callback(unit, card, told.nonce, told.event is Event.SAVED))
        return empty(200)

    def _verified(self, sent: bytes, issuers: list[str]) -> Callback:
        now = datetime.now(UTC)
        try:
            return verify(sent, issuers, self._site.root_keys.current(now), now)
        except NotGenuine:
            # It may be signed by a key that is newer than those that we have.
            return verify(sent, issuers, self._site.root_keys.current(now, newest=True), now)
