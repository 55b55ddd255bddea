"""A web service for cards that says what a test tells it to: as a good one does, or wrongly."""

import json
import ssl
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from rules.passes.content import Amount
from rules.passes.designs import Slot
from tests.wallet import cards
from tests.wallet.apple.service import server
from wallet.apple.bundle import MEDIA_TYPE, build
from wallet.apple.certificates import AppleAccount
from wallet.apple.passjson import Service

TOKEN = "authentication-token"


class Reply(NamedTuple):
    """What is answered instead, once."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Shop:
    """Cards by serial, each with points at a revision; `asked` has each request, `instead` what is answered by path."""

    def __init__(self, account: AppleAccount, port: int) -> None:
        self.url = f"https://localhost:{port}/wallet"
        self.points: dict[str, tuple[int, int]] = {}
        self.registered: dict[tuple[str, str], str] = {}
        self.logs: list[str] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.instead: defaultdict[str, list[Reply]] = defaultdict(list)
        self._account = account
        self._revision = 0

    def set(self, serial: str, points: int) -> None:
        """What a card shows from now on."""
        self._revision += 1
        self.points[serial] = (points, self._revision)

    def card(self, serial: str) -> bytes:
        """As a file."""
        shown = cards.field(
            "points",
            Slot.HEADER,
            Amount(self.points[serial][0]),
            cards.both("Points", "Punkte"),
            (("en", "Now %@ points"),),
        )
        content = replace(cards.CARD, serial=serial, fields=(shown,))
        return build(content, cards.STORED.__getitem__, self._account, Service(self.url, TOKEN))

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """What a request is answered."""
        parts = urlsplit(target)
        self.asked.append((method, target, dict(headers)))
        kind = next((word for word in ("registrations", "passes", "log") if f"/{word}" in parts.path), "link")
        if self.instead[kind]:
            return self.instead[kind].pop(0)
        way = [unquote(part) for part in parts.path.split("/")]
        match (method, way[3:]):
            case ("POST", ["log"]):
                self.logs += json.loads(body)["logs"]
                return Reply(200)
            case (_, ["devices", device, "registrations", _, serial]):
                if headers.get("authorization") != f"ApplePass {TOKEN}":
                    return Reply(401)
                return self._register(method, device, serial, body)
            case ("GET", ["devices", device, "registrations", _]):
                return self._changed(device, parse_qs(parts.query).get("passesUpdatedSince", ["0"])[0])
            case ("GET", ["passes", _, serial]):
                return self._fetch(serial, headers.get("if-modified-since", ""))
        return Reply(200, {"content-type": MEDIA_TYPE}, self.card(way[-1]))

    def _register(self, method: str, device: str, serial: str, body: bytes) -> Reply:
        if method == "DELETE":
            self.registered.pop((device, serial), None)
            return Reply(200)
        is_new = (device, serial) not in self.registered
        self.registered[(device, serial)] = json.loads(body)["pushToken"]
        return Reply(201 if is_new else 200)

    def _changed(self, device: str, tag: str) -> Reply:
        mine = {serial for one, serial in self.registered if one == device}
        newer = {serial: at for serial, (_, at) in self.points.items() if serial in mine and at > int(tag)}
        if not newer:
            return Reply(204)
        told = {"serialNumbers": sorted(newer), "lastUpdated": str(max(newer.values()))}
        return Reply(200, {"content-type": "application/json"}, json.dumps(told).encode())

    def _fetch(self, serial: str, since: str) -> Reply:
        # No phone reads this date: it sends it back as it came.
        modified = f"revision {self.points[serial][1]}"
        if since == modified:
            return Reply(304)
        return Reply(200, {"content-type": MEDIA_TYPE, "last-modified": modified}, self.card(serial))


@contextmanager
def open_shop(account: AppleAccount, folder: Path) -> Iterator[Shop]:
    """One that listens with TLS, on loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = shop.answer(self.command, self.path, headers, body)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status not in (204, 304):
                self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_DELETE = handle_any

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server().write(folder / "shop.pem", folder / "shop.key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "shop.pem", folder / "shop.key")
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    shop = Shop(account, listening.server_address[1])
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield shop
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
