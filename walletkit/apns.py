"""A stand-in of Apple's push service: HTTP/2 over TLS, for who shows a certificate that the given authority issued.

It refuses what the real one refuses: other protocols, certificates of strangers, topics that are not the certificate's
own, headers that say nothing, bodies that are no push of a pass. What it answers to good pushes can be scripted, by
token or in general; it can end connections politely or not, be slow, and be silent. It is stricter than the real one in
two things: it wants the topic said even where the certificate has only one, and the body to be exactly `{}`.
"""

import asyncio
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from walletkit.apns_checking import Push, Scripted, is_token, wrong
from walletkit.apns_wire import Connection

__all__ = ["Push", "PushService", "Scripted"]

Result = TypeVar("Result")


# Told of each push that was taken: the topic, and until when it may be kept for a phone that is off (0: not at all).
Woken = Callable[[str, float], None]

TAKEN = Scripted(200)


class PushService:
    """Listens on loopback, on a thread of its own, from `start` until `stop`.

    `certificate` and `key` are its own (PEM), `authority` is who issues those of its clients. Change the attributes
    below as a test likes; they count from the next request on.
    """

    def __init__(self, certificate: Path, key: Path, authority: Path, port: int = 0, host: str = "127.0.0.1") -> None:
        self.pushes: list[Push] = []
        self.connections = 0
        # Scripted by token, each once, in order; then what all are answered.
        self.scripts: defaultdict[str, deque[Scripted]] = defaultdict(deque)
        self.answer_all: Scripted | None = None
        # With it, tokens that were never issued are none; otherwise whatever looks like a token is one.
        self.knows_only_issued = False
        self.delay_s = 0.0
        self.is_silent = False
        # Each connection is ended by GOAWAY, or cut, once it has answered so many.
        self.goaway_after: int | None = None
        self.cut_after: int | None = None
        # Takes a push, and cuts the connection before it has said so.
        self.cuts_before_answer = False
        self.max_concurrent_streams = 1000
        self._host = host
        self._port = port
        self._phones: dict[str, Woken] = {}
        self._retired: dict[str, int] = {}
        self._context = _context(certificate, key, authority)
        self._open: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it is, by the name that its certificate is for."""
        return f"https://localhost:{self._port}"

    def start(self) -> "PushService":
        """Returns once it listens; where no port was given, on a free one, which it keeps if it is started again."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="push service", daemon=True)
        self._thread.start()
        self._server = self._run(self._listen())
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """Nobody is there any more: connections are cut."""
        if self._loop is None or self._thread is None:
            return
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = self._server = None

    def __enter__(self) -> "PushService":
        """Started."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stopped."""
        self.stop()

    def issue(self, woken: Woken) -> str:
        """A token of a phone that wants to be told of pushes. `woken` is called on a thread that must not wait."""
        token = (uuid4().hex + uuid4().hex)[:64]
        self._phones[token] = woken
        return token

    def retire(self, token: str, at_ms: int | None = None) -> None:
        """The phone has no use for this token any more: pushes to it are answered 410, since then, or now."""
        self._phones.pop(token, None)
        self._retired[token] = at_ms if at_ms is not None else int(time.time() * 1000)

    def script(self, token: str, *answers: Scripted) -> None:
        """What the next pushes to a token are answered."""
        self.scripts[token].extend(answers)

    def taken(self, token: str) -> list[Push]:
        """The pushes to a token that were taken."""
        return [push for push in self.pushes if push.token == token and push.answer.status == 200]

    def cut_all(self) -> None:
        """Cuts every connection that there is now."""
        assert self._loop is not None
        for connection in list(self._open):
            self._loop.call_soon_threadsafe(connection.cut)

    def decide(self, topics: frozenset[str], headers: dict[str, str], names: list[str], body: bytes) -> Scripted:
        """What a request is answered: what is wrong with it, or what was scripted, or that it was taken."""
        token = headers.get(":path", "").removeprefix("/3/device/")
        found = wrong(headers, names, body, topics)
        if found is not None:
            return found
        if self.scripts[token]:
            return self.scripts[token].popleft()
        if self.answer_all is not None:
            return self.answer_all
        if token in self._retired:
            return Scripted(410, "Unregistered", timestamp_ms=self._retired[token])
        if not is_token(token) or (self.knows_only_issued and token not in self._phones):
            return Scripted(400, "BadDeviceToken")
        return TAKEN

    def note(self, push: Push) -> None:
        """Keeps a push that was answered, and wakes its phone."""
        self.pushes.append(push)
        woken = self._phones.get(push.token)
        if push.answer.status == 200 and woken is not None:
            woken(push.topic, float(push.headers.get("apns-expiration", "0")))

    async def _listen(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: None)
        return await loop.create_server(lambda: Connection(self), self._host, self._port, ssl=self._context)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for connection in list(self._open):
            connection.cut()
        await asyncio.sleep(0)

    def began(self, connection: Connection) -> None:
        """A connection tells that it stands."""
        self.connections += 1
        self._open.add(connection)

    def ended(self, connection: Connection) -> None:
        """A connection tells that it is over."""
        self._open.discard(connection)

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _context(certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority))
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    return context
