"""The HTTP of the stand-in of Google Wallet."""

import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

API = "/walletobjects/v1/"


class Scripted(NamedTuple):
    """An answer that is given instead. Without a status the request is done, only late; with `is_cut` nothing is
    answered at all."""

    status: int = 0
    reason: str = "backendError"
    message: str = "scripted"
    delay_s: float = 0.0
    retry_after: str = ""
    is_cut: bool = False


class Answering(Protocol):
    """Who answers."""

    def keys(self) -> str:
        """What is published of root keys."""
        ...

    def give_token(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        ...

    def next_script(self) -> Scripted | None:
        """What the API answers next, if that is scripted."""
        ...

    def note(self, method: str, path: str, body: Any, status: int) -> None:
        """Keeps a request that was not answered by `answer`."""
        ...

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The API."""
        ...


def handler(google: Answering) -> type[BaseHTTPRequestHandler]:
    """What a server makes of each connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._handle()

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

        def log_message(self, *_: Any) -> None:
            pass

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            if path == "/token":
                self._answer(*google.give_token(body))
            elif path == "/gp/m/issuer/keys":
                self._answer(200, json.loads(google.keys()))
            elif path.startswith(API):
                self._handle_api(path.removeprefix(API), body)
            else:
                self._answer(404, failed(404, "notFound", "no such page"))

        def _handle_api(self, path: str, body: bytes) -> None:
            scripted = google.next_script()
            if scripted is not None:
                time.sleep(scripted.delay_s)
            if scripted is not None and (scripted.is_cut or scripted.status):
                google.note(self.command, path, None, scripted.status)
                if scripted.is_cut:
                    self.close_connection = True
                    return
                answered = failed(scripted.status, scripted.reason, scripted.message)
                self._answer(scripted.status, answered, scripted.retry_after)
                return
            self._answer(*google.answer(self.command, path, self.headers.get("Authorization", ""), body))

        def _answer(self, status: int, answered: Any, retry_after: str = "") -> None:
            content = json.dumps(answered).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(content)))
            if retry_after:
                self.send_header("Retry-After", retry_after)
            self.end_headers()
            self.wfile.write(content)

    return Handler


def failed(status: int, reason: str, message: str) -> dict[str, Any]:
    """An error as Google writes it."""
    words = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
    error = {
        "code": status,
        "message": message,
        "errors": [{"message": message, "domain": "walletobjects", "reason": reason}],
        "status": words.get(status, "UNKNOWN"),
    }
    return {"error": error}
