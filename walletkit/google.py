"""A stand-in of Google Wallet: its token endpoint, its Wallet API, its root keys and its callbacks, over HTTPS.

Bodies are checked by Google's own discovery document, tokens by what an assertion must say. Answers can be scripted:
the next so many are errors, or come late. What phones do with it is in android.py.
"""

import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs

from walletkit.google_callbacks import CallbackSigner
from walletkit.google_http import API, Scripted, failed, handler
from walletkit.google_store import Failure, Store, issuer_of
from walletkit.google_tokens import Refused, ServiceAccount, Tokens

RINGS_MAX = 3
RINGS_WITHIN_S = 86_400.0


class Asked(NamedTuple):
    """A request to the API, and what it was answered."""

    method: str
    path: str
    body: Any
    status: int
    at: float


class GoogleWallet:
    """Runs on a thread of its own, on a port of 127.0.0.1, with the certificate that it is given."""

    def __init__(self, certificate_file: Path, key_file: Path) -> None:
        self.store = Store()
        self.tokens = Tokens()
        self.signer = CallbackSigner()
        self.asked: list[Asked] = []
        # Told of each change of an object by its id, after it: phones listen.
        self.watchers: list[Callable[[str], None]] = []
        # The phones that have an object.
        self.holders: dict[str, set[int]] = {}
        # When an object made phones ring; what Google let through of it.
        self.rings: dict[str, list[float]] = {}
        self._scripts: deque[Scripted] = deque()
        self._token_scripts: deque[Scripted] = deque()
        self._rights: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate_file, key_file)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://localhost:{self._server.server_address[1]}"

    @property
    def api_url(self) -> str:
        """In the place of https://walletobjects.googleapis.com/walletobjects/v1."""
        return f"{self.url}{API}".rstrip("/")

    @property
    def keys_url(self) -> str:
        """In the place of https://pay.google.com/gp/m/issuer/keys."""
        return f"{self.url}/gp/m/issuer/keys"

    def create_account(self, issuer: str, name: str = "wallet") -> str:
        """The JSON file of a new service account, which may act for an issuer; for none where that is empty."""
        account: ServiceAccount = self.tokens.create(f"{name}@stand-in.iam.gserviceaccount.com")
        if issuer:
            self.permit(account.email, issuer)
        return account.json(f"{self.url}/token")

    def permit(self, email: str, issuer: str) -> None:
        """Makes an account a user of an issuer."""
        self._rights.add((email, issuer))

    def forbid(self, issuer: str) -> None:
        """No account may act for it any more."""
        self._rights = {right for right in self._rights if right[1] != issuer}

    def script(self, *answers: Scripted) -> None:
        """What the next requests to the API are answered, each one."""
        self._scripts.extend(answers)

    def script_tokens(self, *answers: Scripted) -> None:
        """The same of the token endpoint."""
        self._token_scripts.extend(answers)

    def shown(self, object_id: str) -> dict[str, Any]:
        """An object as it stands. Raises KeyError."""
        return self.store.object(object_id)[1]

    def keys(self) -> str:
        """What Google publishes of its root keys."""
        return self.signer.keys()

    def give_token(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """The token endpoint."""
        with self._lock:
            if self._token_scripts:
                scripted = self._token_scripts.popleft()
                return scripted.status, {"error": scripted.reason, "error_description": scripted.message}
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            try:
                return 200, self.tokens.give(form.get("grant_type", ""), form.get("assertion", ""))
            except Refused as refused:
                return 400, {"error": str(refused), "error_description": "Invalid JWT Signature."}

    def next_script(self) -> Scripted | None:
        """What is answered next, if that is scripted."""
        with self._lock:
            return self._scripts.popleft() if self._scripts else None

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """The API."""
        changed = ""
        with self._lock:
            try:
                asked = json.loads(body) if body else None
                status, answered = 200, self._do(method, path, authorization, asked)
                if method != "GET" and "Object" in path:
                    changed = str(answered.get("id", ""))
                    self._ring(changed, method, asked)
            except ValueError:
                asked, status, answered = None, 400, failed(400, "parseError", "the body is no JSON")
            except Failure as failure:
                status, answered = failure.status, failed(failure.status, failure.reason, failure.message)
            self.note(method, path, asked, status)
        if changed:
            for watcher in self.watchers:
                watcher(changed)
        return status, answered

    def note(self, method: str, path: str, body: Any, status: int) -> None:
        """Keeps a request."""
        self.asked.append(Asked(method, path, body, status, time.monotonic()))

    def _do(self, method: str, path: str, authorization: str, body: Any) -> dict[str, Any]:
        email = self.tokens.owner(authorization)
        if email is None:
            raise Failure(401, "authError", "Invalid Credentials")
        collection, _, rest = path.partition("/")
        id_, _, verb = rest.partition("/")
        if collection == "jwt":
            return self._jwt(email, rest, body)
        self._check_right(email, id_ or (body.get("id") if isinstance(body, dict) else ""))
        if isinstance(body, dict) and isinstance(body.get("classId"), str):
            self._check_right(email, body["classId"])
        match (method, bool(id_), verb):
            case ("POST", False, ""):
                return self.store.insert(collection, body)
            case ("GET", True, ""):
                return self.store.get(collection, id_)
            case ("PATCH", True, ""):
                return self.store.patch(collection, id_, body)
            case ("PUT", True, ""):
                return self.store.replace(collection, id_, body)
            case ("POST", True, "addMessage"):
                return self.store.add_message(collection, id_, body)
        raise Failure(404, "notFound", "no such method")

    def _jwt(self, email: str, verb: str, body: Any) -> dict[str, Any]:
        try:
            resource = body["jwtResource"] if verb == "validate" else body
            claims = self.tokens.verified(resource["jwt"])
        except (KeyError, TypeError, Refused):
            raise Failure(400, "invalidJwt", "the JWT is none of a service account") from None
        for collection, objects in claims["payload"].items():
            for one in objects:
                self._check_right(email, one["id"])
                self.store.get(collection.removesuffix("s"), one["id"])
        return {}

    def _check_right(self, email: str, id_: Any) -> None:
        if (email, issuer_of(id_)) not in self._rights:
            raise Failure(403, "permissionDenied", f"{email} does not have permission to act for the issuer")

    def _ring(self, object_id: str, method: str, body: Any) -> None:
        if method == "PATCH" and isinstance(body, dict) and body.get("notifyPreference") == "NOTIFY_ON_UPDATE":
            rung = self.rings.setdefault(object_id, [])
            now = time.time()
            if len([at for at in rung if at > now - RINGS_WITHIN_S]) < RINGS_MAX:
                rung.append(now)


class _Server(ThreadingHTTPServer):
    """Says nothing of clients that go away, or do not trust it."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass
