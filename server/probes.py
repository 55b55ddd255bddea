"""What orchestrators and monitors ask over HTTP: /livez, /readyz, /metrics."""

import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

# A prober that does not finish its request in this time is dropped.
REQUEST_TIMEOUT_S = 5


def serve_probes(host: str, port: int, ready: Callable[[], bool]) -> ThreadingHTTPServer:
    """Answers on a thread of its own until `shutdown()`. Raises OSError where the port is taken."""

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        timeout = REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            """The three paths."""
            if self.path == "/livez":
                self._answer(200, b"ok\n")
            elif self.path == "/readyz":
                self._answer(*((200, b"ready\n") if ready() else (503, b"not ready\n")))
            elif self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
            else:
                self._answer(404, b"there is /livez, /readyz and /metrics\n")

        def _answer(self, code: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes come every few seconds: they are not news."""

    class Server(ThreadingHTTPServer):
        """Of the host's own address family."""

        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    server = Server((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server
