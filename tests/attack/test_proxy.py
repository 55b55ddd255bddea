"""The proxy must be as silent as a network, and as honest when it speaks: what it did to PostgreSQL is what we test."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from attack.proxy import Proxy

# Long enough for what must come, short enough for what must not.
COMES_S, SILENT_S = 10.0, 0.3


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Path]:
    """The socket of a server that says again what it hears."""
    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        listening.listen()

        def answer(connection: socket.socket) -> None:
            with connection:
                while heard := connection.recv(1024):
                    connection.sendall(heard)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:  # the test is over
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield place
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: Path) -> Iterator[Proxy]:
    """A proxy before it."""
    with Proxy(echo) as made:
        yield made


def connected(proxy: Proxy) -> socket.socket:
    """A connection through it."""
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=COMES_S)


def said(connection: socket.socket, words: bytes) -> bytes:
    """What comes back for some words."""
    connection.sendall(words)
    return connection.recv(1024)


def is_silent(connection: socket.socket) -> bool:
    """Whether nothing comes, not even an end."""
    connection.settimeout(SILENT_S)
    try:
        connection.recv(1024)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(COMES_S)
    return False


def test_it_passes_on_what_is_said_and_the_end(proxy: Proxy) -> None:
    """Otherwise it would measure itself."""
    with closing(connected(proxy)) as connection:
        assert said(connection, b"hello") == b"hello"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1024) == b""


def test_in_the_silence_nothing_comes_and_afterwards_all_of_it_in_order(proxy: Proxy) -> None:
    """A network that was away for a while loses nothing: TCP sends it again."""
    with closing(connected(proxy)) as old:
        assert said(old, b"before") == b"before"
        proxy.fall_silent()
        old.sendall(b"one ")
        with closing(connected(proxy)) as new:
            new.sendall(b"new")
            assert is_silent(old)
            assert is_silent(new)
            old.sendall(b"two")
            proxy.deliver()
            assert new.recv(1024) == b"new"
        heard = b""
        while heard != b"one two":
            heard += old.recv(1024)


def test_forgotten_connections_stay_silent_and_new_ones_go_through(proxy: Proxy) -> None:
    """As behind a firewall that forgot them: only who gives up and comes anew is served."""
    with closing(connected(proxy)) as old:
        assert said(old, b"before") == b"before"
        proxy.fall_silent()
        old.sendall(b"lost")
        proxy.forget()
        assert is_silent(old)
        with closing(connected(proxy)) as new:
            assert said(new, b"new") == b"new"


def test_connections_that_are_cut_end_and_what_was_said_meanwhile_is_lost(proxy: Proxy) -> None:
    """The end is told, so that a caller knows; what it had said has never been heard."""
    with closing(connected(proxy)) as old:
        assert said(old, b"before") == b"before"
        proxy.fall_silent()
        old.sendall(b"lost")
        proxy.cut()
        with suppress(ConnectionResetError):  # an end, too: something was still to be read
            assert old.recv(1024) == b""
    with closing(connected(proxy)) as new:
        assert said(new, b"new") == b"new"
