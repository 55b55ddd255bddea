"""What stands between us and a server of ours, and fails us while both ends are well."""

import socket
import time
from contextlib import suppress
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis


class Proxy:
    """Passes on what it gets. `is_silent`: swallows all of it, and stays connected. `pause_s`: before each byte of an
    answer."""

    def __init__(self, upstream: str | tuple[str, int]) -> None:
        self.is_silent = False
        self.pause_s = 0.0
        self._upstream = upstream
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listening]
        Thread(target=self._accept, daemon=True).start()

    def instead_of(self, url: str) -> str:
        """The URL by which the server of `url` is reached through here."""
        parts = urlsplit(url)
        address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        if parts.scheme == "postgresql":
            user, at, _ = parts.netloc.rpartition("@")
            return urlunsplit((parts.scheme, f"{user}{at}{address}", parts.path, "", ""))
        with redis.Redis.from_url(url) as client:
            return f"redis://{address}/{client.get_connection_kwargs()['db']}"

    def close(self) -> None:
        """Ends it, and what goes through it."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX if isinstance(self._upstream, str) else socket.AF_INET)
                server.connect(self._upstream)
                self._open += [client, server]
                Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
                Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with suppress(OSError):  # either side has gone
            while data := source.recv(65_536):
                if self.is_silent:
                    continue
                pause_s = self.pause_s if is_answer else 0.0
                for part in (data[at : at + 1] for at in range(len(data))) if pause_s else (data,):
                    time.sleep(pause_s)
                    sink.sendall(part)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


def before_postgres(url: str) -> Proxy:
    """One before the PostgreSQL of a URL."""
    with psycopg.connect(url) as found:
        host, port = found.info.host, found.info.port
    return Proxy(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))


def before_valkey(url: str) -> Proxy:
    """One before the broker of a URL."""
    with redis.Redis.from_url(url) as client:
        known = client.get_connection_kwargs()
    return Proxy(known["path"] if "path" in known else (known["host"], known["port"]))
