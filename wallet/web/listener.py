"""uvicorn, with the limits that it does not have: on connections, on clients that are slow to speak or to listen, and
on what stands before the body of a request."""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Generator, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rules import proxies
from rules.proxies import Network
from wallet.web import limits

# Names and values of all headers together; a browser sends some 1,500 bytes.
HEAD_BYTES_MAX = 16 << 10


class Listener(uvicorn.Server):
    """Serves an application on a socket that listens, until `stop`. Signals are its caller's."""

    def __init__(
        self, app: ASGIApp, listening: socket.socket, tls: ssl.SSLContext | None, trusted: Sequence[Network] = ()
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                loop="uvloop",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=int(limits.HEADERS_MAX_S),
                timeout_graceful_shutdown=int(limits.DRAIN_MAX_S),
            )
        )
        self._listening = listening
        self._tls = tls
        self._trusted = trusted
        self._of_address: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening.getsockname()[1])

    def stop(self) -> None:
        """Takes nothing new, finishes what is in hand."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens."""
        loop = asyncio.get_running_loop()
        limited: dict[str, Any] = {}
        if self._tls is not None:
            # The second is also how long the last of an answer may be on its way.
            limited = {"ssl_handshake_timeout": limits.HANDSHAKE_MAX_S, "ssl_shutdown_timeout": limits.UNREAD_MAX_S}
        self.servers = [
            await loop.create_server(
                lambda: _Connection(self), sock=self._listening, ssl=self._tls, backlog=1_024, **limited
            )
        ]
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """None: whoever runs us heeds them."""
        yield

    def enter(self, address: str) -> bool:
        """Whether one more connection of an address may be."""
        if len(self.server_state.connections) >= limits.CONNECTIONS_MAX:
            return False
        if not proxies.is_trusted(address, self._trusted):
            household = proxies.household(address)
            if self._of_address[household] >= limits.ADDRESS_CONNECTIONS_MAX:
                return False
            self._of_address[household] += 1
        return True

    def leave(self, address: str) -> None:
        """It is over."""
        if proxies.is_trusted(address, self._trusted):
            return
        household = proxies.household(address)
        self._of_address[household] -= 1
        if not self._of_address[household]:
            del self._of_address[household]


class _Connection(HttpToolsProtocol):
    """One connection. While it waits for a request, or for what was sent to be taken, it is watched."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener.config, listener.server_state, {})
        self._listener = listener
        self._entered = ""
        self._head_bytes = 0
        self._is_in_head = True
        self._watch: asyncio.TimerHandle | None = None
        self._unread = 0

    def connection_made(self, transport: Any) -> None:
        """Takes it in, or not."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self._listener.enter(address):
            transport.abort()
            self.transport = transport
            return
        self._entered = address
        super().connection_made(transport)
        # Of TLS itself some bytes may still be on their way.
        self._watch = self.loop.call_later(limits.HEADERS_MAX_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets it."""
        self._unwatch()
        if self._entered:
            self._listener.leave(self._entered)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of it. Of a head that does not end no more is kept than of one that is as long as may be."""
        if not self._entered or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > HEAD_BYTES_MAX:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """The head is there: from here on the application looks after it, and ends it in its time. An answer that it
        had to break off, for nobody took it, would be waited for here."""
        self._unwatch()
        self._watch = self.loop.call_later(limits.REQUEST_MAX_S + limits.UNREAD_MAX_S, self.transport.abort)
        self._is_in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """An answer was handed to the line, which may be slow to take it."""
        super().on_response_complete()
        self._await_request()

    def timeout_keep_alive_handler(self) -> None:
        """Ours looks after it."""

    def shutdown(self) -> None:
        """The process stops: who has nothing in hand here is not asked to say goodbye, which some never do."""
        if self._is_in_head and not self._left():
            self.transport.abort()
        else:
            super().shutdown()

    def _await_request(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            return  # the next was there already
        self._unwatch()
        self._is_in_head, self._head_bytes = True, 0
        self._unread = self._left()
        limit_s = limits.UNREAD_MAX_S if self._unread else limits.HEADERS_MAX_S
        self._watch = self.loop.call_later(limit_s, self._look)

    def _look(self) -> None:
        """The time is over: is the other side still taking what it was sent?"""
        self._watch = None
        left = self._left()
        if 0 < left < self._unread:
            self._await_request()
        else:
            # Without a goodbye: TLS would wait for the other side to say one as well.
            self.transport.abort()

    def _left(self) -> int:
        return int(self.transport.get_write_buffer_size())

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
