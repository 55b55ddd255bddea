"""A connection of the meter by TLS: what it writes and reads goes through OpenSSL, and it waits as a plain one does."""

import socket
import ssl

SCHEME = "tls://"
"""Before the address of a server that speaks it."""


class TlsSocket:
    """As much of a socket as a connection uses. Whose certificate it is, the meter does not ask."""

    def __init__(self, plain: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self._line = context.wrap_socket(plain)
        self.fileno = self._line.fileno
        self.close = self._line.close
        self.setsockopt = self._line.setsockopt
        self.setblocking = self._line.setblocking
        self.sendall = self._line.sendall

    def send(self, data: bytes | memoryview) -> int:
        """Raises BlockingIOError where the kernel takes nothing."""
        try:
            return self._line.send(data)
        except ssl.SSLWantWriteError:
            raise BlockingIOError from None

    def recv(self, size: int) -> bytes:
        """What has come, and all that OpenSSL has of it: nobody would be told that this can be read. Raises
        BlockingIOError where nothing has."""
        try:
            data = self._line.recv(size)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None
        while pending := self._line.pending():
            data += self._line.recv(pending)
        return data
