"""What orchestrators and monitors ask over HTTP: /livez, /readyz, /metrics."""

import socket
import ssl
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server import limits, listening
from server.readiness import Readiness
from storage.books import Books

# A prober that does not finish its request in this time is dropped.
REQUEST_TIMEOUT_S = 5


class Probes:
    """Answers on threads of its own until `close`, also while the server still starts."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        """Raises PortTaken."""
        self._readiness: Readiness | None = None
        self._books: Books | None = None
        self._registry = CollectorRegistry()
        try:
            self._server = _server(host, port, self, tls)
        except OSError as error:
            raise listening.refused(error, host, port, "FEALTY_PROBE_PORT", "FEALTY_PROBE_HOST") from error
        self.port = self._server.server_port
        self.url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def watch(self, readiness: Readiness, books: Books) -> None:
        """From now on tells of this server: it listens."""
        self._registry.register(Lanes(books))
        self._books = books
        self._readiness = readiness

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def livez(self) -> tuple[int, str]:
        """503 where a lane to the database has hung: only a restart helps then. An outage is not that."""
        for lane in self._books.lanes if self._books else ():
            if lane.stalled_s > limits.LANE_STALLED_MAX_S:
                return 503, f"{lane.waiting} wait in lane {lane.name}, which has not moved for {lane.stalled_s:.0f} s\n"
        return 200, "ok\n"

    def readyz(self) -> tuple[int, str]:
        """503 where this process does not answer a call of its own, or is not to be sent any."""
        missing = self._readiness.missing() if self._readiness else "this process is starting"
        return (503, f"not ready: {missing}\n") if missing else (200, "ready\n")

    def metrics(self) -> str:
        """The figures of the process, and those of its lanes."""
        return (generate_latest() + generate_latest(self._registry)).decode()


class Lanes(Collector):
    """How the lanes to the database are doing, for the scraper."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks for at each scrape."""
        waiting = GaugeMetricFamily("fealty_lane_waiting", "Work not answered yet", labels=["lane"])
        stalled = GaugeMetricFamily(
            "fealty_lane_stalled_seconds", "Time since the lane answered anything while work waits", labels=["lane"]
        )
        for lane in self._books.lanes:
            waiting.add_metric([lane.name], lane.waiting)
            stalled.add_metric([lane.name], lane.stalled_s)
        return [waiting, stalled]


def _server(host: str, port: int, probes: Probes, tls: ssl.SSLContext | None) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        """One request."""

        timeout = REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            """The three paths."""
            if self.path == "/livez":
                self._answer(*probes.livez())
            elif self.path == "/readyz":
                self._answer(*probes.readyz())
            elif self.path == "/metrics":
                self._answer(200, probes.metrics(), CONTENT_TYPE_LATEST)
            else:
                self._answer(404, "there is /livez, /readyz and /metrics\n")

        def _answer(self, code: int, text: str, content_type: str = "text/plain; charset=utf-8") -> None:
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes come every few seconds: they are not news."""

    class Server(ThreadingHTTPServer):
        """Of the host's own address family. Speaks TLS where it is to."""

        address_family = listening.family(host)

        def get_request(self) -> tuple[socket.socket, Any]:
            taken, address = super().get_request()
            # The handshake is the handler's, on its own thread and within its time.
            return tls.wrap_socket(taken, server_side=True, do_handshake_on_connect=False) if tls else taken, address

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Who does not speak TLS, or hangs up, is no news either."""
            if not isinstance(sys.exception(), OSError):
                super().handle_error(request, client_address)

    return Server((host, port), Handler)
