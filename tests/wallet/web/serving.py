"""The public endpoints, on a real socket with TLS, with a real database; and a phone's view of them."""

import asyncio
import hashlib
import io
import json
import socket
import ssl
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import uvloop

from rules.proxies import Network
from storage.engine.database import Database
from storage.engine.ids import typeid
from tests.personal import CODES, WALLET
from tests.storage.scene import Scene
from tests.wallet.apple.service import TEAM, TOPIC, authorities, leaf, server
from wallet import accounts
from wallet.google.rootkeys import RootKeys
from wallet.web.app import build
from wallet.web.lanes import Lanes
from wallet.web.listener import Listener
from wallet.web.process import bind
from wallet.web.site import Site

__all__ = ["TEAM", "TOPIC", "Public", "serving"]

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131 Mobile Safari/537.36"
)
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PUSH_TOKEN = "5e" * 32
DEVICE = "d4" * 16


class Public:
    """A running site, and short ways to call it. `site` is what it stands on, `loop` where it runs."""

    def __init__(self, site: Site, listener: Listener, loop: asyncio.AbstractEventLoop, trust: Path) -> None:
        self.site = site
        self.listener = listener
        self.loop = loop
        self.trust = trust
        self.url = f"https://localhost:{listener.port}"
        self.http = self.client()

    def client(self, **more: Any) -> httpx.Client:
        """A client that follows nothing by itself."""
        return httpx.Client(base_url=self.url, verify=ssl.create_default_context(cafile=str(self.trust)), **more)

    def connect(self) -> ssl.SSLSocket:
        """A connection of one's own, to say on it what no client would."""
        context = ssl.create_default_context(cafile=str(self.trust))
        plain = socket.create_connection(("127.0.0.1", self.listener.port), 30)
        return context.wrap_socket(plain, server_hostname="localhost")

    def auth(self, card: UUID, scheme: str = "ApplePass ") -> dict[str, str]:
        """What the phone that has a pass shows."""
        return {"Authorization": scheme + WALLET.authentication_token(typeid("pass", card.int))}

    def register(self, card: UUID, device: str = DEVICE, push_token: str = PUSH_TOKEN, **more: Any) -> httpx.Response:
        """A phone registers a pass."""
        sent: dict[str, Any] = {"headers": self.auth(card), "json": {"pushToken": push_token}, **more}
        return self.http.post(registration(card, device), **sent)

    def unregister(self, card: UUID, device: str = DEVICE) -> httpx.Response:
        """And takes that back."""
        return self.http.delete(registration(card, device), headers=self.auth(card))

    def changed(self, tag: str | None = None, device: str = DEVICE, pass_type: str = TOPIC) -> httpx.Response:
        """A phone asks what is new."""
        query = {"passesUpdatedSince": tag} if tag is not None else {}
        return self.http.get(f"/v1/devices/{device}/registrations/{pass_type}", params=query)

    def fetch(self, card: UUID, since: str = "", **more: Any) -> httpx.Response:
        """A phone asks for a pass."""
        headers = {**self.auth(card), **({"If-Modified-Since": since} if since else {})}
        return self.http.get(f"/v1/passes/{TOPIC}/{typeid('pass', card.int)}", headers=headers, **more)

    def settle(self) -> None:
        """Returns once all that was noted behind answers is written down."""

        async def settled() -> None:
            while any(lane.waiting for lane in self.site.lanes.states):
                await asyncio.sleep(0.005)

        asyncio.run_coroutine_threadsafe(settled(), self.loop).result(30)


def registration(card: UUID, device: str = DEVICE, pass_type: str = TOPIC) -> str:
    """The path of a registration."""
    return f"/v1/devices/{device}/registrations/{pass_type}/{typeid('pass', card.int)}"


def pass_json(file: bytes) -> Mapping[str, Any]:
    """What a card says."""
    with zipfile.ZipFile(io.BytesIO(file)) as packed:
        found: Mapping[str, Any] = json.loads(packed.read("pass.json"))
    return found


@contextmanager
def serving(
    database: Database,
    folder: Path,
    trusted: tuple[Network, ...] = (),
    wallet_dir: Path | None = None,
    keys_url: str = "",
) -> Iterator[Public]:
    """Endpoints on a loop of their own, with an account of Apple's unless told otherwise."""
    wallet_dir = wallet_dir or apple_folder(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*server_files(folder))
    trust = folder / "trust.pem"
    trust.write_bytes(authorities()[1].pem)
    ready, made = threading.Event(), []

    async def serve() -> None:
        listening = bind("127.0.0.1", 0, "FEALTY_PASSES_PORT")
        url = f"https://localhost:{listening.getsockname()[1]}"
        root_keys = RootKeys(keys_url or f"{url}/nowhere", trust)
        site = Site(Lanes(database, CODES), WALLET, accounts.load(wallet_dir), root_keys, url)
        listener = Listener(build(site, trusted), listening, context, trusted)
        made.append(Public(site, listener, asyncio.get_running_loop(), trust))
        asyncio.get_running_loop().call_soon(ready.set)
        await listener.serve()
        await site.lanes.close()

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, name="passes")
    thread.start()
    assert ready.wait(30)
    [public] = made
    try:
        yield public
    finally:
        public.http.close()
        public.listener.stop()
        thread.join()


def keep(scene: Scene, content: bytes) -> str:
    """An image of the program's; by its SHA-256 it is public."""
    sha256 = hashlib.sha256(content).digest()
    scene.rows(
        """
        INSERT INTO pass_image (program, sha256, width, height, content, created_at, activity)
        SELECT id, %s, 1, 1, %s, now(), activity FROM program RETURNING program
        """,
        [sha256, content],
    )
    return sha256.hex()


def apple_folder(folder: Path, *topics: str) -> Path:
    """A folder of accounts (FEALTY_WALLET_DIR) with these pass types."""
    for topic in topics or (TOPIC,):
        place = folder / "wallet" / "apple" / topic
        place.mkdir(parents=True, exist_ok=True)
        leaf(topic).write(place / "certificate.pem", place / "key.pem")
        (place / "wwdr.pem").write_bytes(authorities()[0].wwdr.pem)
    return folder / "wallet"


def server_files(folder: Path) -> tuple[Path, Path]:
    """Certificate and key of this host."""
    files = (folder / "server.pem", folder / "server.key")
    server().write(*files)
    return files


@cache
def png() -> bytes:
    """An image of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0\x80\x40\x20")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
