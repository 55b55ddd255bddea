"""What stands before every endpoint: how much is taken in hand, from whom and how fast, for how long; what is said of
faults, and to whom nothing of them is said."""

import asyncio
import time
from collections.abc import Sequence
from functools import lru_cache
from secrets import token_hex
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rules import proxies
from rules.proxies import Network
from storage.engine.database import Busy as DatabaseBusy
from storage.engine.database import StorageUnavailable, TooSlow
from storage.engine.lanes import LaneFull
from wallet.web import limits
from wallet.web.answers import BodyLate, BodyTooLarge, Busy, again, text
from wallet.web.buckets import Buckets
from wallet.web.shares import Shares

REQUESTS = Counter("fealty_passes_requests", "Requests of the public endpoints", ["route", "code"])
SECONDS = Histogram("fealty_passes_request_seconds", "From the headers to the answer", ["route"])
IN_HAND = Gauge("fealty_passes_in_hand", "Requests that are being worked on")
TURNED_AWAY = Counter("fealty_passes_turned_away", "Requests answered 503 before they were looked at", ["why"])

# Where phones ask, by Apple's rules.
PHONES = "/v1/"

# What no answer of ours goes without: a browser is to guess nothing, tell nobody where it came from, and keep to TLS.
HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex, nofollow"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"strict-transport-security", b"max-age=31536000"),
)

log = structlog.get_logger()


class Gate:
    """The whole application but for what it does. Endpoints say what they are by `scope["route"]`, and find in
    `scope["from"]` by what requests of the same sender are counted, in `scope["bodies"]` whose are being read, and in
    `scope["is_suspect"]` whether so much was refused to the sender that only who shows a right token is answered."""

    def __init__(self, app: ASGIApp, trusted: Sequence[Network] = ()) -> None:
        self._app = app
        self._trusted = trusted
        self._in_hand = Shares()
        self._bodies = Shares()
        self._rates = Buckets(limits.ADDRESS_RATE, limits.ADDRESS_BURST)
        self._refused = Buckets(limits.REFUSED_RATE, limits.REFUSED_BURST)
        self._household = lru_cache(limits.ADDRESSES_KEPT)(self._counted_by)
        IN_HAND.set_function(lambda: self._in_hand.total)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        began = time.monotonic()
        scope["from"] = sender = self._sender(scope)
        scope["route"] = "none"
        scope["bodies"] = self._bodies
        scope["is_suspect"] = self._refused.is_empty(sender)
        answer = _Answer(send)
        if why := self._turned_away(scope, sender):
            TURNED_AWAY.labels(why).inc()
            await again()(scope, receive, answer)
        else:
            try:
                await self._served(scope, receive, answer)
            finally:
                self._in_hand.give_back(sender)
            if 400 <= answer.status < 500:
                self._refused.take(sender)
        REQUESTS.labels(scope["route"], answer.status).inc()
        SECONDS.labels(scope["route"]).observe(time.monotonic() - began)

    def _turned_away(self, scope: Scope, sender: str) -> str:
        # Of phones it is seen by their tokens; nobody else has one to show.
        if scope["is_suspect"] and not scope["path"].startswith(PHONES):
            return "refused"
        if not self._rates.take(sender):
            return "address"
        return "" if self._in_hand.take(sender, limits.IN_HAND_MAX, limits.ADDRESS_IN_HAND_MAX) else "overload"

    async def _served(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            async with asyncio.timeout(limits.REQUEST_MAX_S):
                await self._app(scope, receive, answer)
        except Exception as error:
            if answer.status:
                # Half of an answer is out: the connection ends, and the other side sees that it is not whole.
                log.error("answer broken off", route=scope["route"], error=type(error).__name__)
                raise _Broken from None
            await _told(scope, error)(scope, receive, answer)

    def _sender(self, scope: Scope) -> str:
        client = scope.get("client")
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"] if self._trusted else ()
        return self._household(client[0] if client else "", b",".join(forwarded))

    def _counted_by(self, nearest: str, forwarded: bytes) -> str:
        named = proxies.chain(forwarded.decode("latin-1"))
        return proxies.household(proxies.believed(nearest, named, self._trusted))


class _Broken(Exception):
    """An answer could not be brought to its end."""


class _Answer:
    """Sends on, with our headers, and remembers the status; 0: nothing was sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *HEADERS]
        await self._send(message)


def _told(scope: Scope, error: Exception) -> Response:
    """What the other side reads of a fault: never what it was."""
    match error:
        case BodyTooLarge():
            return _closing(413, "too much")
        case BodyLate():
            return _closing(408, "too late")
        case Busy() | LaneFull():
            TURNED_AWAY.labels("overload").inc()
            return again()
        case StorageUnavailable() | TooSlow() | DatabaseBusy() | TimeoutError():
            log.warning("request put off", route=scope["route"], error=type(error).__name__)
            return again()
    incident = token_hex(4)
    # Without what the error says: it may quote what was sent. Where it was raised tells whoever mends it.
    log.error("request failed", incident=incident, route=scope["route"], error=type(error).__name__, at=_place(error))
    return text(500, f"fault {incident}")


def _closing(status: int, said: str) -> Response:
    """An answer to what was not read to its end: the rest of it would be taken for the next request."""
    return text(status, said, {"cache-control": "no-store", "connection": "close"})


def _place(error: Exception) -> list[str]:
    """Files and lines, the innermost last."""
    found: list[str] = []
    trace: Any = error.__traceback__
    while trace is not None:
        found.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[-6:]


def named(request: Request, route: str) -> None:
    """Says which endpoint it is, for the figures."""
    request.scope["route"] = route
