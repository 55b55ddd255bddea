"""What orchestrators and monitors ask over HTTP, apart from the public: /livez, /readyz, /metrics. On threads of their
own, so that they answer where the loop does not."""

import asyncio
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

from wallet.web.lanes import Lanes

# A prober that does not finish its request in this time is dropped.
REQUEST_TIMEOUT_S = 5
# A lane to the database that moves nothing for so long has hung: only a restart helps. An outage is not that.
LANE_STALLED_MAX_S = 60.0
# The loop turns within milliseconds.
LOOP_ANSWER_MAX_S = 2.0


class Probes:
    """Answers until `close`."""

    def __init__(
        self, listening: socket.socket, loop: asyncio.AbstractEventLoop, lanes: Lanes, tls: ssl.SSLContext | None = None
    ) -> None:
        self._loop = loop
        self._lanes = lanes
        self._stopping = False
        self._registry = CollectorRegistry()
        self._registry.register(_LaneFigures(lanes))
        self._server = _server(listening, self, tls)
        host, port = listening.getsockname()[:2]
        self.url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def stop(self) -> None:
        """From now on the process is not ready, whatever it answers."""
        self._stopping = True

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def livez(self) -> tuple[int, str]:
        """503 where a lane to the database has hung."""
        for lane in self._lanes.states:
            if lane.stalled_s > LANE_STALLED_MAX_S:
                return 503, f"{lane.waiting} wait in lane {lane.name}, which has not moved for {lane.stalled_s:.0f} s\n"
        return 200, "ok\n"

    def readyz(self) -> tuple[int, str]:
        """503 where this process is stopping, or its loop does not turn."""
        if self._stopping:
            return 503, "not ready: this process is stopping\n"
        try:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(LOOP_ANSWER_MAX_S)
        except TimeoutError:
            return 503, "not ready: the event loop does not turn\n"
        return 200, "ready\n"

    def metrics(self) -> str:
        """The figures of the process, and those of its lanes."""
        return (generate_latest() + generate_latest(self._registry)).decode()


class _LaneFigures(Collector):
    """How the lanes to the database are doing, for the scraper; under the names that the server has for its own."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    def collect(self) -> Iterable[Metric]:
        """What prometheus_client asks for at each scrape."""
        waiting = GaugeMetricFamily("fealty_lane_waiting", "Work not answered yet", labels=["lane"])
        stalled = GaugeMetricFamily(
            "fealty_lane_stalled_seconds", "Time since the lane answered anything while work waits", labels=["lane"]
        )
        for lane in self._lanes.states:
            waiting.add_metric([lane.name], lane.waiting)
            stalled.add_metric([lane.name], lane.stalled_s)
        return [waiting, stalled]


def _server(listening: socket.socket, probes: Probes, tls: ssl.SSLContext | None) -> ThreadingHTTPServer:
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
        """Speaks TLS where it is to."""

        def get_request(self) -> tuple[socket.socket, Any]:
            taken, address = super().get_request()
            # The handshake is the handler's, on its own thread and within its time.
            return tls.wrap_socket(taken, server_side=True, do_handshake_on_connect=False) if tls else taken, address

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Who does not speak TLS, or hangs up, is no news either."""
            if not isinstance(sys.exception(), OSError):
                super().handle_error(request, client_address)

    server = Server(listening.getsockname()[:2], Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listening
    server.daemon_threads = True
    return server
