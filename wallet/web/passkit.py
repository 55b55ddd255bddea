"""The web service of Apple Wallet: phones say that they have a card, ask what has changed, fetch it, and report what
went wrong. The rules W1 to W22 stand in docs/decisions/0047."""

import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote_to_bytes
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rules.passes.reports import cleaned, serial_in
from rules.passes.updates import http_date, is_unmodified
from storage.engine.ids import parse_typeid, typeid
from storage.passes.deliveries import Fetched, Listed, Reported
from storage.passes.devices import Change, Register, Registered, Unregister
from storage.passes.listing import Question
from wallet.apple.bundle import MEDIA_TYPE
from wallet.web import answers, limits
from wallet.web.answers import NO_STORE, Busy, empty
from wallet.web.buckets import Buckets
from wallet.web.site import Site

SCHEME = b"ApplePass"
# Of whom no log line is kept by address; there is one bucket for all.
ALL = "all"
# Anything else Apple would take for a path that it does not have, and for a fault of ours.
_PUSH_TOKEN = re.compile(rf"[0-9a-fA-F]{{1,{limits.PUSH_TOKEN_CHARS_MAX}}}")


class _Registration(msgspec.Struct):
    pushToken: str


class _Logs(msgspec.Struct):
    logs: list[str]


class PassKit:
    """Everything below /v1. A path is taken apart as it was sent, and each part decoded once (W15)."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pass_types = frozenset(account.pass_type for account in site.accounts.apple_accounts)
        only = site.apple("")
        self._only = only.pass_type if only else None
        self._devices = Buckets(limits.DEVICE_RATE, limits.DEVICE_BURST)
        self._registrations = Buckets(limits.PASS_RATE, limits.PASS_BURST)
        self._logs = Buckets(limits.LOG_RATE, limits.LOG_BURST)
        self._all_logs = Buckets(limits.ALL_LOGS_RATE, limits.ALL_LOGS_BURST, 1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        match (request.method, _parts(request.scope["raw_path"])):
            case ("GET", ["v1", "devices", device, "registrations", pass_type]):
                request.scope["route"] = "list"
                return await self._list(request, device, pass_type)
            case ("GET", ["v1", "passes", pass_type, serial]):
                request.scope["route"] = "pass"
                return await self._pass(request, pass_type, serial)
            case ("POST", ["v1", "devices", device, "registrations", pass_type, serial]):
                request.scope["route"] = "register"
                return await self._register(request, device, pass_type, serial)
            case ("DELETE", ["v1", "devices", device, "registrations", pass_type, serial]):
                request.scope["route"] = "unregister"
                return await self._unregister(request, device, pass_type, serial)
            case ("POST", ["v1", "log"]):
                request.scope["route"] = "log"
                return await self._log(request)
        return _refused(request, empty(404))

    async def _list(self, request: Request, device: str, pass_type: str) -> Response:
        """What has changed for a phone. Its id is all that it shows, so one that is not known learns no more than one
        for which nothing has changed (W4)."""
        if not _is_device(device) or not self._is_ours(pass_type):
            return empty(204)
        library_hash = self._hash(device)
        found = await self._site.lanes.updated(Question(library_hash, self._meant(pass_type), _tag(request)))
        if not found.passes:
            return empty(204)
        self._site.lanes.note([Listed(library_hash, found.passes, int(found.tag), datetime.now(UTC))])
        serials = [typeid("pass", card.int) for card in found.passes]
        # The tag is a text: phones pass over a number (W5).
        return _json({"serialNumbers": serials, "lastUpdated": found.tag})

    async def _pass(self, request: Request, pass_type: str, serial: str) -> Response:
        """The card as it is now, unless the phone has it already (W9)."""
        card = self._authorized(request, pass_type, serial)
        found = await self._site.lanes.found(card) if card else None
        account = self._site.apple(found.apple_pass_type) if found else None
        if found is None or account is None or account.pass_type != pass_type:
            return _unauthorized(request)
        if is_unmodified(request.headers.get("if-modified-since"), found.modified_at):
            self._site.lanes.note([Fetched(found.id, found.revision, datetime.now(UTC))])
            return empty(304, {**NO_STORE, "last-modified": http_date(found.modified_at)})
        built = await self._site.lanes.card(found.id)
        if built is None:
            return _unauthorized(request)
        file = await self._site.pkpass(built, account)
        self._site.lanes.note([Fetched(found.id, built.revision, datetime.now(UTC))])
        return pkpass(file, built.modified_at)

    async def _register(self, request: Request, device: str, pass_type: str, serial: str) -> Response:
        """A phone has the card, and says by what it is woken (W1, W2)."""
        card = self._authorized(request, pass_type, serial)
        if card is None:
            return _unauthorized(request)
        sent = await answers.body(request, limits.REGISTRATION_BYTES_MAX)
        try:
            push_token = msgspec.json.decode(sent, type=_Registration).pushToken
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return answers.text(400, "no pushToken")
        if not _is_device(device) or not _PUSH_TOKEN.fullmatch(push_token):
            return answers.text(400, "no pushToken or device")
        sealed = self._site.keys.seal_push_token(push_token)
        became = await self._change(Register(card, self._meant(pass_type), self._hash(device), sealed))
        if became is Registered.UNKNOWN:
            return _unauthorized(request)
        return empty(201 if became is Registered.NEW else 200)

    async def _unregister(self, request: Request, device: str, pass_type: str, serial: str) -> Response:
        """It has it no more; also where it never had it (W3)."""
        card = self._authorized(request, pass_type, serial)
        if card is None:
            return _unauthorized(request)
        if not _is_device(device):
            return empty(200)
        became = await self._change(Unregister(card, self._meant(pass_type), self._hash(device)))
        return _unauthorized(request) if became is Registered.UNKNOWN else empty(200)

    async def _log(self, request: Request) -> Response:
        """What a phone reports (W11). It is written down for whoever looks at the pass; nothing of it is answered."""
        sent = await answers.body(request, limits.LOG_BYTES_MAX)
        try:
            lines = msgspec.json.decode(sent, type=_Logs).logs[: limits.LOG_LINES_MAX]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return answers.text(400, "no logs")
        if not self._logs.take(request.scope["from"], len(lines)) or not self._all_logs.take(ALL, len(lines)):
            raise Busy
        now = datetime.now(UTC)
        kept = [(line, text) for line in lines if (text := cleaned(line, limits.LOG_LINE_CHARS_MAX))]
        if kept:
            self._site.lanes.note([Reported(parse_typeid("pass", serial_in(line)), text, now) for line, text in kept])
        return empty(200)

    async def _change(self, change: Change) -> Registered:
        """What became of a registration. Raises Busy where those of its pass come too often."""
        if not self._registrations.take(change.card.bytes):
            raise Busy
        return await self._site.lanes.change(change)

    def _authorized(self, request: Request, pass_type: str, serial: str) -> UUID | None:
        """The pass that the request may speak of. Its token follows from its id, so a wrong one and one of a pass that
        never was cost the same, and are found out without a look at the books (W12, W13)."""
        ours = self._site.keys.authentication_token(serial).encode()
        given = [value for name, value in request.scope["headers"] if name == b"authorization"]
        scheme, _, token = given[0].partition(b" ") if len(given) == 1 else (b"", b"", b"")
        is_it = hmac.compare_digest(token, ours)
        if not is_it or scheme != SCHEME or not self._is_ours(pass_type):
            return None
        return parse_typeid("pass", serial)

    def _is_ours(self, pass_type: str) -> bool:
        return pass_type in self._pass_types

    def _meant(self, pass_type: str) -> tuple[str, ...]:
        """What designs call a pass type of ours: they may leave it out where there is no other."""
        return (pass_type, "") if pass_type == self._only else (pass_type,)

    def _hash(self, device: str) -> bytes:
        """By what a phone is known. Raises Busy where it asks too often."""
        library_hash = self._site.keys.device_hash(device)
        if not self._devices.take(library_hash):
            raise Busy
        return library_hash


def pkpass(file: bytes, modified_at: datetime) -> Response:
    """A card on its way to a phone. Shown at once, not saved as a file, and kept by nobody in between."""
    headers = {
        **NO_STORE,
        "last-modified": http_date(modified_at),
        "content-disposition": 'inline; filename="card.pkpass"',
    }
    return Response(file, 200, headers, MEDIA_TYPE)


def _parts(raw_path: bytes) -> Sequence[str]:
    """The parts of a path; none where one of them is no text."""
    if b"%" not in raw_path:
        return raw_path.decode("latin-1").split("/")[1:]
    try:
        return [unquote_to_bytes(part).decode() for part in raw_path.split(b"/")[1:]]
    except UnicodeDecodeError:
        return []


def _tag(request: Request) -> str:
    """What the phone was told last time; empty where it says nothing."""
    query: bytes = request.scope["query_string"]
    name, _, value = query.partition(b"=")
    if name == b"passesUpdatedSince" and value.isdigit():
        return value.decode()  # as phones write it
    found = parse_qs(query.decode("latin-1"), max_num_fields=8) if len(query) < limits.QUERY_BYTES_MAX else {}
    return found.get("passesUpdatedSince", [""])[0]


def _is_device(device: str) -> bool:
    is_short = 0 < len(device) <= limits.DEVICE_CHARS_MAX
    return is_short and device.isascii() and device.isprintable() and " " not in device


def _unauthorized(request: Request) -> Response:
    return _refused(request, empty(401, {**NO_STORE, "www-authenticate": SCHEME.decode()}))


def _refused(request: Request, response: Response) -> Response:
    """The answer to who shows nothing that is right; of those who did too often, to none."""
    if request.scope["is_suspect"]:
        raise Busy
    return response


def _json(answer: object) -> Response:
    return Response(msgspec.json.encode(answer), 200, dict(NO_STORE), "application/json")
